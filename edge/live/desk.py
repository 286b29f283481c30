"""The desk: what a person may ask of a buffer, and have done to its quarantine; answered piece by piece.

A running gateway keeps every other process out of its file, so it answers over its control port: it looks one piece at
a time on the buffer's thread, and readings go on coming in between. While no gateway runs, `edge.cli.buffering` answers
with the same words.
"""

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol

from edge.buffer import holdings
from edge.errors import BufferError  # noqa: A004 - the field's word
from shared.errors import AppError, WireError

# in one transaction, and in memory
_AT_ONCE = 50
Look = Callable[..., Any]
# looks into the file: a function of `holdings` and what it takes after the connection and the tags
Ask = Callable[..., Awaitable[Any]]


class Quarantine(Protocol):
    """What may be done to what is set aside."""

    async def retry(self, ns: Sequence[int]) -> int:
        """Bring entries among the readings again, to be sent; returns how many readings that are.

        Raises:
            BufferError: One is not there, or cannot be read; nothing was done.
        """
        ...

    async def drop(self, ns: Sequence[int]) -> int:
        """Delete entries for good, and tell it as gaps; returns how many readings that are.

        Raises:
            BufferError: One is not there; nothing was done.
        """
        ...


async def answer(do: str, ns: Sequence[int], ask: Ask, quarantine: Quarantine) -> AsyncIterator[dict[str, Any]]:
    """Answer `stat`, `export`, or `list`, `take`, `retry` or `drop` of entries `ns`, of all if there are none.

    The last piece is `done`: an answer without it was cut off.

    Raises:
        AppError: Something else was asked, or it could not be done.
    """
    match do:
        case "stat":
            yield await ask(holdings.stat)
        case "export":
            for look in (holdings.batch_after, holdings.block_after):
                async for piece in _pieces(ask, look):
                    yield piece
        case "list" | "take":
            if ns:
                await _known(ask, ns)
            async for entry in _entries(ask, ns):
                yield await _told(ask, entry, with_body=do == "take")
        case "retry" | "drop":
            found = await _known(ask, ns)
            act = quarantine.retry if do == "retry" else quarantine.drop
            for first in range(0, len(found), _AT_ONCE):
                some = found[first : first + _AT_ONCE]
                yield {"entries": len(some), "readings": await act(some)}
        case _:
            raise AppError(f"{do!r} cannot be done; expected stat, export, list, take, retry or drop")
    yield {"done": True}


async def _pieces(ask: Ask, look: Look) -> AsyncIterator[dict[str, Any]]:
    at = -1
    while (found := await ask(look, at)) is not None:
        at, body = found
        if isinstance(body, holdings.Unreadable):
            yield {"name": body.name, "unreadable": body.why}
        else:
            yield {"body": base64.b64encode(body).decode()}


async def _entries(ask: Ask, ns: Sequence[int]) -> AsyncIterator[dict[str, Any]]:
    at, wanted = -1, set(ns)
    while page := await ask(holdings.set_aside_after, at):
        for entry in page:
            at = entry["n"]
            if not wanted or at in wanted:
                yield entry


async def _known(ask: Ask, ns: Sequence[int]) -> list[int]:
    """Return the numbers of these entries, of all if there are none.

    Raises:
        BufferError: One is not there.
    """
    found: list[int] = [entry["n"] async for entry in _entries(ask, ns)]
    if missing := sorted(set(ns) - set(found)):
        raise BufferError(f"there is no entry {missing[0]} in quarantine; `quarantine list` shows which there are")
    return found


async def _told(ask: Ask, entry: dict[str, Any], *, with_body: bool) -> dict[str, Any]:
    """Return an entry with what it holds; `unreadable` says why that cannot be told."""
    try:
        held = await ask(holdings.set_aside, entry["n"])
        entry |= {
            "readings": len(held.readings),
            "gaps": len(held.gaps),
            "tags": sorted(
                {f"{held.tags[tag].device}/{held.tags[tag].name}" for tag in set(held.readings.tag.tolist())}
            ),
        }
        if with_body:
            entry["body"] = base64.b64encode(holdings.packed(held)).decode()
    except (BufferError, WireError) as error:
        entry["unreadable"] = error.message
    return entry
