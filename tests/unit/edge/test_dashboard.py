"""A gateway on one screen: nothing wider or longer than the terminal, whatever there is to show."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from edge import dashboard


def status(devices: int = 3, problems: int = 0, **changes: Any) -> dict[str, Any]:
    one = {"good": 3, "uncertain": 0, "bad": 1, "tags": 5, "age_s": 2.0}
    whole = {
        "gateway": "hall-2",
        "site": "Izmir",
        "status": "degraded",
        "version": "1.0",
        "uptime_s": 61.0,
        "problems": [
            f"connection line-{n} is down: nobody answers at 10.2.0.15:502, check the cable" for n in range(problems)
        ],
        "connections": [
            {"name": "line-a", "state": "up", "devices": [{"name": f"press-{n:03}", **one} for n in range(devices)]}
        ],
        "buffer": {"rows": 1200, "bytes": 500, "max_bytes": 1000, "oldest_age_s": 90.0},
        "sync": {"state": "down"},
        "rates": {"taken": 1234.5, "buffered": 100.0, "settled": 0.0},
        "drain_s": None,
    }
    return {**whole, **changes}


def tags(count: int, total: int | None = None) -> dict[str, Any]:
    rows = [
        {
            "device": "press-001",
            "tag": f"[b]t{n}",
            "value": 20.5,
            "text": None,
            "unit": "kW",
            "quality": "good",
            "age_s": 1.0,
        }
        for n in range(count)
    ]
    return {"total": total or count, "offset": 0, "tags": rows}


def shown(status: dict[str, Any], tags: dict[str, Any], width: int = 80, height: int = 24) -> list[str]:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(dashboard.screen(status, tags, width, height))
    return capture.get().splitlines()


def test_the_whole_stands_on_a_small_terminal() -> None:
    text = "\n".join(shown(status(problems=1), tags(30, 204)))
    assert "hall-2  Izmir  degraded  up 61 s" in text
    assert "read 1,234/s  kept 100/s  sent 0/s" in text
    assert "cloud down  waiting 1,200, oldest 90 s, growing  buffer 50.0%" in text
    assert "! connection line-0 is down" in text
    assert "press-002" in text
    assert "press-001.[b]t0" in text
    assert "of 204)" in text


def test_how_long_there_is_room_is_read_to_the_end_on_a_small_terminal() -> None:
    told = status()
    told["buffer"]["left_h"] = 2412.5
    (line,) = (line.rstrip() for line in shown(told, tags(1)) if line.startswith("cloud "))
    assert line.endswith("buffer 50.0%, room for 101 d")


@given(st.integers(0, 60), st.integers(0, 9), st.integers(0, 60), st.integers(60, 200), st.integers(12, 60))
def test_nothing_leaves_the_terminal(devices: int, problems: int, rows: int, width: int, height: int) -> None:
    lines = shown(status(devices, problems), tags(rows), width, height)
    assert len(lines) <= height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"drain_s": 120.0}, "empty in 2 min"),
        ({"rates": None}, "read -/s"),
        ({"buffer": {"rows": 0, "bytes": 0, "max_bytes": 0, "oldest_age_s": None}}, "waiting 0"),
    ],
)
def test_the_buffer_says_where_it_goes(changes: dict[str, Any], words: str) -> None:
    assert words in "\n".join(shown(status(**changes), tags(0)))


@pytest.mark.parametrize(
    ("value", "text", "words"),
    [(2.0, "producing", "producing"), (None, None, "-"), (3.0, None, "3"), (0.1234567891, None, "0.1234568")],
)
def test_a_value_is_written_short(value: float | None, text: str | None, words: str) -> None:
    assert dashboard.value({"value": value, "text": text}) == words


@pytest.mark.parametrize(
    ("number", "words"),
    [(21.0, "21"), (1_795_176_000_123_456.0, "1795176000123456"), (2.0**53, "9.007199e+15"), (0.1 + 0.2, "0.3")],
)
def test_a_whole_number_is_shown_to_its_last_digit_as_long_as_a_double_holds_it(number: float, words: str) -> None:
    assert dashboard.value({"value": number, "text": None}) == words
