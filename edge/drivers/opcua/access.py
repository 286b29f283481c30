"""Owns how a session becomes safe: which endpoint, whether its server is genuine, who the gateway is to it.

asyncua accepts any server unless told otherwise. Here nothing is sent on a secured connection before the certificate of
the endpoint was found trusted (`trust`), and the channel is opened with that very certificate, whose key the server
must have to go on.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies

from edge.clock import Clock
from edge.drivers.opcua import identity
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.identity import Identity
from edge.drivers.opcua.security import Mode, Policy, Security, User
from edge.drivers.opcua.trust import Trust, fingerprint, first_of
from edge.errors import DriverRefused
from shared import logs

_POLICIES = {
    Policy.BASIC256SHA256: security_policies.SecurityPolicyBasic256Sha256,
    Policy.AES128_SHA256_RSAOAEP: security_policies.SecurityPolicyAes128Sha256RsaOaep,
    Policy.AES256_SHA256_RSAPSS: security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_MODES = {
    Mode.SIGN: ua.MessageSecurityMode.Sign,
    Mode.SIGN_AND_ENCRYPT: ua.MessageSecurityMode.SignAndEncrypt,
}
_SAFE = {policy.uri for policy in _POLICIES}

_log = logs.get(__name__)


class Access:
    """How one connection's sessions are secured."""

    def __init__(self, name: str, options: OpcUaConnection, state: Path | None, clock: Clock) -> None:
        """Prepare; certificates are read and made when a session begins.

        Args:
            name: The connection's, for messages.
            options: The connection's.
            state: The gateway's state directory; None keeps nothing.
            clock: Time, for certificates.
        """
        self._name = name
        self._url = options.opcua
        self._security = options.security if options.security and options.security.policy is not Policy.NONE else None
        self._user = options.user
        self._directory = state / "opcua" if state is not None else None
        self._clock = clock
        self._identity: Identity | None = None
        pins = self._security.trust if self._security else ()
        self.trust = Trust(pins, self._directory / "trusted" if self._directory else None)

    @property
    def is_secured(self) -> bool:
        """Whether there is any security."""
        return self._security is not None

    @property
    def has_user(self) -> bool:
        """Whether a session is begun as somebody."""
        return self._user is not None

    def identity(self) -> Identity:
        """Return the gateway's application certificate and key, made if there are none.

        Raises:
            DriverRefused: They cannot be read or written.
        """
        now = dt.datetime.fromtimestamp(self._clock.now_us() / 1e6, dt.UTC)
        security = self._security
        if security is not None and security.certificate is not None and security.key is not None:
            return identity.given(
                security.certificate.encode(),
                security.key.get_secret_value().encode(),
                f"{self._name}: `security.certificate`",
            )
        if self._identity is None or now > self._identity.certificate.not_valid_after_utc - identity.RENEWED_BEFORE:
            self._identity = identity.own(self._directory / "own" if self._directory else None, now)
        return self._identity

    def introduction(self) -> str:
        """Say what the server's administrator must do so that it takes the gateway's certificate."""
        place = f" ({self._directory / 'own' / 'gateway.der'})" if self._directory else ""
        shown = fingerprint(self._identity.der) if self._identity is not None else "it shows"
        return f"let the server's administrator trust the gateway's certificate {shown}{place}"

    async def prepare(self, client: Client) -> None:
        """Choose the endpoint and give a client that is not connected its security and its user.

        Raises:
            DriverRefused: The server offers no such endpoint, or is not trusted.
            Exception: What asyncua raises; the caller translates it.
        """
        if self._user is not None:
            _identify(client, self._user, self._name)
        if self._security is None:
            return
        # asyncua tells a connection that lies below it as an error with its traceback
        logging.getLogger("asyncua.crypto.uacrypto").setLevel(logging.CRITICAL)
        discovery = Client(self._url, timeout=client.uaclient._timeout)  # noqa: SLF001 - it has no other name
        offered = await discovery.connect_and_get_server_endpoints()
        endpoint = chosen(offered, self._security)
        if endpoint is None:
            raise DriverRefused(
                f"{self._name}: {self._url} does not offer {self._security.policy} with {self._security.mode}; it "
                f"offers {', '.join(described(offered)) or 'nothing'}: choose one of these, or let its administrator "
                "enable it"
            )
        certificate = first_of(bytes(endpoint.ServerCertificate or b""))
        self.trust.check(self._name, self._url, certificate)
        loaded = identity.certificate_of(certificate, f"{self._name}: the certificate of {self._url}")
        own = self.identity()
        client.application_uri = own.uri
        policy: Any = _POLICIES[self._security.policy]
        client.security_policy = policy(loaded, own.certificate, own.key, _MODES[self._security.mode])
        client.uaclient.set_security(client.security_policy)

    async def activate(self, client: Client) -> None:
        """Activate a session as the user.

        Raises:
            DriverRefused: The server would have the password in the open.
            Exception: What asyncua raises.
        """
        user = self._user
        if user is None:
            await client.activate_session()
            return
        kind = ua.UserTokenType.UserName if user.name is not None else ua.UserTokenType.Certificate
        client._policy_ids = self._tokens(client._policy_ids, kind)  # noqa: SLF001 - asyncua takes the first of them
        if user.name is not None and user.password is not None:
            await client.activate_session(username=user.name, password=user.password.get_secret_value())
        else:
            await client.activate_session(certificate=client.user_certificate)

    def _tokens(self, offered: Sequence[ua.UserTokenPolicy], kind: ua.UserTokenType) -> list[ua.UserTokenPolicy]:
        """Return the ways in which this kind of user may be told, the safest first."""
        assert self._security is not None  # noqa: S101 - the configuration has no user without security
        own = self._security.policy.uri
        fitting = [
            replace(token, SecurityPolicyUri=token.SecurityPolicyUri or own)
            for token in offered
            if token.TokenType == kind
        ]
        safe = [token for token in fitting if token.SecurityPolicyUri in _SAFE]
        if safe or not fitting:
            return safe
        if kind == ua.UserTokenType.Certificate:
            return [replace(token, SecurityPolicyUri=own) for token in fitting]
        if self._security.mode is Mode.SIGN_AND_ENCRYPT:
            # the channel encrypts it
            return [token for token in fitting if token.SecurityPolicyUri == Policy.NONE.uri]
        raise DriverRefused(
            f"{self._name}: {self._url} would have the password unencrypted in a channel that is only signed; "
            "use `mode: SignAndEncrypt`"
        )


def chosen(offered: Sequence[ua.EndpointDescription], security: Security) -> ua.EndpointDescription | None:
    """Return the endpoint of this policy and mode, None if there is none."""
    for endpoint in offered:
        is_tcp = (endpoint.EndpointUrl or "").startswith("opc.tcp")
        if (
            is_tcp
            and endpoint.SecurityPolicyUri == security.policy.uri
            and endpoint.SecurityMode == _MODES[security.mode]
        ):
            return endpoint
    return None


def described(offered: Sequence[ua.EndpointDescription]) -> list[str]:
    """Return policy and mode of each endpoint, as the configuration writes them."""
    pairs = [
        (endpoint.SecurityPolicyUri or "").rpartition("#")[2]
        + ("" if endpoint.SecurityMode == ua.MessageSecurityMode.None_ else f" with {endpoint.SecurityMode.name}")
        for endpoint in offered
    ]
    return list(dict.fromkeys(pairs))


def _identify(client: Client, user: User, name: str) -> None:
    if user.certificate is not None and user.key is not None:
        named = f"{name}: `user.certificate`"
        client.user_certificate = identity.certificate_of(user.certificate.encode(), named)
        client.user_private_key = identity.private_key(user.key.get_secret_value().encode(), f"{name}: `user.key`")
