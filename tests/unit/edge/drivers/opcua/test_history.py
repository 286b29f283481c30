"""What history brings of a stretch: within its bounds, over continuation points, and of several calls."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.history import Past, read
from edge.drivers.opcua.missed import Stretch
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = 1_790_000_000_000_000


class Historian:
    """A session whose server has these times of each node, and gives some of them an answer."""

    name, url = "plc", "opc.tcp://plc"

    def __init__(self, times: dict[int, list[int]], per_answer: int = 1000) -> None:
        self._times = times
        self._per_answer = per_answer
        self.calls: list[int] = []
        self.client = SimpleNamespace(uaclient=SimpleNamespace(session=self))

    @contextlib.contextmanager
    def telling(self, _: str) -> Iterator[None]:
        yield

    async def history_read(self, parameters: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
        self.calls.append(len(parameters.NodesToRead))
        return [self._result(wanted) for wanted in parameters.NodesToRead]

    def _result(self, wanted: ua.HistoryReadValueId) -> ua.HistoryReadResult:
        times = self._times.get(int(wanted.NodeId.Identifier))
        if times is None:
            return ua.HistoryReadResult(StatusCode=ua.StatusCode(ua.UInt32(ua.StatusCodes.BadUserAccessDenied)))
        begin = int(wanted.ContinuationPoint or b"0")
        end = begin + self._per_answer
        values = [
            ua.DataValue(
                ua.Variant(float(us), ua.VariantType.Double), SourceTimestamp=EPOCH + timedelta(microseconds=us)
            )
            for us in times[begin:end]
        ]
        mark = str(end).encode() if end < len(times) else None
        return ua.HistoryReadResult(ContinuationPoint=mark, HistoryData=ua.HistoryData(DataValues=values))


async def brought(historian: Historian, stretches: Sequence[Stretch], at_once: int = 20) -> list[Past]:
    nodes = {stretch.point: ua.NodeId(stretch.point, 2) for stretch in stretches}
    session = cast("Session", cast("Any", historian))
    return [past async for past in read(session, Limits(history=at_once), stretches, nodes, START)]


@given(
    st.lists(st.integers(0, 100), unique=True, max_size=30),
    st.integers(0, 50),
    st.integers(1, 50),
    st.integers(1, 7),
)
async def test_only_what_lies_within_is_a_reading_and_all_that_was_shown_is_noted(
    offsets: list[int], begin: int, length: int, per_answer: int
) -> None:
    times = [START + offset for offset in sorted(offsets)]
    stretch = Stretch(4, START + begin, START + begin + length)
    (past,) = await brought(Historian({4: times}, per_answer), [stretch])
    within = [us for us in times if stretch.from_us < us < stretch.to_us]
    assert past.readings.ts.tolist() == within
    assert past.readings.tag.tolist() == [4] * len(within)
    assert past.times == {4: times}
    assert past.refused == set()


async def test_a_history_that_cannot_be_read_stops_no_other() -> None:
    stretches = [Stretch(point, START, START + 10) for point in (1, 2)]
    (past,) = await brought(Historian({2: [START + 5]}), stretches)
    assert past.refused == {1}
    assert past.readings.tag.tolist() == [2]


async def test_no_call_asks_for_more_nodes_than_the_server_takes() -> None:
    historian = Historian({point: [START + 5] for point in range(7)})
    pasts = await brought(historian, [Stretch(point, START, START + 10) for point in range(7)], at_once=3)
    assert historian.calls == [3, 3, 1]
    assert sorted(tag for past in pasts for tag in past.readings.tag.tolist()) == list(range(7))


@pytest.mark.parametrize("stretches", [[]])
async def test_nothing_missed_asks_for_nothing(stretches: list[Stretch]) -> None:
    historian = Historian({})
    assert await brought(historian, stretches) == []
    assert historian.calls == []
