"""Every page of a gateway, made from a made-up condition."""

import json
from collections.abc import AsyncIterator

import pytest

from edge.acquisition.station import Station
from edge.health import Page, Stream
from edge.page.pages import pages
from edge.page.tags import BadQuery
from edge.page.throughput import Throughput
from shared.reading import empty, from_rows
from tests.fakes.buffer import MemoryBuffer
from tests.fakes.clock import HandClock
from tests.fakes.driver import NOW_US, ScriptedDriver, points
from tests.fakes.snapshots import snapshot

OPEN = {"/", "/page.js", "/page.css", "/icon.svg", "/health/live"}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW_US)


@pytest.fixture
def station(clock: HandClock) -> Station:
    return Station("line", "modbus", ScriptedDriver(), points("a", "<script>"), MemoryBuffer(clock), clock)


@pytest.fixture
def served(clock: HandClock, station: Station) -> dict[str, Page | Stream]:
    return dict(pages(snapshot, lambda: [station], Throughput(), clock))


def body(page: Page | Stream, **query: str) -> bytes:
    assert isinstance(page, Page)
    return page.make({key: [value] for key, value in query.items()})


def test_only_pages_without_anything_in_them_are_open(served: dict[str, Page | Stream]) -> None:
    assert {path for path, page in served.items() if isinstance(page, Page) and page.is_open} == OPEN
    for path in OPEN:
        assert b"hall-2" not in body(served[path])


def test_the_page_takes_nothing_from_elsewhere(served: dict[str, Page | Stream]) -> None:
    for path in ("/", "/page.js", "/page.css"):
        text = body(served[path]).decode()
        assert "//" not in text.replace("// ", "").replace("http://www.w3.org", "")
        assert "innerHTML" not in text
        assert " style=" not in text
        assert " onclick" not in text


def test_everything_else_is_json_with_the_gateways_condition(
    served: dict[str, Page | Stream], station: Station
) -> None:
    station.journal.note_error(NOW_US, "refused")
    status = json.loads(body(served["/api/status"]))
    assert status["gateway"] == json.loads(body(served["/health"]))["gateway"] == "hall-2"
    assert (status["rates"], status["drain_s"], status["gaps"]) == (None, None, [])
    assert [error["message"] for error in status["errors"]] == ["refused"]
    tags = json.loads(body(served["/api/tags"], q="script"))
    assert [tag["tag"] for tag in tags["tags"]] == ["<script>"]


async def lines(stream: AsyncIterator[bytes], count: int, clock: HandClock) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while len(found) < count:
        piece = await anext(stream)
        found += [json.loads(line) for line in piece.splitlines() if line]
    return found


async def test_a_tap_says_how_many_tags_it_has_and_then_what_passes(
    served: dict[str, Page | Stream], station: Station, clock: HandClock
) -> None:
    page = served["/api/tap"]
    assert isinstance(page, Stream)
    stream = page.make({"q": ["press-1.a"]})
    assert await lines(stream, 1, clock) == [{"tags": 1}]
    station.board.note(from_rows([0], [0], NOW_US, [215.0]), empty())
    (row,) = await lines(stream, 1, clock)
    assert (row["device"], row["tag"], row["stage"], row["value"], row["time"]) == ("press-1", "a", "read", 215.0, None)
    await stream.aclose()  # type: ignore[attr-defined]
    assert station.board._taps == []


async def test_a_tap_of_nothing_says_so_and_ends(served: dict[str, Page | Stream], clock: HandClock) -> None:
    page = served["/api/tap"]
    assert isinstance(page, Stream)
    assert [piece async for piece in page.make({"q": ["nothing"]})] == [b'{"tags": 0}\n']


async def test_a_tap_of_too_much_is_refused(clock: HandClock) -> None:
    names = [f"t{n}" for n in range(300)]
    many = Station("line", "modbus", ScriptedDriver(), points(*names), MemoryBuffer(clock), clock)
    page = pages(snapshot, lambda: [many], Throughput(), clock)["/api/tap"]
    assert isinstance(page, Stream)
    with pytest.raises(BadQuery, match="300 tags"):
        await anext(page.make({}))
