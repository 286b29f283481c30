"""Owns how many cavities a machine's mould had, and when: what a shot of any time is multiplied by.

`machine.active_cavities` is what it has now. What it had then is kept beside it, from a moment on, so that a shot that
arrives three days late is counted by the mould that made it.
"""

import uuid
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud.machines.models import CavityRow

EVER = datetime(1970, 1, 1, tzinfo=UTC)
"""Before everything: what is told for the first time always was so, as far as anybody knows."""


@dataclass(frozen=True, slots=True)
class Cavities:
    """What was in force, each from its moment until the next; before the first nobody knows."""

    since: Sequence[datetime]
    active: Sequence[int | None]

    def at(self, moment: datetime) -> int | None:
        """Return how many there were; None where nobody knows."""
        index = bisect_right(self.since, moment) - 1
        return self.active[index] if index >= 0 else None

    def until(self, moment: datetime, present: datetime) -> datetime:
        """Return until when what was said from a moment on is in force."""
        index = bisect_right(self.since, moment)
        return self.since[index] if index < len(self.since) else present


async def known(session: AsyncSession, machine_id: uuid.UUID) -> Cavities:
    """Return what is known of a machine's cavities."""
    statement = (
        select(col(CavityRow.valid_from), col(CavityRow.active_cavities))
        .where(col(CavityRow.machine_id) == machine_id)
        .order_by(col(CavityRow.valid_from))
    )
    rows = (await session.execute(statement)).all()
    return Cavities([row.valid_from for row in rows], [row.active_cavities for row in rows])


async def note(session: AsyncSession, machine_id: uuid.UUID, active: int | None, now: datetime) -> bool:
    """Keep that a machine has so many from now on; since ever, where nothing was told of it before.

    Returns:
        Whether it has them since ever.
    """
    is_first = not (await known(session, machine_id)).since
    values = {"machine_id": machine_id, "active_cavities": active, "valid_from": EVER if is_first else now}
    added = insert(CavityRow).values(values)
    await session.execute(
        added.on_conflict_do_update(
            index_elements=["machine_id", "valid_from"], set_={"active_cavities": added.excluded.active_cavities}
        )
    )
    return is_first
