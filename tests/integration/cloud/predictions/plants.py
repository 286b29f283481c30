"""A plant of chance in the database: machines that run, and stop at rates of their own."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, text

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)
_STATE = text("""
    INSERT INTO machine_state (machine_id, from_at, to_at, state, source, recorded_at)
    VALUES (:machine_id, :from_at, :to_at, :state, :source, :recorded_at)
""")
_CHAMPION = text("""
    INSERT INTO ml_model (id, organization_id, kind, number, horizon_h, algorithm, state, is_control, trained_at,
                          learned_until, verdict, features, usual, calibration, artefact, sha256, versions)
    VALUES (:id, :organization_id, 'downtime-predictor', 1, 24, 'random_forest', 'champion', false, now(), now(), '{}',
            '[]', '[]', '{}', 'not what was kept', 'a', '{}')
""")


async def machines(app_client, tenant, count: int) -> list[dict]:
    """Make machines M-0, M-1, .."""
    made = []
    for number in range(count):
        body = {"code": f"M-{number}", "name": f"Mill {number}"}
        made.append((await app_client.post("/machines", json=body, headers=tenant.admin)).json())
    return made


async def run(app, made: list[dict], *, days: int = 90, until: datetime = NOW, mean_h: float = 40.0, seed: int = 1):
    """Let machines run until an instant; each stops at a rate of its own, the last ones more often."""
    rng, rows = random.Random(seed), []
    for place, machine in enumerate(made):
        at, rate = until - timedelta(days=days), mean_h * (1.6 - place / len(made))
        while at < until:
            stop = at + rng.expovariate(1 / rate) * HOUR
            end = stop + rng.uniform(0.2, 4) * HOUR
            rows.append(row(machine, at, stop if stop < until else None, "producing"))
            if stop < until:
                rows.append(row(machine, stop, min(end, until), "faulted"))
            at = end
    await write(app, rows)


def row(machine: dict, start: datetime, end: datetime | None, state: str, **more) -> dict:
    """Return a state as `write` takes it: known when it began, unless something else is said."""
    values = {"machine_id": machine["id"], "from_at": start, "to_at": end, "state": state}
    return values | {"source": "import", "recorded_at": start} | more


async def stop(app, machine: dict, start: datetime, end: datetime | None, *, known: datetime | None = None) -> None:
    """Let a machine stop; its tag says so, when it happened or later."""
    told = row(machine, start, end, "faulted", source="tag", recorded_at=known or start)
    open_row = text("UPDATE machine_state SET to_at = :at WHERE machine_id = :id AND to_at IS NULL AND from_at < :at")
    async with app.state.database.transaction() as session:
        await session.execute(open_row, {"at": start, "id": machine["id"]})
        await session.execute(_STATE, told)


async def write(app, rows: list[dict]) -> None:
    """Put states in, as they were derived."""
    async with app.state.database.transaction() as session:
        await session.execute(_STATE, rows)


@contextmanager
def statements(engine) -> Iterator[list[tuple[str, Any]]]:
    """Note every statement that goes to PostgreSQL, with its parameters."""
    said: list[tuple[str, Any]] = []

    def note(connection, cursor, statement, parameters, context, executemany):
        said.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def champion_with_another_file(app, tenant) -> uuid.UUID:
    """Put a model in service whose file is not the one that was kept."""
    model_id = uuid.uuid4()
    async with app.state.database.transaction() as session:
        await session.execute(_CHAMPION, {"id": model_id, "organization_id": tenant.organization_id})
    return model_id
