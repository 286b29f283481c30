from dataclasses import asdict

from rich.console import Console

from edge.display import difference, status
from edge.live.difference import Changes, Difference
from edge.ports import Figures
from edge.report import health
from tests.fakes.snapshots import snapshot, station


def shown(document: dict) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(status(document))
    return capture.get()


def planned(found: Difference) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(difference(asdict(found)))
    return capture.get()


def test_a_plan_says_whose_sessions_end_even_where_only_shaping_differs() -> None:
    text = planned(Difference(connections=Changes((), ("old",), ("line-a",)), tags=Changes((), (), ("press.force",))))
    assert "~ tag press.force" in text
    assert "ended and begun anew, with a gap of a second or two: line-a; ended for good: old." in text
    assert "The others go on" in text
    assert "no session that runs is touched" in planned(Difference(connections=Changes(("new",))))


def test_a_status_shows_problems_devices_and_what_waits() -> None:
    text = shown(health(snapshot(stations=[station(state="down", last_error="[refused]")])))
    assert "gateway hall-2 1.2.3 is degraded, up 61 s" in text
    assert "connection line-a is down: [refused]" in text
    assert "press-1  2     0    4     2.5 s ago" in text
    assert "buffer: 9 readings wait" in text
    assert "cloud: up, 3 batches with 30 readings brought" in text
    assert "counted" not in text
    assert "without the cloud" not in text, "nobody knows yet how fast it fills"


def test_a_status_tells_for_how_long_there_is_room() -> None:
    document = health(snapshot(stations=[station()]))
    document["buffer"]["left_h"] = 3.25
    assert "bytes in use, full in 3.2 h without the cloud" in shown(document)


def test_a_status_tells_what_a_driver_counted_if_it_happened() -> None:
    figures = Figures({"malformed": 3, "late_deaths": 1, "copies": 0})
    document = health(snapshot(stations=[station(figures=figures)]))
    assert document["connections"][0]["events"] == {"malformed": 3, "late_deaths": 1, "copies": 0}
    assert "connection line-a counted: malformed 3, late deaths 1\n" in shown(document)
