"""Owns the requests that the driver makes of a session, each in asyncua's form, and the calls they are split into."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_from_binary
from asyncua.ua.uaerrors import BadTooManyOperations, UaStatusCodeError

from edge.drivers.opcua import plan
from edge.drivers.opcua.profiles import Profile
from edge.drivers.opcua.session import Session, status_name
from edge.errors import DriverError
from shared import logs

_In = TypeVar("_In")
_Out = TypeVar("_Out")
_LIMITS = {
    "read": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "items": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
    "browse": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "paths": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerTranslateBrowsePathsToNodeIds,
    "history": ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerHistoryReadData,
}
# the last is the URI of the application, which every server has
_SAID = (
    ObjectIds.Server_ServerStatus_BuildInfo_ProductName,
    ObjectIds.Server_ServerStatus_BuildInfo_SoftwareVersion,
    ObjectIds.Server_ServerStatus_BuildInfo_ManufacturerName,
    ObjectIds.Server_ServerStatus_BuildInfo_ProductUri,
    ObjectIds.Server_ServerArray,
)
_NO_SUBSCRIPTIONS = (
    StatusCodes.BadServiceUnsupported,
    StatusCodes.BadNotSupported,
    StatusCodes.BadTooManySubscriptions,
)

_log = logs.get(__name__)


@dataclass(slots=True)
class Limits:
    """How many operations one call of each kind may have; what the server does not tell is learned by halving.

    The defaults are what any PLC answers within a second, and what costs a large server nothing: a small one needs
    milliseconds for each, and all of a call must fit the request's time limit.
    """

    read: int = 500
    items: int = 250
    browse: int = 50
    paths: int = 50
    history: int = 20

    def tell(self, kind: str, told: object) -> None:
        """Take a limit that the server tells; 0 and none mean that it sets none."""
        if isinstance(told, int) and told > 0:
            setattr(self, kind, min(getattr(self, kind), told))

    def halve(self, kind: str, tried: int) -> None:
        """The server did not take so many."""
        setattr(self, kind, max(1, tried // 2))


async def said(session: Session) -> list[str]:
    """Return what the server says of itself: product, version, maker, URIs; nothing of what it does not say."""
    nodes = [ua.NodeId(ua.Int32(number)) for number in _SAID]
    with session.telling("asking what it is"):
        answers = await session.client.uaclient.read_attributes(nodes, AttributeIds.Value)
    values = [value_of(answer) for answer in answers]
    return [str(text) for value in values for text in (value if isinstance(value, list) else [value]) if text]


async def limits(session: Session, profile: Profile) -> Limits:
    """Ask for the server's operation limits (OPC UA Part 5, 6.3.11); one that has none answers with bad statuses.

    Args:
        session: Where.
        profile: Says what such a server takes that does not tell.
    """
    found = Limits()
    for kind in _LIMITS:
        found.tell(kind, profile.per_call)
    nodes = [ua.NodeId(ua.Int32(number)) for number in _LIMITS.values()]
    with session.telling("reading its limits"):
        answers = await session.client.uaclient.read_attributes(nodes, AttributeIds.Value)
    for kind, answer in zip(_LIMITS, answers, strict=False):
        found.tell(kind, answer.Value.Value if answer.Value is not None else None)
    return found


async def split(
    session: Session,
    bounds: Limits,
    kind: str,
    things: Sequence[_In],
    call: Callable[[list[_In]], Awaitable[Sequence[_Out]]],
) -> list[_Out]:
    """Make as many calls as the server's limit needs, halving it while the server refuses a call for its size.

    Args:
        session: Where.
        bounds: The limits; what is learned is noted there.
        kind: Which of them.
        things: What to ask for.
        call: Asks for some; its answers are one a thing.

    Raises:
        DriverError: The session was lost, or the server gave another number of answers than was asked for.
    """
    answers: list[_Out] = []
    while len(answers) < len(things):
        part = list(things[len(answers) : len(answers) + getattr(bounds, kind)])
        with session.telling(f"asking for {len(part)} {kind}"):
            try:
                given = await call(part)
            except BadTooManyOperations:
                if len(part) == 1:
                    raise
                bounds.halve(kind, len(part))
                _log.info("the server takes fewer at once", connection=session.name, kind=kind, now=len(part) // 2)
                continue
        if len(given) != len(part):
            raise DriverError(f"{session.name}: {session.url} gave {len(given)} answers to {len(part)} {kind}")
        answers += given
    return answers


async def namespaces(session: Session) -> list[str]:
    """Read the server's namespace URIs, in the order of their indexes."""
    with session.telling("reading its namespaces"):
        return list(await session.client.get_namespace_array())


async def clock_us(session: Session) -> int | None:
    """Read the server's clock, microseconds since 1970 UTC; None if it has none."""
    node = ua.NodeId(ua.Int32(ObjectIds.Server_ServerStatus_CurrentTime))
    with session.telling("reading its clock"):
        (answer,) = await session.client.uaclient.read_attributes([node], AttributeIds.Value)
    value = answer.Value.Value if answer.Value is not None else None
    return plan.microseconds(value) if value is not None else None


async def attributes(
    session: Session, bounds: Limits, wanted: Sequence[tuple[ua.NodeId, AttributeIds]]
) -> list[ua.DataValue]:
    """Read one attribute each of nodes; a refused one is a data value with its status."""

    async def call(part: list[tuple[ua.NodeId, AttributeIds]]) -> Sequence[ua.DataValue]:
        parameters = ua.ReadParameters()
        parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in part]
        return list(await session.client.uaclient.session.read(parameters))

    return await split(session, bounds, "read", wanted, call)


async def values(session: Session, nodes: Sequence[ua.NodeId]) -> bytes:
    """Read values with both timestamps; return the response's bytes, for `decode.read_values`."""
    request = ua.ReadRequest()
    request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=AttributeIds.Value) for node in nodes]
    return bytes(await session.protocol().send_request(request))


async def subscribe(session: Session, wanted: plan.Subscription) -> tuple[int, plan.Subscription] | None:
    """Create a subscription; return its id and its numbers as revised, None from a server that has none to give."""
    request = ua.CreateSubscriptionRequest()
    parameters = request.Parameters
    parameters.RequestedPublishingInterval = wanted.interval_ms
    parameters.RequestedMaxKeepAliveCount = wanted.keep_alive
    parameters.RequestedLifetimeCount = wanted.lifetime
    parameters.MaxNotificationsPerPublish = plan.MAX_NOTIFICATIONS
    parameters.PublishingEnabled = True
    with session.telling("creating a subscription"):
        # not by `uaclient.create_subscription`, which would start asyncua's publish loop
        try:
            answer = await session.protocol().send_request(request)
        except UaStatusCodeError as error:
            if error.code not in _NO_SUBSCRIPTIONS:
                raise
            _log.warning("no subscription, so values are read", connection=session.name, status=status_name(error.code))
            return None
        response = struct_from_binary(ua.CreateSubscriptionResponse, answer)
    made = response.Parameters
    revised = plan.Subscription(
        made.RevisedPublishingInterval, made.RevisedMaxKeepAliveCount, made.RevisedLifetimeCount
    )
    return made.SubscriptionId, revised


async def create_items(
    session: Session, bounds: Limits, subscription: int, requests: Sequence[ua.MonitoredItemCreateRequest]
) -> list[ua.MonitoredItemCreateResult]:
    """Create monitored items; return one result a request, in their order, each with its own status."""

    async def call(part: list[ua.MonitoredItemCreateRequest]) -> Sequence[ua.MonitoredItemCreateResult]:
        parameters = ua.CreateMonitoredItemsParameters()
        parameters.SubscriptionId = subscription
        parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        parameters.ItemsToCreate = part
        return list(await session.client.uaclient.create_monitored_items(parameters))

    return await split(session, bounds, "items", requests, call)


async def watch_model(session: Session, subscription: int, handle: int, *, events: bool) -> None:
    """Let the server tell when its namespaces change, and by events when its model does, as far as it can.

    Raises:
        DriverError: The session was lost.
    """
    namespaces = ua.MonitoredItemCreateRequest()
    namespaces.ItemToMonitor.NodeId = ua.NodeId(ua.Int32(ObjectIds.Server_NamespaceArray))
    namespaces.ItemToMonitor.AttributeId = AttributeIds.Value
    namespaces.RequestedParameters.SamplingInterval = 5000.0
    changes = ua.MonitoredItemCreateRequest()
    changes.ItemToMonitor.NodeId = ua.NodeId(ua.Int32(ObjectIds.Server))
    changes.ItemToMonitor.AttributeId = AttributeIds.EventNotifier
    changes.RequestedParameters.Filter = _model_changes()
    for request in (namespaces, changes):
        request.MonitoringMode = ua.MonitoringMode.Reporting
        request.RequestedParameters.ClientHandle = handle
        request.RequestedParameters.QueueSize = 1
    await create_items(session, Limits(), subscription, [namespaces, changes] if events else [namespaces])


def _model_changes() -> ua.EventFilter:
    """Return a filter for events that say that the address space has changed (Part 3, 9.32)."""
    event = ua.NodeId(ua.Int32(ObjectIds.BaseModelChangeEventType))
    which = ua.SimpleAttributeOperand(
        TypeDefinitionId=ua.NodeId(ua.Int32(ObjectIds.BaseEventType)),
        BrowsePath=[ua.QualifiedName("EventType", 0)],
        AttributeId=AttributeIds.Value,
    )
    kind = ua.LiteralOperand(ua.Variant(event, ua.VariantType.NodeId))
    element = ua.ContentFilterElement(FilterOperator=ua.FilterOperator.OfType, FilterOperands=[kind])
    return ua.EventFilter(SelectClauses=[which], WhereClause=ua.ContentFilter(Elements=[element]))


async def delete_items(session: Session, subscription: int, ids: Sequence[int]) -> None:
    """Delete monitored items; those that the server does not know are no error."""
    parameters = ua.DeleteMonitoredItemsParameters()
    parameters.SubscriptionId = subscription
    parameters.MonitoredItemIds = list(ids)
    with session.telling(f"deleting {len(ids)} monitored items"):
        await session.client.uaclient.delete_monitored_items(parameters)


async def transfer(session: Session, subscription: int) -> bool:
    """Take a subscription over from a session that is gone (Part 4, 5.14.7); return whether the server let us."""
    parameters = ua.TransferSubscriptionsParameters()
    parameters.SubscriptionIds = [subscription]
    parameters.SendInitialValues = False
    with session.telling("transferring a subscription"):
        try:
            (result,) = await session.client.uaclient.transfer_subscriptions(parameters)
        except UaStatusCodeError as error:
            # small servers do not know the service
            _log.info("no transfer of subscriptions", connection=session.name, status=status_name(error.code))
            return False
    return bool(result.StatusCode.is_good())


async def republish(session: Session, subscription: int, sequence: int) -> bytes | None:
    """Ask for a notification again; None if the server has it no more."""
    request = ua.RepublishRequest()
    request.Parameters.SubscriptionId = subscription
    request.Parameters.RetransmitSequenceNumber = sequence
    with session.telling(f"asking again for notification {sequence}"):
        try:
            return bytes(await session.protocol().send_request(request))
        except UaStatusCodeError as error:
            if error.code in (StatusCodes.BadMessageNotAvailable, StatusCodes.BadSubscriptionIdInvalid):
                return None
            raise


def value_of(answer: ua.DataValue) -> Any:
    """Return the value of an attribute that was read, None if it has none."""
    if answer.StatusCode is not None and not answer.StatusCode.is_good():
        return None
    return answer.Value.Value if answer.Value is not None else None


async def references(
    session: Session,
    bounds: Limits,
    nodes: Sequence[ua.NodeId],
    kind: int,
    direction: ua.BrowseDirection = ua.BrowseDirection.Forward,
) -> list[list[ua.ReferenceDescription]]:
    """Browse nodes; return of each its references of a kind, none of one that the server does not know.

    A kind is the number of a standard reference type; its subtypes count too.
    """

    async def call(part: list[ua.NodeId]) -> Sequence[list[ua.ReferenceDescription]]:
        parameters = ua.BrowseParameters()
        parameters.View.Timestamp = ua.get_win_epoch()
        parameters.NodesToBrowse = [
            ua.BrowseDescription(
                NodeId=node,
                BrowseDirection=direction,
                ReferenceTypeId=ua.NodeId(ua.Int32(kind)),
                IncludeSubtypes=True,
                NodeClassMask=0,
                ResultMask=ua.BrowseResultMask.All,
            )
            for node in part
        ]
        results = await session.client.uaclient.session.browse(parameters)
        return [await _all_of(session, result) for result in results]

    return await split(session, bounds, "browse", nodes, call)


async def _all_of(session: Session, result: ua.BrowseResult) -> list[ua.ReferenceDescription]:
    found = list(result.References or []) if result.StatusCode.is_good() else []
    mark = result.ContinuationPoint
    while mark:
        parameters = ua.BrowseNextParameters(ReleaseContinuationPoints=False, ContinuationPoints=[mark])
        (more,) = await session.client.uaclient.session.browse_next(parameters)
        found += more.References or []
        mark = more.ContinuationPoint
    for each in found:
        # without server and namespace URI it is a plain one, and compares as such
        each.NodeId = ua.NodeId(each.NodeId.Identifier, each.NodeId.NamespaceIndex, each.NodeId.NodeIdType)
    return found
