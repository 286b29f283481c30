"""A job log in the ledger: its rows become states and figures as readings do."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from cloud.analytics.service import deriving
from cloud.db import Database
from cloud.identity.models import Organization
from cloud.imports.joblog import service
from cloud.imports.joblog.mapping import CIMCO, ColumnMapping
from cloud.imports.joblog.service import Wanted
from cloud.imports.joblog.source import Raw, Source
from simulators.joblog import TIMES, Made, joblog

ROWS = 120
NOW = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
async def database(fresh_database_url: str) -> AsyncIterator[Database]:
    pool = Database(fresh_database_url, pool_size=2)
    yield pool
    await pool.close()


async def bring(database: Database, rows: list[Made]) -> None:
    async with database.transaction() as session:
        there = await session.scalar(text("SELECT id FROM organization WHERE name = 'Acme'"))
        if there is None:
            session.add(Organization(name="Acme"))
            await session.flush()
            there = await session.scalar(text("SELECT id FROM organization WHERE name = 'Acme'"))
    raws = (
        Raw(number, {ours: each.row[theirs] for ours, theirs in CIMCO.items()}) for number, each in enumerate(rows, 1)
    )
    wanted = Wanted("joblog", ZoneInfo("Europe/Istanbul"), ColumnMapping().state_words())
    await service.bring(database, there, Source("made", None, raws), wanted, NOW, lambda *_: None, lambda _: None)
    while await deriving.derive_all(database, NOW):
        pass


async def ask(database: Database, query: str) -> list[tuple]:
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(text(query))]


async def test_each_second_of_a_row_is_in_the_figures_of_its_machine_and_again_when_it_comes_twice(database):
    rows = list(joblog(5, ROWS, datetime(2026, 3, 2), machines=2, dirt=0))  # noqa: DTZ001 - as such tables hold it
    await bring(database, rows)
    sums = (
        "SELECT sum(run_us + run_unassigned_us)::bigint, sum(setup_us + setup_unassigned_us)::bigint, "
        "sum(breakdown_us)::bigint, sum(minor_unassigned_us + idle_unassigned_us)::bigint, "
        "sum(planned_stop_us)::bigint, sum(made)::bigint "
        "FROM fact_hour"
    )
    first = await ask(database, sums)

    def told(*names: str) -> int:
        return sum(int(each.row[name]) for each in rows for name in names)

    columns = (
        ["RunningTime"],
        ["SetupTime"],
        ["MaintenanceTime"],
        ["IdleTime"],
        ["EngineeringTime", "BreakShiftChangeTime"],
    )
    assert first == [(*(told(*names) * 10**6 for names in columns), told("PartsProduced"))]
    revisions = "SELECT sum(revision), count(*) FROM fact_hour"
    before = await ask(database, revisions)
    await bring(database, rows)
    assert (await ask(database, sums), await ask(database, revisions)) == (first, before)


async def test_a_rows_columns_are_states_with_their_reasons_one_after_the_other(database):
    [made] = joblog(5, 1, datetime(2026, 3, 2), machines=1, dirt=0)  # noqa: DTZ001 - as such tables hold it
    await bring(database, [made])
    found = await ask(
        database,
        "SELECT state, reason_code.code, extract(epoch FROM to_at - from_at)::int FROM machine_state "
        "LEFT JOIN reason_code ON reason_code.id = reason_id WHERE replaced_at IS NULL ORDER BY from_at",
    )
    assert sum(seconds or 0 for state, _, seconds in found if state != "no_data") == int(made.row["JobDuration"])
    assert ("producing", None, int(made.row["RunningTime"])) in found
    reasons = {code for _, code, _ in found if code}
    assert {"cimco.tooling", "cimco.idle"} <= reasons
    # running needs none, and setup may have one
    assert len(reasons) >= sum(int(made.row[name]) > 0 for name in TIMES) - 2
