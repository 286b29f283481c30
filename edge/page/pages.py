"""What the page's server serves at which path."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack
from importlib import resources
from typing import Any

import msgspec

from edge import metrics
from edge.acquisition.station import Station
from edge.clock import Clock
from edge.health import Page, Query, Stream
from edge.page import tags
from edge.page.throughput import Throughput
from edge.report import Snapshot, health

_JSON = "application/json"
_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"
# how often a tap is emptied, and after how many empty looks its reader is asked whether he is there
_TAP_S = 0.2
_ASK_AFTER = 10
_MOST_TAPPED = 200


def pages(
    snapshot: Callable[[], Snapshot], stations: Callable[[], Sequence[Station]], throughput: Throughput, clock: Clock
) -> Mapping[str, Page | Stream]:
    """Return every page. None of them waits for anything or changes anything."""

    def status() -> dict[str, Any]:
        now = snapshot()
        return {
            **health(now),
            "rates": throughput.rates(),
            "drain_s": throughput.drain_s(now.buffer.rows),
            "gaps": tags.gaps((station.name, station.journal.gaps) for station in stations()),
            "errors": list(tags.errors((station.name, station.journal.errors) for station in stations())),
        }

    def boards() -> tags.Boards:
        return [(station.name, station.board) for station in stations()]

    exposition = metrics.exposition(snapshot)
    return {
        "/": _file("index.html", _HTML),
        "/page.js": _file("page.js", _SCRIPT),
        "/page.css": _file("page.css", _STYLE),
        "/icon.svg": _file("icon.svg", "image/svg+xml"),
        "/health/live": Page("text/plain; charset=utf-8", lambda _: b"alive\n", is_open=True),
        "/health": Page(_JSON, lambda _: msgspec.json.encode(health(snapshot()))),
        "/metrics": Page(metrics.CONTENT_TYPE, lambda _: exposition()),
        "/api/status": Page(_JSON, lambda _: msgspec.json.encode(status())),
        "/api/tags": Page(_JSON, lambda query: msgspec.json.encode(tags.tags(boards(), query, clock.now_us()))),
        "/api/tap": Stream("application/x-ndjson", lambda query: _tap(boards(), query, clock)),
    }


def _file(name: str, content_type: str) -> Page:
    body = resources.files("edge.page").joinpath(name).read_bytes()
    return Page(content_type, lambda _: body, is_open=True)


async def _tap(boards: tags.Boards, query: Query, clock: Clock) -> AsyncIterator[bytes]:
    """Yield readings of the tags that any `q` means, as lines of JSON; the first line says how many tags there are."""
    asked = query.get("q", [""])
    wanted = {name: sorted({place for words in asked for place in board.places(words)}) for name, board in boards}
    total = sum(map(len, wanted.values()))
    if total > _MOST_TAPPED:
        raise tags.BadQuery(
            f"{', '.join(asked) or 'no words'}: these are {total} tags; tap at most {_MOST_TAPPED} at once"
        )
    with ExitStack() as stack:
        taps = [(name, stack.enter_context(board.tapped(wanted[name]))) for name, board in boards if wanted[name]]
        yield _line({"tags": total})
        told, silent = 0, 0
        while taps:
            rows = [tags.tapped(name, row) for name, tap in taps for row in tap.take()]
            dropped = sum(tap.dropped for _, tap in taps)
            lines = [*map(_line, rows), *([_line({"dropped": dropped})] if dropped > told else [])]
            told, silent = dropped, 0 if lines else silent + 1
            if lines or silent >= _ASK_AFTER:
                silent = 0
                yield b"".join(lines) or b"\n"
            await clock.sleep(_TAP_S)


def _line(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"
