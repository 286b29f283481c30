"""Tags, holes and errors as JSON."""

import pytest

from edge.acquisition.board import Board
from edge.acquisition.journal import Event
from edge.page import tags
from edge.page.tags import BadQuery
from shared.reading import Gap, GapCause, empty, from_rows
from tests.fakes.driver import NOW_US, points


def boards(count: int = 3) -> tags.Boards:
    names = [f"t{n}" for n in range(count)]
    line, plc = Board(points(*names, device="meter", unit="kW")), Board(points("speed", device="press"))
    line.note(from_rows([0], [0], NOW_US, [215.0]), from_rows([0], [NOW_US], NOW_US, [21.5]))
    plc.note(empty(), empty())
    return [("line", line), ("plc", plc)]


def asked(**query: str) -> list[str]:
    found = tags.tags(boards(), {key: [value] for key, value in query.items()}, NOW_US)
    return [f"{tag['device']}.{tag['tag']}" for tag in found["tags"]]


def test_a_tag_is_described_whole() -> None:
    found = tags.tags(boards(), {}, NOW_US + 2_500_000)
    assert found["total"] == 4
    assert found["tags"][0] == {
        "connection": "line",
        "device": "meter",
        "tag": "t0",
        "machine": None,
        "value": 21.5,
        "text": None,
        "raw": 215.0,
        "unit": "kW",
        "quality": "good",
        "flags": (),
        "status": 0,
        "time": "2027-01-15T08:00:00Z",
        "age_s": 2.5,
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"q": "press"}, ["press.speed"]),
        ({"connection": "plc"}, ["press.speed"]),
        ({"device": "meter", "q": "1"}, ["meter.t1"]),
        ({"quality": "good"}, ["meter.t0"]),
        ({"offset": "1", "limit": "2"}, ["meter.t1", "meter.t2"]),
        ({"connection": "nobody"}, []),
    ],
)
def test_what_is_asked_for_is_given(query: dict[str, str], names: list[str]) -> None:
    assert asked(**query) == names


def test_no_answer_is_longer_than_its_bound() -> None:
    found = tags.tags(boards(2000), {"limit": ["9999"]}, NOW_US)
    assert (len(found["tags"]), found["total"]) == (tags.MOST, 2001)


@pytest.mark.parametrize("value", ["x", "-1", "1.5"])
def test_a_number_that_is_none_is_refused_by_name(value: str) -> None:
    with pytest.raises(BadQuery, match="limit="):
        asked(limit=value)


def test_holes_and_errors_of_all_connections_stand_newest_first() -> None:
    old, new = Gap(GapCause.OVERFLOW, 1, 2_000_000, "d", "t", "why"), Gap(GapCause.GATEWAY_DOWN, 5, 9_000_000)
    found = tags.gaps([("a", [old]), ("b", [new])])
    assert [(gap["connection"], gap["cause"], gap["seconds"]) for gap in found] == [
        ("b", "gateway_down", 9.0),
        ("a", "overflow", 2.0),
    ]
    assert found[1]["to"] == "1970-01-01T00:00:02Z"
    events = [("a", [Event(1, "first"), Event(3, "third")]), ("b", [Event(2, "second")])]
    assert [event["message"] for event in tags.errors(events)] == ["third", "second", "first"]
