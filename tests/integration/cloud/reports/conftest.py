"""A plant of three machines and ninety days, whose truth is known because it is made of few numbers."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.changes import Operator
from cloud.joblogs.schemas import Entry
from cloud.joblogs.service import log
from tests.integration.cloud.joblogs.test_joblogs import entry

FIRST = datetime(2026, 3, 2, 6, tzinfo=UTC)
DAYS = 60
# on this day M-1 stood an hour and a half for tools, and from that day on M-2 runs slower
ODD, SLOWER = 55, 40


def shift(number: int, day: int, machine: int) -> Entry:
    start = FIRST + timedelta(days=day)
    tooling = 5400.0 if machine == 1 and day == ODD else 600.0 + 30 * ((day + machine) % 5)
    running = 20000.0 - (4000.0 if machine == 2 and day >= SLOWER else 0.0) + 40 * (day * 7 % 11)
    return entry(
        number,
        machine=f"M-{machine}",
        start_time=start,
        end_time=start + timedelta(hours=8),
        job_duration_s=28800.0,
        seconds={"running": running, "setup": 1800.0, "tooling": tooling, "idle": 28800 - running - 1800 - tooling},
        parts_produced=400,
        job_number=f"J/{day // 10}",
        part_number=f"P-{machine}",
        emp_id=f"E-{day % 2}",
        flags=[],
    )


@pytest.fixture
async def plant(app, tenant) -> None:
    rows = [shift(day * 3 + machine, day, machine) for day in range(DAYS) for machine in (1, 2, 3)]
    async with app.state.database.transaction() as session:
        await log.bring(session, Operator(tenant.organization_id), "test", rows)
