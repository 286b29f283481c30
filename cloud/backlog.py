"""Owns the figures of what waits: how much the background has to do, since when, and whether the database is up.

They are asked of the database when `/metrics` is read, for the work is done in another process. Which queues there are,
the composition root says.
"""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge
from sqlalchemy import TextClause

from cloud.db import Database
from cloud.errors import CloudError


class Backlog:
    """The queues of one database."""

    def __init__(
        self,
        database: Database,
        registry: CollectorRegistry,
        queues: Mapping[str, TextClause],
        alarms: TextClause | None = None,
    ) -> None:
        """Prepare the figures; nothing is asked yet.

        Args:
            database: Whose queues.
            registry: Where the figures go.
            queues: By name, a query of one row: how many wait, and for how many seconds the oldest has.
            alarms: A query of rows: a kind of trouble, and how many have it.
        """
        self._database = database
        self._queues = queues
        self._alarms = alarms
        # of several workers each asks the same database: the last answer is the answer
        self._up = Gauge(
            "tezgah_database_up", "1 while PostgreSQL answers.", registry=registry, multiprocess_mode="mostrecent"
        )
        self._waiting = Gauge(
            "tezgah_background_waiting",
            "Pieces of work that are due and not done, by queue.",
            ["queue"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )
        self._oldest = Gauge(
            "tezgah_background_oldest_seconds",
            "For how long the oldest of them has been due; 0 when none is.",
            ["queue"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )

        self._trouble = Gauge(
            "tezgah_alarms",
            "How many organizations have a trouble that somebody should look at, by kind.",
            ["kind"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )

    async def look(self) -> None:
        """Ask; where the database is away the queues keep their last figures."""
        try:
            async with self._database.reading() as session:
                for name, query in self._queues.items():
                    count, oldest_s = (await session.execute(query)).one()
                    self._waiting.labels(name).set(count)
                    self._oldest.labels(name).set(oldest_s or 0.0)
                if self._alarms is not None:
                    for kind, count in await session.execute(self._alarms):
                        self._trouble.labels(kind).set(count)
        except CloudError:
            self._up.set(0)
        else:
            self._up.set(1)
