"""A job log reaches predictions: its rows as they were known, with what was known of job and operator."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from cloud.changes import Operator
from cloud.joblogs.schemas import Entry, JobState
from cloud.joblogs.service import log, told
from cloud.predictions.features import Instants, features
from cloud.production.service.moments import us
from tests.integration.cloud.predictions.plants import NOW

BEGIN = NOW - timedelta(days=10)


def entry(number: int, **over) -> Entry:
    """Return the row of an hour of machine J-1, of a part, a job and an operator of its own."""
    start = BEGIN + timedelta(hours=number)
    values = {
        "source_id": str(number),
        "digest": b"x",
        "machine": "J-1",
        "start_time": start,
        "end_time": start + timedelta(hours=1),
        "state": JobState.CLOSED,
        "job_number": f"J/{number}",
        "part_number": f"P-{number % 3}",
        "emp_id": f"E-{number % 2}",
        "operator_name": None,
        "op_number": "10",
        "parts_produced": 50,
        "job_duration_s": 3600.0,
        "seconds": {"running": 3000.0, "setup": 60.0 * number},
        "flags": [],
    }
    return Entry(**(values | over))


@pytest.fixture
def bring(app, tenant):
    """Bring rows in, as `import joblog` does; return when they were here."""

    async def brought(*entries: Entry):
        async with app.state.database.transaction() as session:
            await log.bring(session, Operator(tenant.organization_id), "mdc", entries)
        async with app.state.database.transaction() as session:
            await told.tell_all(session, tenant.organization_id)
        async with app.state.database.transaction() as session:
            return await session.scalar(text("SELECT clock_timestamp()"))

    return brought


async def test_a_first_job_log_is_a_past_and_later_rows_are_known_from_when_they_came(app, bring, known):
    async with app.state.database.transaction() as session:
        before = await session.scalar(text("SELECT clock_timestamp()"))
    open_one = entry(20, state=JobState.OPENED, end_time=None, job_duration_s=None)
    then = await bring(*(entry(number) for number in range(6)), open_one)
    jobs = (await known(then)).history.jobs
    assert jobs.at.tolist() == [us(BEGIN + timedelta(hours=number + 1)) for number in range(6)]
    assert jobs.known.tolist() == jobs.at.tolist()
    assert jobs.columns["running"].tolist() == [50.0] * 6
    assert jobs.columns["setup"].tolist() == [0, 1, 2, 3, 4, 5]
    product = jobs.columns["product"].tolist()
    assert product[:3] == product[3:]
    assert len(set(product)) == 3
    for unknown in ("complexity", "setup_complexity", "experience", "skill"):
        assert np.isnan(jobs.columns[unknown]).all(), unknown
    assert len((await known(before)).history.jobs) == 0
    # a row that ends once there is a log is known when it comes
    now = await bring(entry(7, start_time=then - timedelta(hours=1), end_time=then))
    jobs = (await known(now)).history.jobs
    assert len(jobs) == 7
    assert jobs.known[-1] > jobs.at[-1] == us(then)


async def test_a_look_back_is_the_same_whatever_is_written_anew_added_or_rated_later(app_client, tenant, bring, known):
    then = await bring(*(entry(number) for number in range(6)))

    async def looked(as_of):
        whole = await known(as_of)
        instants = Instants(np.zeros(2, np.int32), np.array([us(BEGIN + timedelta(hours=30)), us(as_of)]))
        matrix = features(whole.history, instants)
        return matrix, dict(zip(matrix.names, matrix.values[0].tolist(), strict=True))

    matrix, row = await looked(then)
    assert (row["jobs_7d"], row["job_setup_minutes_7d"]) == (6, 15)
    assert np.isnan(row["last_job_complexity"])
    rating = {"complexity_rating": 7, "setup_complexity": 3}
    answers = [
        await app_client.patch("/jobs/J%2F5", json=rating, headers=tenant.planner),
        await app_client.patch(
            "/operators/E-1",
            json={"skill_level": "EXPERT", "hire_date": (BEGIN - timedelta(days=3653)).date().isoformat()},
            headers=tenant.admin,
        ),
    ]
    assert [each.status_code for each in answers] == [200, 200], [each.text for each in answers]
    now = await bring(
        entry(1, digest=b"y", seconds={"running": 60.0}),
        entry(2, digest=b"y", state=JobState.OPENED, end_time=None, job_duration_s=None),
        entry(9),
    )
    again, _ = await looked(then)
    assert again.names == matrix.names
    assert again.values.tobytes() == matrix.values.tobytes()
    _, later = await looked(now)
    # rows 0, 1, 3, 4, 5 and 9
    assert (later["jobs_7d"], later["job_setup_minutes_7d"], later["job_running_minutes_7d"]) == (6, 12 + 9, 251)
    jobs = (await known(now)).history.jobs
    rated = jobs.at == us(BEGIN + timedelta(hours=6))
    assert [jobs.columns[name][rated].tolist() for name in ("complexity", "setup_complexity", "skill")] == [
        [7.0],
        [3.0],
        [4.0],
    ]
    assert jobs.columns["experience"][rated] == pytest.approx(10.0, abs=0.01)
    # it was known when it ended, though it was rated now
    assert jobs.known[rated].tolist() == jobs.at[rated].tolist()


async def test_nothing_is_told_twice_and_a_machine_is_heard_as_far_as_the_log_goes(app, tenant, bring, known):
    await bring(*(entry(number, machine=f"J-{number % 2}") for number in range(4)))
    now = await bring(*(entry(number, machine=f"J-{number % 2}") for number in range(4)))
    async with app.state.database.transaction() as session:
        count = text("SELECT count(*) FROM joblog_told WHERE organization_id = :whose")
        assert await session.scalar(count, {"whose": tenant.organization_id}) == 4
    whole = await known(now)
    assert len(whole.history.jobs) == 4
    assert set(whole.heard["jobs"].values()) == {us(BEGIN + timedelta(hours=4))}
    assert len(whole.heard["jobs"]) == 2


async def test_a_row_that_comes_or_is_written_anew_ends_what_is_remembered_of_its_machine(bring, stands):
    await bring(*(entry(number, machine=f"J-{number % 2}") for number in range(4)))
    seen = [(await stands("J-0"), await stands("J-1"))]
    changes = (
        # a row more, within the hour to which the log goes; one that is another now; one that is open again
        entry(4, machine="J-0", start_time=BEGIN, end_time=BEGIN + timedelta(minutes=9)),
        entry(0, machine="J-0", digest=b"y", seconds={"running": 60.0}),
        entry(2, machine="J-0", digest=b"y", state=JobState.OPENED, end_time=None, job_duration_s=None),
    )
    for change in changes:
        await bring(change)
        seen.append((await stands("J-0"), await stands("J-1")))
    assert len({mine for mine, _ in seen}) == len(seen)
    assert len({others for _, others in seen}) == 1
    await bring(*changes)
    assert (await stands("J-0"), await stands("J-1")) == seen[-1]
    # how far the log goes says of every machine in it whether it is heard
    await bring(entry(90, machine="J-0"))
    assert await stands("J-1") != seen[-1][1]
