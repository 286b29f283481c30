"""Waiting until PostgreSQL says that somebody waits for a lock."""

import asyncio

from sqlalchemy import text

from cloud.db import Database

_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


async def until_waiting(database: Database, sessions: int) -> None:
    """Return when so many sessions of this database wait for a lock."""
    async with asyncio.timeout(60), database.engine.connect() as connection:
        while await connection.scalar(_WAITING) != sessions:
            # each look is a transaction of its own, for a view of activity holds still within one
            await connection.rollback()
