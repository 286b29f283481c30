"""Owns how one statement asks about many stretches of machines' time: each has its number, by which its rows find back.

    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT ... WHERE machine_id = asked.machine_id AND at >= asked.start_at AND at < asked.end_at OFFSET 0
    ) AS found

`OFFSET 0` has PostgreSQL look into an index once for each stretch; without, it may walk through all of a table once.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R")

ASKED = """unnest(CAST(:machines AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]))
    WITH ORDINALITY AS asked (machine_id, start_at, end_at, number)"""


@dataclass(frozen=True, slots=True)
class Window:
    """A machine's time from `start` until just before `end`."""

    machine_id: uuid.UUID
    start: datetime
    end: datetime


async def rows(
    session: AsyncSession, statement: TextClause, windows: Sequence[Window], **others: object
) -> list[list[Any]]:
    """Return what a statement finds of each window, in the order in which it finds it.

    Args:
        session: To ask.
        statement: It selects `number`, from `ASKED`.
        windows: Which.
        others: What else the statement asks for.
    """
    if not windows:
        return []
    asked = {
        "machines": [each.machine_id for each in windows],
        "starts": [each.start for each in windows],
        "ends": [each.end for each in windows],
    }
    found = await session.execute(statement, asked | others)
    return by_number(len(windows), ((row.number, row) for row in found))


def by_number(count: int, rows: Iterable[tuple[int, R]]) -> list[list[R]]:
    """Return what belongs to each of so many numbers, counted from 1 as PostgreSQL does."""
    found: list[list[R]] = [[] for _ in range(count)]
    for number, row in rows:
        found[number - 1].append(row)
    return found
