"""Owns which points are watched: monitored items asked for, refused, and asked for again."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from edge.drivers.opcua import addresses, services
from edge.drivers.opcua.config import Trigger
from edge.drivers.opcua.plan import Item
from edge.drivers.opcua.queues import covered_s
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session, status_name
from shared import logs
from shared.reading import Quality, Readings, from_rows

# A node that the server does not know (a PLC program being loaded, a model not yet built) is asked for again.
RETRY_S = 30.0
# with these an item that was being watched says that its node is gone (Part 4, 5.13.1.2)
_GONE = (StatusCodes.BadNodeIdUnknown, StatusCodes.BadNodeIdInvalid)
_NAMED_IN_A_LINE = 5
_WATCHED = 0

_log = logs.get(__name__)


class MonitoredItems:
    """The monitored items of one subscription; one that is refused never stops the others.

    A refused point becomes one reading of quality bad with the server's code, again whenever that code changes.

    Attributes:
        session: Where they are asked for; another one once a subscription was taken along.
        node_ids: What each point's node is on this server, of those that are watched.
        returned: Points that are watched again, each with the time at which its node had gone; whoever tells of them
            clears it.
    """

    def __init__(
        self, connection: str, items: Sequence[Item], session: Session, subscription: int, bounds: Limits
    ) -> None:
        """Prepare the items of a subscription; nothing is created yet."""
        self._connection = connection
        self._items = {item.point: item for item in items}
        self.session = session
        self._subscription = subscription
        self._bounds = bounds
        self._missing: dict[int, int | None] = {item.point: None for item in items}
        self._ids: dict[int, int] = {}
        self.node_ids: dict[int, ua.NodeId] = {}
        self._gone_us: dict[int, int] = {}
        self.returned: dict[int, int] = {}

    @property
    def is_complete(self) -> bool:
        """Whether every point is watched."""
        return not self._missing

    def add(self, items: Sequence[Item]) -> None:
        """Take the items of points that were found; `create_missing` asks for them."""
        self._items |= {item.point: item for item in items}
        self._missing |= {item.point: None for item in items if item.point not in self._ids}

    async def create_missing(self, now_us: int) -> Readings:
        """Ask for every item that is missing; return bad readings for those whose refusal is new.

        Raises:
            DriverError: The session was lost.
        """
        asked = [self._items[point] for point in self._missing]
        found = await addresses.resolved(self.session, self._bounds, (item.node for item in asked))
        known = [(item, found[item.node]) for item in asked if item.node in found]
        results = {item.point: StatusCodes.BadNodeIdUnknown for item in asked}
        results |= await self._create(known)
        return self._settle(results, now_us)

    def unwatchable(self) -> list[Item]:
        """Give up and return the items for which the server has no room."""
        full = [point for point, code in self._missing.items() if code == StatusCodes.BadTooManyMonitoredItems]
        for point in full:
            del self._missing[point]
        return [self._items[point] for point in full]

    async def forget_gone(self, readings: Readings) -> None:
        """Give up the items whose readings say that their node is gone, so that they are asked for again.

        Raises:
            DriverError: The session was lost.
        """
        bad = readings.quality == Quality.BAD
        if not bad.any():
            return
        gone = np.unique(readings.tag[bad & np.isin(readings.status & 0xFFFF0000, _GONE)]).tolist()
        ids = {point: self._ids.pop(point) for point in gone if point in self._ids}
        if ids:
            self._gone_us |= {point: int(readings.received[readings.tag == point].max()) for point in ids}
            self._missing |= dict.fromkeys(ids, StatusCodes.BadNodeIdUnknown)
            await services.delete_items(self.session, self._subscription, list(ids.values()))

    async def _create(self, asked: Sequence[tuple[Item, ua.NodeId]]) -> dict[int, int]:
        """Create items call by call; return the status of each by point."""
        statuses: dict[int, int] = {}
        revised = defaultdict(list)
        requests = [_request(*pair) for pair in asked]
        answers = await services.create_items(self.session, self._bounds, self._subscription, requests)
        for (item, node_id), answer in zip(asked, answers, strict=True):
            is_bad = answer.StatusCode.is_bad()
            statuses[item.point] = answer.StatusCode.value if is_bad else _WATCHED
            if not is_bad:
                self._ids[item.point] = answer.MonitoredItemId
                self.node_ids[item.point] = node_id
                for difference in _revisions(item, answer):
                    revised[difference].append(item)
        for (what, wanted, got), items in revised.items():
            _log.warning(
                "the server revised what was asked",
                connection=self._connection,
                option=what,
                asked=wanted,
                got=got,
                nodes=_named(item.node for item in items),
                # of the seconds that `survive_outage` asks for
                **({"covers_s": covered_s(items[0].sampling_ms / 1000, int(got))} if what == "queue" else {}),
            )
        return statuses

    def _settle(self, statuses: dict[int, int], now_us: int) -> Readings:
        """Note what is watched now; return bad readings for new refusals."""
        # what the server has no room for is had in another way
        settled = {_WATCHED, StatusCodes.BadTooManyMonitoredItems}
        fresh = {point: code for point, code in statuses.items() if code not in {*settled, self._missing[point]}}
        back = [point for point, code in statuses.items() if code == _WATCHED and self._missing[point] is not None]
        self._missing = {point: code for point, code in statuses.items() if code != _WATCHED}
        self.returned |= {point: self._gone_us.pop(point) for point in back if point in self._gone_us}
        by_code = defaultdict(list)
        for point, code in fresh.items():
            by_code[code].append(self._items[point].node)
        for code, nodes in by_code.items():
            _log.error(
                "the server refuses to watch nodes; they are asked for again",
                connection=self._connection,
                status=status_name(code),
                nodes=_named(nodes),
                every_s=RETRY_S,
            )
        if back:
            nodes = [self._items[point].node for point in back]
            _log.info("nodes are watched again", connection=self._connection, nodes=_named(nodes))
        rows = len(fresh)
        return from_rows(
            list(fresh), [0] * rows, now_us, [float("nan")] * rows, int(Quality.BAD), 0, list(fresh.values())
        )


async def try_items(
    session: Session, bounds: Limits, subscription: int, items: Sequence[Item]
) -> list[tuple[Item, int, float]]:
    """Create items to learn which queue and sampling interval (ms) each would get, and delete the subscription."""
    found = await addresses.resolved(session, bounds, (item.node for item in items))
    known = [item for item in items if item.node in found]
    answers = await services.create_items(
        session, bounds, subscription, [_request(item, found[item.node]) for item in known]
    )
    with session.telling("deleting a subscription"):
        await session.client.uaclient.delete_subscriptions([subscription])
    return [
        (item, answer.RevisedQueueSize, answer.RevisedSamplingInterval)
        for item, answer in zip(known, answers, strict=True)
        if not answer.StatusCode.is_bad()
    ]


def _request(item: Item, node_id: ua.NodeId) -> ua.MonitoredItemCreateRequest:
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor.NodeId = node_id
    request.ItemToMonitor.AttributeId = AttributeIds.Value
    request.MonitoringMode = ua.MonitoringMode.Reporting
    parameters = request.RequestedParameters
    parameters.ClientHandle = item.point
    parameters.SamplingInterval = item.sampling_ms
    parameters.QueueSize = item.queue
    parameters.DiscardOldest = True
    # without a filter a server notifies of value and status; small ones know no filters
    if item.trigger is Trigger.TIMESTAMP:
        parameters.Filter = ua.DataChangeFilter(Trigger=ua.DataChangeTrigger.StatusValueTimestamp)
    return request


def _revisions(item: Item, answer: ua.MonitoredItemCreateResult) -> list[tuple[str, float, float]]:
    """Return option, asked and got for what the server gives less of: a shorter queue, slower sampling."""
    less: list[tuple[str, float, float]] = []
    if answer.RevisedQueueSize < item.queue:
        less.append(("queue", item.queue, answer.RevisedQueueSize))
    if answer.RevisedSamplingInterval > item.sampling_ms + 1:
        less.append(("every_ms", item.sampling_ms, answer.RevisedSamplingInterval))
    return less


def _named(nodes: Iterable[str]) -> str:
    """Name the first few nodes, and say how many more there are."""
    names = list(nodes)
    more = len(names) - _NAMED_IN_A_LINE
    return ", ".join(names[:_NAMED_IN_A_LINE]) + (f" and {more} more" if more > 0 else "")
