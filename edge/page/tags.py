"""Tags, holes and errors as the page's JSON; pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from edge.acquisition.board import Board, Last, Tapped
from edge.acquisition.journal import Event
from edge.health import Query
from edge.report import instant
from shared.errors import AppError
from shared.reading import Gap

# what a browser shows without effort, and the loop makes in a few milliseconds
MOST = 500
Boards = Sequence[tuple[str, Board]]


class BadQuery(AppError):
    """A parameter that cannot be used."""

    code = "BAD_QUERY"


def tags(boards: Boards, query: Query, now_us: int) -> dict[str, Any]:
    """Return the tags that are asked for.

    Args:
        boards: Name of each connection, and its board.
        query: `q`: words that all stand in `device.tag`; `connection`, `device`, `quality`: exactly that; `offset` and
            `limit`, at most 500.
        now_us: For ages.

    Raises:
        BadQuery: A number is none.
    """
    offset, limit = number(query, "offset", 0), min(number(query, "limit", MOST), MOST)
    found = [(name, board, place) for name, board in boards for place in _wanted(name, board, query)]
    # a row is only made of what is shown
    shown = [(name, board.last([place])[0]) for name, board, place in found[offset : offset + limit]]
    return {
        "now": instant(now_us),
        "total": len(found),
        "offset": offset,
        "tags": [tag(name, last, now_us) for name, last in shown],
    }


def _wanted(name: str, board: Board, query: Query) -> Iterable[int]:
    connection, device = first(query, "connection"), first(query, "device")
    if connection not in {"", name}:
        return ()
    places = board.places(first(query, "q"), first(query, "quality"))
    return places if not device else [place for place in places if board.points[place].device == device]


def tag(connection: str, last: Last, now_us: int) -> dict[str, Any]:
    """Return one tag's last word; `age_s` is since the source last said anything of it."""
    point = last.point
    return {
        "connection": connection,
        "device": point.device,
        "tag": point.name,
        "machine": point.device_options.machine,
        "value": last.value,
        "text": last.text,
        "raw": last.raw,
        "unit": point.options.unit,
        "quality": last.quality,
        "flags": last.flags,
        "status": last.status,
        "time": instant(last.time_us),
        "age_s": None if last.read_us is None else round(max(0, now_us - last.read_us) / 1e6, 3),
    }


def tapped(connection: str, row: Tapped) -> dict[str, Any]:
    """Return one reading on its way."""
    return {
        "connection": connection,
        "device": row.point.device,
        "tag": row.point.name,
        "stage": "kept" if row.is_kept else "read",
        # a source that gave no time has 0 before shaping
        "time": instant(row.time_us or None),
        "received": instant(row.received_us),
        "value": row.value,
        "text": row.text,
        "unit": row.point.options.unit if row.is_kept else "",
        "quality": row.quality,
        "flags": row.flags,
    }


def gaps(journals: Iterable[tuple[str, Sequence[Gap]]]) -> list[dict[str, Any]]:
    """Return holes, the newest first."""
    found = [(name, gap) for name, told in journals for gap in told]
    found.sort(key=lambda pair: pair[1].to_us, reverse=True)
    return [
        {
            "connection": name,
            **asdict(gap),
            "from": instant(gap.from_us),
            "to": instant(gap.to_us),
            "seconds": round((gap.to_us - gap.from_us) / 1e6, 3),
        }
        for name, gap in found
    ]


def errors(journals: Iterable[tuple[str, Sequence[Event]]]) -> Iterator[dict[str, Any]]:
    """Yield errors, the newest first."""
    found = [(event, name) for name, told in journals for event in told]
    for event, name in sorted(found, key=lambda pair: pair[0].time_us, reverse=True):
        yield {"connection": name, "time": instant(event.time_us), "message": event.message}


def first(query: Query, key: str) -> str:
    """Return a parameter, empty if it is absent."""
    return query.get(key, [""])[0]


def number(query: Query, key: str, default: int) -> int:
    """Return a parameter that is a number.

    Raises:
        BadQuery: It is none, or negative.
    """
    text = first(query, key)
    if text and not text.isdecimal():
        raise BadQuery(f"{key}={text[:20]!r}: expected a number, 0 or more")
    return int(text) if text else default
