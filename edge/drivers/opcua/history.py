"""Owns what is read from a server's history: raw values of the stretches that were missed (OPC 10000-11, 6.4.3)."""

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.ua_binary import struct_to_binary

from edge.drivers.opcua import services
from edge.drivers.opcua.changes import Picks, changes
from edge.drivers.opcua.decode import NO_PICKS
from edge.drivers.opcua.missed import Stretch
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session, status_name
from edge.errors import DriverError
from shared import logs
from shared.reading import Readings, concatenate, empty

# values of one node an answer; a PLC sends fewer and a continuation point
_PER_NODE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_log = logs.get(__name__)


@dataclass(slots=True)
class Past:
    """What history brought of some stretches.

    Attributes:
        readings: Values within the stretches, their ends excluded: those are had already.
        times: Of each point the times of all that history showed, its ends included.
        refused: Points whose history cannot be read.
    """

    readings: Readings
    times: dict[int, list[int]] = field(default_factory=dict)
    refused: set[int] = field(default_factory=set)


async def historizing(session: Session, bounds: Limits, nodes: Mapping[int, ua.NodeId]) -> set[int]:
    """Return the points whose node's history this user may read.

    Raises:
        DriverError: The session was lost.
    """
    wanted = [(node, AttributeIds.UserAccessLevel) for node in nodes.values()]
    answers = await services.attributes(session, bounds, wanted)
    return {
        point
        for point, answer in zip(nodes, answers, strict=True)
        if isinstance(level := services.value_of(answer), int) and level & (1 << ua.AccessLevel.HistoryRead)
    }


async def read(
    session: Session,
    bounds: Limits,
    stretches: Sequence[Stretch],
    nodes: Mapping[int, ua.NodeId],
    received_us: int,
    picks: Picks = NO_PICKS,
) -> AsyncIterator[Past]:
    """Yield what history has of stretches, call by call, each point's values in the order of time.

    `picks` is what is taken of arrays and structures, and whose server times are kept, as it is of notifications.

    Raises:
        DriverError: The session was lost.
    """
    left = sorted(stretches, key=lambda stretch: stretch.from_us)
    while left:
        part, left = left[: bounds.history], left[bounds.history :]
        past = Past(empty())
        blocks: list[Readings] = []
        asked = {stretch.point: stretch for stretch in part}
        continued: dict[int, bytes | None] = dict.fromkeys(asked)
        while continued:
            answers = await _call(session, part, [(nodes[point], mark) for point, mark in continued.items()])
            following: dict[int, bytes | None] = {}
            for point, answer in zip(list(continued), answers, strict=True):
                if answer.StatusCode.is_bad() or not isinstance(answer.HistoryData, ua.HistoryData):
                    past.refused.add(point)
                    _log.warning(
                        "history cannot be read",
                        connection=session.name,
                        node=nodes[point].to_string(),
                        status=status_name(answer.StatusCode.value),
                    )
                    continue
                block = _rows(asked[point], answer.HistoryData.DataValues or [], received_us, past, picks)
                blocks.append(block)
                if answer.ContinuationPoint:
                    following[point] = answer.ContinuationPoint
            continued = following
        past.readings = concatenate(blocks)
        yield past


async def _call(
    session: Session, part: Sequence[Stretch], nodes: Sequence[tuple[ua.NodeId, bytes | None]]
) -> Sequence[ua.HistoryReadResult]:
    details = ua.ReadRawModifiedDetails()
    details.IsReadModified = False
    details.StartTime = _time(min(stretch.from_us for stretch in part))
    details.EndTime = _time(max(stretch.to_us for stretch in part))
    details.NumValuesPerNode = _PER_NODE
    # the value that held at the beginning says that history reaches back to it
    details.ReturnBounds = True
    parameters = ua.HistoryReadParameters()
    parameters.HistoryReadDetails = details
    parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
    parameters.ReleaseContinuationPoints = False
    for node, mark in nodes:
        value = ua.HistoryReadValueId()
        value.NodeId = node
        value.ContinuationPoint = mark
        parameters.NodesToRead.append(value)
    with session.telling(f"reading the history of {len(nodes)} nodes"):
        answers = await session.client.uaclient.session.history_read(parameters)
    if len(answers) != len(nodes):
        raise DriverError(f"{session.name}: {session.url} gave {len(answers)} histories of {len(nodes)} nodes")
    return list(answers)


def _rows(stretch: Stretch, values: Sequence[ua.DataValue], received_us: int, past: Past, picks: Picks) -> Readings:
    """Decode values as a notification's are; note their times, and return those within the stretch."""
    body = struct.pack("<i", len(values)) + b"".join(
        struct_to_binary(ua.MonitoredItemNotification(stretch.point, value)) for value in values
    )
    found = changes(body, 0, received_us, picks)
    readings = found.readings
    # what stands for a bound that is not known is no value
    readings = readings.take(np.flatnonzero(readings.status & 0xFFFF0000 != StatusCodes.BadBoundNotFound))
    readings = readings.take(np.argsort(readings.ts, kind="stable"))
    past.times.setdefault(stretch.point, []).extend(readings.ts.tolist())
    inside = _within(readings, stretch)
    return inside if found.beside is None else concatenate([inside, _within(found.beside, stretch)])


def _within(readings: Readings, stretch: Stretch) -> Readings:
    return readings.take(np.flatnonzero((readings.ts > stretch.from_us) & (readings.ts < stretch.to_us)))


def _time(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
