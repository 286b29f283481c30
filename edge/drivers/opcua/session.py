"""Owns one session with an OPC UA server: its life, the seam to asyncua, and what that library's failures mean.

Nobody behind it knows an exception of that library. No task lives here. asyncua's own `connect` starts a supervisor, a
watchdog and a renewal, and its subscriptions a publish loop that answers the server before anybody has the data on
disk and logs errors away; a session that is only ever asked needs none of them: whoever takes a notification asks for
the next one, which is the server's back-pressure too, and between two of them does what falls due (`renew`).

A session outlives its connection: `kept` names it, and a later `begin` takes it back (OPC UA Part 4, 6.7) with the
subscriptions and all that they gathered meanwhile.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UASocketProtocol
from asyncua.ua.status_codes import StatusCodes, get_name_and_doc
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from edge.drivers.opcua import hints
from edge.drivers.opcua.access import Access
from edge.errors import DriverError, DriverRefused
from shared import logs

# a server that asks for another user, or for security: nothing changes until somebody acts
_REFUSALS = {
    StatusCodes.BadIdentityTokenInvalid,
    StatusCodes.BadIdentityTokenRejected,
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadUserSignatureInvalid,
    StatusCodes.BadSecurityPolicyRejected,
    StatusCodes.BadSecurityModeRejected,
    StatusCodes.BadSecurityModeInsufficient,
}
# it does not take our certificate; which of these it says is its own choice
_OWN_CERTIFICATE = {
    StatusCodes.BadCertificateUntrusted,
    StatusCodes.BadCertificateInvalid,
    StatusCodes.BadCertificateUriInvalid,
    StatusCodes.BadCertificateTimeInvalid,
    StatusCodes.BadCertificateUseNotAllowed,
    StatusCodes.BadCertificateRevoked,
    StatusCodes.BadSecurityChecksFailed,
}
# clients renew after three quarters of the channel's life (Part 4, 5.5.2.1)
_RENEWAL = 0.75
# a server that does not answer is not waited for at the end: its sessions expire by themselves
_CLOSE_S = 1.0
# an answer that the server had sent when the end was asked for arrives within this
_GRACE_S = 0.5

_log = logs.get(__name__)


def status_name(code: int) -> str:
    """Return the name of a status code without its info bits, such as BadNodeIdUnknown."""
    name, _ = get_name_and_doc(code & 0xFFFF0000)
    return f"{name} ({code:#010x})"


@dataclass(frozen=True, slots=True)
class Kept:
    """A session that the server still keeps, by what is needed to take it back."""

    token: ua.NodeId
    nonce: bytes | None
    tokens: Sequence[ua.UserTokenPolicy]


class Session:
    """One session: `begin`, requests, `end`. Every request has the connection's time limit."""

    def __init__(self, name: str, url: str, timeout_s: float, access: Access, survive_s: float) -> None:
        """Prepare a session; nothing connects yet.

        Args:
            name: The connection's, for messages.
            url: The endpoint.
            timeout_s: Time limit of a request.
            access: How it is secured.
            survive_s: How long the server is asked to keep it without hearing of us.
        """
        self.name = name
        self.url = url
        self._timeout_s = timeout_s
        self._access = access
        client = Client(url, timeout=timeout_s)
        client.name = "Tezgah edge gateway"
        client.description = f"tezgah {name}"
        client.application_uri = client.product_uri = "urn:tezgah:edge"
        client.session_timeout = int(survive_s * 1000)
        self.client = client
        self._publishing: asyncio.Future[bytes] | None = None
        self._asked_s = 0.0
        self._waiting: asyncio.Timeout | None = None
        self._is_finishing = False

    async def begin(self, kept: Kept | None = None) -> bool:
        """Connect, and make and activate a session, or take back the one that was kept.

        Returns:
            Whether it is the one that was kept.

        Raises:
            DriverError: It could not; `end` or `drop` must still be called.
        """
        with self.telling("beginning a session"):
            await self._access.prepare(self.client)
            await self.client.connect_socket()
            await self.client.send_hello()
            await self.client.open_secure_channel()
            if kept is not None and await self._takes_back(kept):
                return True
            await self._create_session()
            await self._access.activate(self.client)
        return False

    @property
    def kept(self) -> Kept:
        """Name this session, so that a later one can take it back."""
        client = self.client
        token = client.uaclient.session.authentication_token
        return Kept(token, client._server_nonce, client._policy_ids)  # noqa: SLF001 - they have no other names

    @property
    def renewal_s(self) -> float:
        """Seconds after which the secure channel must be renewed."""
        return float(self.client.secure_channel_timeout / 1000 * _RENEWAL)

    async def renew(self) -> None:
        """Renew the secure channel."""
        with self.telling("renewing the channel"):
            await self.client.open_secure_channel(renew=True)
            self.client.uaclient.revolve_security_token()

    def publish(self, acknowledged: Sequence[tuple[int, int]]) -> None:
        """Ask for the next notification; `answer` waits for it. Only one request is under way.

        Args:
            acknowledged: Subscription and sequence number of notifications that the server may forget.

        Raises:
            DriverError: The connection is closed.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(subscription, sequence) for subscription, sequence in acknowledged
        ]
        with self.telling("publishing"):
            # 0: the server may hold the request until it has something to say. The future instead of asyncua's own
            # waiting: others may ask meanwhile, and no task has to live for that.
            self._publishing = self.protocol()._send_request(request, timeout=0)  # noqa: SLF001
        self._asked_s = asyncio.get_running_loop().time()

    @property
    def is_publishing(self) -> bool:
        """Whether a publish request is under way."""
        return self._publishing is not None

    async def answer(self, silence_s: float, within_s: float | None = None) -> bytes | None:
        """Wait for the answer to the publish request under way.

        Args:
            silence_s: How long a healthy server may be silent, seconds.
            within_s: Come back without it after so long, seconds; None to wait as long as it may be silent.

        Returns:
            The publish response, or None if it has not come in time, or `finish` was called and nothing was under way.

        Raises:
            DriverError: The session is lost: connection closed, fault, or silence that says the other end is gone.
        """
        future = self._publishing
        if future is None:
            raise DriverError(f"{self.name}: nothing was asked")
        loop = asyncio.get_running_loop()
        lost_at = self._asked_s + silence_s + self._timeout_s
        until = loop.time() + (_GRACE_S if self._is_finishing else lost_at if within_s is None else within_s)
        with self.telling(f"publishing (it promised a sign of life every {silence_s:g} s)"):
            try:
                async with asyncio.timeout_at(min(until, lost_at)) as self._waiting:
                    # unlike waiting for the future itself, this does not cancel it
                    await asyncio.wait({future})
            except TimeoutError:
                if self._is_finishing or loop.time() < lost_at:
                    return None
                raise
            finally:
                self._waiting = None
            self._publishing = None
            data = future.result()
            self.protocol().check_answer(data, " in response to PublishRequest")  # type: ignore[arg-type]
            return bytes(data)

    async def pause(self, within_s: float) -> None:
        """Wait, unless `finish` was or is called."""
        if self._is_finishing:
            return
        try:
            async with asyncio.timeout(within_s) as self._waiting:
                # nothing but the end of the time, which `finish` moves
                await asyncio.get_running_loop().create_future()
        except TimeoutError:
            pass
        finally:
            self._waiting = None

    def finish(self) -> None:
        """Let the publish under way wait only for what the server has already sent."""
        self._is_finishing = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time() + _GRACE_S)

    async def end(self) -> None:
        """Close the session if it still stands, and the connection in any case, within a second; never raises."""
        uaclient = self.client.uaclient
        protocol = uaclient.protocol
        try:
            if protocol is not None and protocol.transport is not None:
                async with asyncio.timeout(_CLOSE_S):
                    await uaclient.close_session(True)
                    await uaclient.close_secure_channel()
        except Exception as error:  # noqa: BLE001 - a session that cannot be closed politely is dropped
            _log.debug("session dropped", connection=self.name, error=repr(error))
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the connection at once; the server keeps the session as long as it was asked to."""
        protocol = self.client.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            # `close` would wait for data that a dead peer never takes
            protocol.transport.abort()
        future, self._publishing = self._publishing, None
        if future is not None:
            future.cancel()

    async def _takes_back(self, kept: Kept) -> bool:
        client = self.client
        client.uaclient.session.restore_authentication_token(kept.token)
        client._server_nonce = kept.nonce  # type: ignore[assignment]  # noqa: SLF001
        client._policy_ids = list(kept.tokens)  # noqa: SLF001
        try:
            await self._access.activate(client)
        except UaStatusCodeError as error:
            # BadSessionIdInvalid and BadSessionClosed mostly; a server that means it says it to a new session, too
            _log.info("the server did not keep the session", connection=self.name, status=status_name(error.code))
            client.uaclient.session.reset_authentication_token()
            return False
        return True

    async def _create_session(self) -> None:
        try:
            await self.client.create_session()
        except UaStatusCodeError:
            raise
        except UaError as error:
            # asyncua found no endpoint of this security among those of the answer, or another certificate than before
            mend = (
                "its certificate changed meanwhile"
                if self._access.is_secured
                else ("allow policy None and anonymous readers on the server, or choose a policy by `security`")
            )
            raise DriverRefused(
                f"{self.name}: {self.url} offers no session of this security ({error}); {mend}"
            ) from error

    def protocol(self) -> UASocketProtocol:
        """Return the connection.

        Raises:
            ConnectionError: There is none.
        """
        protocol = self.client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("not connected")
        return protocol

    @contextlib.contextmanager
    def telling(self, doing: str) -> Iterator[None]:
        """Translate what asyncua raises."""
        where = f"{self.name}: {self.url}"
        try:
            yield
        except DriverError:
            raise
        except UaStatusCodeError as error:
            said = f"{where} answered {status_name(error.code)} while {doing}"
            said += hints.of_status(error.code, has_user=self._access.has_user)
            if error.code in _OWN_CERTIFICATE and self._access.is_secured:
                said += f"; {self._access.introduction()}"
            is_final = error.code in _REFUSALS or error.code in _OWN_CERTIFICATE
            raise (DriverRefused if is_final else DriverError)(said) from error
        except TimeoutError as error:
            raise DriverError(
                f"{where} did not answer in time while {doing}; is it an OPC UA server, and reachable?"
            ) from error
        except OSError as error:
            raise DriverError(f"{where}: {hints.of_trouble(error, doing)}") from error
        except Exception as error:  # odd answers come out of asyncua's codec as nearly anything
            raise DriverError(f"{where}: {error or type(error).__name__} while {doing}") from error
