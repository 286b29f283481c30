"""Secured sessions with a real server: every policy and mode, whom the gateway trusts, and who it is to the server."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.crypto.permission_rules import User as Rights
from asyncua.crypto.permission_rules import UserRole
from cryptography.hazmat.primitives import serialization

from edge.drivers.opcua import identity
from edge.drivers.opcua.access import Access
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.identity import Identity
from edge.drivers.opcua.trust import Trust, fingerprint
from edge.drivers.spec import Surroundings
from edge.errors import DriverRefused
from tests.integration.edge.drivers.opcua.plc import Plc, booted, driver, eventually, points, taking

NOW = dt.datetime.now(dt.UTC)
POLICIES = {
    "Basic256Sha256": "Basic256Sha256",
    "Aes128_Sha256_RsaOaep": "Aes128Sha256RsaOaep",
    "Aes256_Sha256_RsaPss": "Aes256Sha256RsaPss",
}
PATHS = [(policy, mode) for policy in POLICIES for mode in ("Sign", "SignAndEncrypt")]
ALL = [f"{POLICIES[policy]}_{mode}" for policy, mode in PATHS]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    """The certificate of the server; any application's will do."""
    return identity.own(tmp_path_factory.mktemp("server"), NOW)


@pytest.fixture
async def plc(server: Identity) -> AsyncIterator[Plc]:
    plc = await booted()
    await plc.secure(server.certificate, server.key, *ALL)
    await plc.start()
    await plc.put("force", 1.0)
    yield plc
    await plc.stop()
    await plc.clear()
    await plc.secure(server.certificate, server.key)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state directory with the gateway's key in it, which takes a while to make."""
    return tmp_path_factory.mktemp("state")


def secured(policy: str = "Basic256Sha256", mode: str = "SignAndEncrypt", **more: object) -> dict[str, object]:
    return {"policy": policy, "mode": mode, **more}


@pytest.mark.parametrize(("policy", "mode"), PATHS)
async def test_values_come_over_every_policy_and_mode(
    plc: Plc, server: Identity, state: Path, policy: str, mode: str
) -> None:
    security = secured(policy, mode, trust=fingerprint(server.der))
    async with taking(driver(plc.port, points(["force"]), around=Surroundings(state), security=security)) as taker:
        await taker.until(lambda: taker.values() == [1.0])
        (client,) = plc._binary.clients  # type: ignore[union-attr]
        used = client.processor._connection.security_policy
        assert (used.URI.rpartition("#")[2], used.Mode.name) == (policy, mode)


async def test_a_server_that_nobody_trusts_is_refused_with_what_to_do(plc: Plc, server: Identity, state: Path) -> None:
    with pytest.raises(DriverRefused) as refused:
        await driver(plc.port, points(["force"]), around=Surroundings(state), security=secured()).open()
    shown = fingerprint(server.der)
    assert f"tezgah-edge trust CONFIG plc --accept {shown}" in refused.value.message
    assert not refused.value.retryable
    await eventually(lambda: not plc.sessions())


async def test_another_certificate_than_the_pinned_one_is_refused(plc: Plc, state: Path) -> None:
    with pytest.raises(DriverRefused, match="another certificate is trusted so far"):
        await driver(
            plc.port, points(["force"]), around=Surroundings(state), security=secured(trust="sha256:" + "ab" * 32)
        ).open()


async def test_a_renewed_certificate_is_refused_until_it_is_accepted_and_then_the_same_driver_goes_on(
    plc: Plc, server: Identity, tmp_path: Path
) -> None:
    state = tmp_path
    trust = Trust((), state / "opcua" / "trusted")
    trust.accept(server.der)
    built = driver(plc.port, points(["force"]), around=Surroundings(state), security=secured())
    async with taking(built) as taker:
        await taker.until(taker.rows)
    await plc.stop()
    renewed = identity.own(tmp_path / "renewed", NOW)
    await plc.secure(renewed.certificate, renewed.key, *ALL)
    await plc.start()
    with pytest.raises(DriverRefused, match=fingerprint(renewed.der)):
        await built.open()
    trust.accept(renewed.der)
    async with taking(built) as taker:
        await taker.until(lambda: 1.0 in taker.values())


async def test_a_policy_that_the_server_does_not_offer_is_refused_with_those_that_it_does(
    plc: Plc, server: Identity, state: Path
) -> None:
    await plc.stop()
    await plc.secure(server.certificate, server.key, "Basic256Sha256_Sign")
    await plc.start()
    with pytest.raises(DriverRefused, match=r"offers Basic256Sha256 with Sign:"):
        await driver(plc.port, points(["force"]), around=Surroundings(state), security=secured()).open()


async def test_a_server_that_takes_somebody_elses_place_without_its_key_gets_nothing(
    plc: Plc, server: Identity, tmp_path: Path
) -> None:
    """The certificate is public; only its key proves who the server is."""
    thief = identity.own(tmp_path, NOW)
    await plc.stop()
    await plc.secure(server.certificate, thief.key, *ALL)
    await plc.start()
    built = driver(
        plc.port,
        points(["force"]),
        around=Surroundings(tmp_path),
        security=secured(trust=fingerprint(server.der)),
        timeout="300ms",
    )
    with pytest.raises(Exception, match="plc: "):
        await built.open()
    assert not plc.sessions()


class Users:
    """Knows one name with its password, and one certificate; remembers what it was shown."""

    def __init__(self, certificate: bytes | None = None) -> None:
        self.certificate = certificate
        self.shown: list[str] = []

    def get_user(self, iserver: object, username: object = None, password: object = None, certificate: object = None):
        self.shown.append(f"{username}/{password}")
        if (username, password) == ("mes", "s3cret") or (certificate and certificate == self.certificate):
            return Rights(role=UserRole.User)
        return None


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
async def test_a_user_with_the_right_password_is_let_in_and_the_wrong_one_refused(
    plc: Plc, server: Identity, state: Path, mode: str
) -> None:
    before, plc.server.iserver.user_manager = plc.server.iserver.user_manager, Users()  # type: ignore[assignment]
    tokens, plc.server.iserver.supported_tokens = plc.server.iserver.supported_tokens, (ua.UserNameIdentityToken,)
    await plc.stop()
    await plc.secure(server.certificate, server.key, *ALL)
    await plc.start()
    security = secured(mode=mode, trust=fingerprint(server.der))
    try:
        user = {"name": "mes", "password": "s3cret"}
        built = driver(plc.port, points(["force"]), around=Surroundings(state), security=security, user=user)
        async with taking(built) as taker:
            await taker.until(taker.rows)
        user = {"name": "mes", "password": "guess"}
        with pytest.raises(DriverRefused, match=r"(BadUserAccessDenied|BadIdentityTokenRejected) .*; check `user`"):
            await driver(plc.port, points(["force"]), around=Surroundings(state), security=security, user=user).open()
    finally:
        plc.server.iserver.user_manager, plc.server.iserver.supported_tokens = before, tokens


async def test_a_password_is_never_sent_readable_over_a_channel_that_is_only_signed(
    plc: Plc, server: Identity, state: Path
) -> None:
    users = Users()
    before, plc.server.iserver.user_manager = plc.server.iserver.user_manager, users  # type: ignore[assignment]
    try:
        plc.server.iserver.supported_tokens = (ua.UserNameIdentityToken,)
        await plc.stop()
        await plc.secure(server.certificate, server.key, *ALL)
        for endpoint in plc.server.iserver.endpoints:
            for token in endpoint.UserIdentityTokens:
                token.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"
        await plc.start()
        built = driver(
            plc.port,
            points(["force"]),
            around=Surroundings(state),
            security=secured(mode="Sign", trust=fingerprint(server.der)),
            user={"name": "mes", "password": "s3cret"},
        )
        with pytest.raises(DriverRefused, match="use `mode: SignAndEncrypt`"):
            await built.open()
        assert users.shown == []
    finally:
        plc.server.iserver.user_manager = before
        plc.server.iserver.supported_tokens = (ua.AnonymousIdentityToken,)


async def test_a_user_may_be_a_certificate(plc: Plc, server: Identity, state: Path, tmp_path: Path) -> None:
    somebody = identity.own(tmp_path, NOW)
    pem = somebody.certificate.public_bytes(serialization.Encoding.PEM).decode()
    key = (tmp_path / "gateway.key").read_text()
    before, plc.server.iserver.user_manager = plc.server.iserver.user_manager, Users(somebody.der)  # type: ignore[assignment]
    try:
        plc.server.iserver.supported_tokens = (ua.X509IdentityToken,)
        await plc.stop()
        await plc.secure(server.certificate, server.key, *ALL)
        await plc.start()
        built = driver(
            plc.port,
            points(["force"]),
            around=Surroundings(state),
            security=secured(trust=fingerprint(server.der)),
            user={"certificate": pem, "key": key},
        )
        async with taking(built) as taker:
            await taker.until(taker.rows)
    finally:
        plc.server.iserver.user_manager = before
        plc.server.iserver.supported_tokens = (ua.AnonymousIdentityToken,)


def test_the_gateways_certificate_may_be_given(tmp_path: Path) -> None:
    given = identity.own(tmp_path, NOW)
    pem = given.certificate.public_bytes(serialization.Encoding.PEM).decode()
    options = OpcUaConnection.model_validate(
        {
            "opcua": "opc.tcp://plc",
            "security": secured(certificate=pem, key=(tmp_path / "gateway.key").read_text()),
        }
    )
    from edge.clock import SystemClock

    assert Access("plc", options, None, SystemClock()).identity().der == given.der
