"""Owns one session with an OPC UA server: its life, its requests, and what their failures mean.

The seam to asyncua: nobody behind it knows an exception of that library. No task lives here. asyncua's own
`connect` starts a supervisor, a watchdog and a renewal, and its subscriptions a publish loop that answers the server
before anybody has the data on disk and logs errors away; a session that is only ever asked needs none of them: whoever
takes a notification asks for the next one, which is the server's back-pressure too, and between two of them does
what falls due (`renew`).
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UASocketProtocol
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes, get_name_and_doc
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import BadTooManyOperations, UaError, UaStatusCodeError

from edge.drivers.opcua import plan
from edge.errors import DriverError, DriverRefused
from shared import logs

# a server that asks for another user, or for security: nothing changes until somebody acts
_REFUSALS = {
    StatusCodes.BadIdentityTokenInvalid,
    StatusCodes.BadIdentityTokenRejected,
    StatusCodes.BadUserAccessDenied,
    StatusCodes.BadSecurityPolicyRejected,
    StatusCodes.BadSecurityModeRejected,
    StatusCodes.BadSecurityModeInsufficient,
    StatusCodes.BadCertificateUntrusted,
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


class Session:
    """One session: `begin`, requests, `end`. Every request has the connection's time limit."""

    def __init__(self, name: str, url: str, timeout_s: float) -> None:
        """Prepare a session for the connection `name`; nothing connects yet."""
        self._name = name
        self._url = url
        self._timeout_s = timeout_s
        client = Client(url, timeout=timeout_s)
        client.name = "Tezgah edge gateway"
        client.description = f"tezgah {name}"
        client.application_uri = client.product_uri = "urn:tezgah:edge"
        client.session_timeout = int(plan.SURVIVE_S * 1000)
        self._client = client
        self._waiting: asyncio.Timeout | None = None
        self._is_finishing = False

    async def begin(self) -> None:
        """Connect, and make and activate a session.

        Raises:
            DriverError: It could not; `end` must still be called.
        """
        with self._telling("beginning a session"):
            await self._client.connect_socket()
            await self._client.send_hello()
            await self._client.open_secure_channel()
            await self._create_session()
            await self._client.activate_session()

    @property
    def renewal_s(self) -> float:
        """Seconds after which the secure channel must be renewed."""
        return self._client.secure_channel_timeout / 1000 * _RENEWAL

    async def renew(self) -> None:
        """Renew the secure channel; no other request may be under way."""
        with self._telling("renewing the channel"):
            await self._client.open_secure_channel(renew=True)
            self._client.uaclient.revolve_security_token()

    async def namespaces(self) -> list[str]:
        """Read the server's namespace URIs, in the order of their indexes."""
        with self._telling("reading its namespaces"):
            return list(await self._client.get_namespace_array())

    async def max_items_per_call(self) -> int:
        """Read how many monitored items one call may create; 0 where the server sets or tells no limit."""
        limit = ua.NodeId(ua.Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall))
        with self._telling("reading its limits"):
            (answer,) = await self._client.uaclient.read_attributes([limit], AttributeIds.Value)
        value = answer.Value.Value if answer.Value is not None else None
        return value if isinstance(value, int) else 0

    async def subscribe(self, wanted: plan.Subscription) -> tuple[int, plan.Subscription]:
        """Create a subscription; return its id and its numbers as the server revised them."""
        request = ua.CreateSubscriptionRequest()
        parameters = request.Parameters
        parameters.RequestedPublishingInterval = wanted.interval_ms
        parameters.RequestedMaxKeepAliveCount = wanted.keep_alive
        parameters.RequestedLifetimeCount = wanted.lifetime
        parameters.MaxNotificationsPerPublish = plan.MAX_NOTIFICATIONS
        parameters.PublishingEnabled = True
        with self._telling("creating a subscription"):
            # not by `uaclient.create_subscription`, which would start asyncua's publish loop
            answer = await self._protocol().send_request(request)
            response = struct_from_binary(ua.CreateSubscriptionResponse, answer)
        made = response.Parameters
        revised = plan.Subscription(
            made.RevisedPublishingInterval, made.RevisedMaxKeepAliveCount, made.RevisedLifetimeCount
        )
        return made.SubscriptionId, revised

    async def create_items(
        self, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest]
    ) -> list[ua.MonitoredItemCreateResult] | None:
        """Create monitored items.

        Returns:
            One result a request, in their order, each with its own status; None if they are too many for one call.
        """
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = subscription
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Source
        parameters.ItemsToCreate = list(requests)
        with self._telling(f"creating {len(requests)} monitored items"):
            try:
                results = await self._client.uaclient.create_monitored_items(parameters)
            except BadTooManyOperations:
                if len(requests) > 1:
                    return None
                raise
            if len(results) != len(requests):
                raise DriverError(f"{self._name}: {self._url} gave {len(results)} results for {len(requests)} items")
        return list(results)

    async def delete_items(self, subscription: int, ids: Sequence[int]) -> None:
        """Delete monitored items; those that the server does not know are no error."""
        parameters = ua.DeleteMonitoredItemsParameters()
        parameters.SubscriptionId = subscription
        parameters.MonitoredItemIds = list(ids)
        with self._telling(f"deleting {len(ids)} monitored items"):
            await self._client.uaclient.delete_monitored_items(parameters)

    async def publish(self, acknowledged: Sequence[tuple[int, int]], silence_s: float) -> bytes | None:
        """Ask for the next notification, and wait for it.

        Args:
            acknowledged: Subscription and sequence number of notifications that the server may forget.
            silence_s: How long a healthy server may be silent, seconds.

        Returns:
            The publish response, or None if `finish` was called and nothing was under way.

        Raises:
            DriverError: The session is lost: connection closed, fault, or silence that says the other end is gone.
        """
        request = ua.PublishRequest()
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(subscription, sequence) for subscription, sequence in acknowledged
        ]
        limit_s = _GRACE_S if self._is_finishing else silence_s + self._timeout_s
        try:
            with self._telling(f"publishing (it promised a sign of life every {silence_s:g} s)"):
                async with asyncio.timeout(limit_s) as self._waiting:
                    # 0: the server may hold the request until it has something to say
                    return bytes(await self._protocol().send_request(request, timeout=0))
        except DriverError as error:
            if self._is_finishing and isinstance(error.__cause__, TimeoutError):
                return None
            raise
        finally:
            self._waiting = None

    def finish(self) -> None:
        """Let the publish under way wait only for what the server has already sent."""
        self._is_finishing = True
        if self._waiting is not None:
            self._waiting.reschedule(asyncio.get_running_loop().time() + _GRACE_S)

    async def end(self) -> None:
        """Close the session if it still stands, and the connection in any case, within a second; never raises."""
        uaclient = self._client.uaclient
        protocol = uaclient.protocol
        try:
            if protocol is not None and protocol.transport is not None:
                async with asyncio.timeout(_CLOSE_S):
                    await uaclient.close_session(True)
                    await uaclient.close_secure_channel()
        except Exception as error:  # noqa: BLE001 - a session that cannot be closed politely is dropped
            _log.debug("session dropped", connection=self._name, error=repr(error))
        finally:
            if protocol is not None and protocol.transport is not None:
                # `close` would wait for data that a dead peer never takes
                protocol.transport.abort()

    async def _create_session(self) -> None:
        try:
            await self._client.create_session()
        except UaStatusCodeError:
            raise
        except UaError as error:
            # asyncua found no endpoint of this security among those of the answer, or another certificate than before
            raise DriverRefused(
                f"{self._name}: {self._url} offers no session without security ({error}); "
                "allow policy None and anonymous readers on the server"
            ) from error

    def _protocol(self) -> UASocketProtocol:
        protocol = self._client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("not connected")
        return protocol

    @contextlib.contextmanager
    def _telling(self, doing: str) -> Iterator[None]:
        """Translate what asyncua raises."""
        where = f"{self._name}: {self._url}"
        try:
            yield
        except DriverError:
            raise
        except UaStatusCodeError as error:
            kind = DriverRefused if error.code in _REFUSALS else DriverError
            raise kind(f"{where} answered {status_name(error.code)} while {doing}") from error
        except TimeoutError as error:
            raise DriverError(f"{where} did not answer in time while {doing}; is it reachable?") from error
        except Exception as error:  # odd answers come out of asyncua's codec as nearly anything
            raise DriverError(f"{where}: {error or type(error).__name__} while {doing}") from error
