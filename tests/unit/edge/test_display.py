from rich.console import Console

from edge.display import status
from edge.report import health
from tests.fakes.snapshots import snapshot, station


def shown(document: dict) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(status(document))
    return capture.get()


def test_a_status_shows_problems_devices_and_what_waits() -> None:
    text = shown(health(snapshot(stations=[station(state="down", last_error="[refused]")])))
    assert "gateway hall-2 1.2.3 is degraded, up 61 s" in text
    assert "connection line-a is down: [refused]" in text
    assert "press-1  2     0    4     2.5 s ago" in text
    assert "buffer: 9 readings wait" in text
    assert "cloud: up, 3 batches with 30 readings brought" in text
