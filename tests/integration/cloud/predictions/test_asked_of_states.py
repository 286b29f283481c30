"""What predictions ask of machines' states: told by an index, and another as soon as anything is new."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import text

from cloud.analytics.service import told
from cloud.predictions.standing import standing
from cloud.production.service import failures
from cloud.telemetry import service as telemetry
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import NOW

FILL = text("""
    INSERT INTO machine_state (machine_id, from_at, to_at, state, source, recorded_at, replaced_at)
    SELECT machine, at, at + interval '5 minutes', CASE WHEN n % 60 = 0 THEN 'faulted' ELSE 'producing' END, 'tag', at,
           CASE WHEN n % 10 = 3 THEN at + interval '5 minutes' END
    FROM unnest(CAST(:machines AS uuid[])) AS machine, generate_series(1, 1500) AS n,
         LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '10 minutes' AS at) AS began
""")


@pytest.fixture
async def machines(session, tenant) -> list[uuid.UUID]:
    made = text("INSERT INTO machine (organization_id, code, name) VALUES (:whose, :code, 'x') RETURNING id")
    rows = [{"whose": tenant.organization_id, "code": f"S-{number}"} for number in range(12)]
    ids = [(await session.execute(made, row)).scalar_one() for row in rows]
    await session.execute(FILL, {"machines": ids, "now": NOW})
    await session.execute(text("ANALYZE machine_state"))
    return ids


@pytest.mark.parametrize("asked", ["standing", "failures"])
async def test_no_question_walks_through_all_that_machines_ever_did(session, tenant, machines, asked):
    with plants.statements(session.bind.sync_connection.engine) as said:
        if asked == "standing":
            await standing(session, tenant.organization_id, machines[:1], 24)
        else:
            assert len((await failures.failures(session, machines[:1], NOW)).began) > 20
    statement, parameters = said[-1]
    rows = await (await session.connection()).exec_driver_sql(f"EXPLAIN {statement}", parameters)
    plan = "\n".join(row[0] for row in rows)
    step = "machine_id_id" if asked == "standing" else "stops"
    assert f"ix_machine_state_{step}" in plan, plan
    # neither through the table, nor through its key, nor through all rows of the machine to count them
    for walk in ("Seq Scan on machine_state", "pk_machine_state", "HashAggregate"):
        assert walk not in plan, plan


TOLD = {
    "fact_hour_told": """
        INSERT INTO fact_hour_told (machine_id, bucket, known_at, recorded_at, run_us, setup_us, micro_us, unknown_us,
                                    good, scrap, ideal_milli)
        SELECT machine, at, at + interval '1 h', at + interval '1 h', 0, 0, 0, 0, 0, 0, 0
    """,
    "measured_hour": """
        INSERT INTO measured_hour (machine_id, bucket, known_at, recorded_at, numbers)
        SELECT machine, at, at + interval '1 h', at + interval '1 h', array_fill(1.0::float8, ARRAY[13])
    """,
}
HOURS = """
    FROM unnest(CAST(:machines AS uuid[])) AS machine, generate_series(1, 1500) AS n,
         LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '1 hour' AS at) AS began
"""


@pytest.mark.parametrize("table", TOLD)
async def test_what_was_told_of_a_machines_hours_is_found_by_the_machine(session, machines, table):
    await session.execute(text(TOLD[table] + HOURS), {"machines": machines, "now": NOW})
    await session.execute(text(f"ANALYZE {table}"))
    read = told.hours if table == "fact_hour_told" else telemetry.measured_hours
    with plants.statements(session.bind.sync_connection.engine) as said:
        assert len((await read(session, machines[:1], NOW)).at) == 1500
    plan = await explained(session, *said[-1])
    # all of its rows are read, by whichever index begins with the machine
    assert f"pk_{table}" in plan or f"ix_{table}_machine_id_id" in plan, plan
    assert f"Seq Scan on {table}" not in plan, plan


JOBS = """
    WITH rows AS (
        INSERT INTO joblog (organization_id, machine_id, start_time, end_time, job_duration_s, state, source,
                            source_id, digest)
        SELECT :whose, machine, at, at + interval '1 h', 3600, 'CLOSED', 'mdc', machine || ' ' || n, 'x'
        FROM unnest(CAST(:machines AS uuid[])) AS machine, generate_series(1, 500) AS n,
             LATERAL (SELECT CAST(:now AS timestamptz) - n * interval '2 hours' AS at) AS began
        RETURNING *
    )
    INSERT INTO joblog_told (organization_id, machine_id, joblog_id, at, known_at, recorded_at, withdrawn_at, numbers)
    SELECT organization_id, machine_id, id, end_time, end_time, end_time,
           CASE WHEN id % 10 = 0 THEN end_time + interval '1 day' END, array_fill(1.0::float8, ARRAY[17]) FROM rows
"""


async def test_how_things_stand_is_a_step_into_an_index_for_each_kind_of_rows(session, tenant, machines):
    asked = {"machines": machines, "now": NOW, "whose": tenant.organization_id}
    for statement in [each + HOURS for each in TOLD.values()] + [JOBS]:
        await session.execute(text(statement), {name: each for name, each in asked.items() if f":{name}" in statement})
    await session.execute(text("ANALYZE fact_hour_told; ANALYZE measured_hour; ANALYZE joblog_told"))
    with plants.statements(session.bind.sync_connection.engine) as said:
        await standing(session, tenant.organization_id, machines[:1], 24)
    plan = await explained(session, *said[-1])
    for table in (*TOLD, "joblog_told"):
        assert f"ix_{table}_machine_id_id" in plan, plan
        for walk in (f"Seq Scan on {table}", f"pk_{table}"):
            assert walk not in plan, plan
    for step in ("ix_joblog_told_withdrawn", "ix_joblog_told_organization_id_at"):
        assert step in plan, plan


async def test_until_when_a_machine_was_heard_is_a_step_into_an_index(session, machines):
    await session.execute(text(TOLD["fact_hour_told"] + HOURS), {"machines": machines, "now": NOW})
    await session.execute(text("ANALYZE fact_hour_told"))
    with plants.statements(session.bind.sync_connection.engine) as said:
        heard = await told.heard(session, machines, NOW)
        began = await failures.last_said(session, machines, NOW)
    assert set(heard.values()) == {NOW}
    assert set(began.values()) == {NOW - timedelta(minutes=10)}
    plan = await explained(session, *said[-2])
    assert "Seq Scan on fact_hour_told" not in plan, plan
    # the newest hours first, and no further than to one that was heard
    assert "Index Scan Backward using pk_fact_hour_told" in plan, plan
    assert "HashAggregate" not in plan, plan
    plan = await explained(session, *said[-1])
    assert "Seq Scan on machine_state" not in plan, plan
    assert "ix_machine_state_current" in plan, plan


async def test_the_first_state_of_a_machine_is_a_step_into_an_index_also_where_it_was_replaced(session, machines):
    oldest = NOW - timedelta(minutes=15_000)
    with plants.statements(session.bind.sync_connection.engine) as said:
        assert set((await failures.first_seen(session, machines, NOW)).values()) == {oldest}
    plan = await explained(session, *said[-1])
    assert "ix_machine_state_current" in plan, plan
    assert "Seq Scan on machine_state" not in plan, plan
    # as it was known before the first one was replaced, and after
    replaced = NOW - timedelta(days=1)
    gone = text("UPDATE machine_state SET replaced_at = :at WHERE from_at = :oldest AND machine_id = :id")
    await session.execute(gone, {"at": replaced, "oldest": oldest, "id": machines[0]})
    before = await failures.first_seen(session, machines[:1], replaced - timedelta(seconds=1))
    after = await failures.first_seen(session, machines[:1], NOW)
    assert (before[machines[0]], after[machines[0]]) == (oldest, oldest + timedelta(minutes=10))


async def explained(session, statement, parameters) -> str:
    rows = await (await session.connection()).exec_driver_sql(f"EXPLAIN {statement}", parameters)
    return "\n".join(row[0] for row in rows)


async def test_things_stand_otherwise_whenever_a_state_is_added_ends_or_is_replaced_and_else_not(
    session, tenant, machines
):
    seen = set()

    async def is_new(*changes: str) -> bool:
        for change in changes:
            await session.execute(text(change), {"id": machines[0], "other": machines[1], "now": NOW})
        known = (await standing(session, tenant.organization_id, machines[:2], 24)).known
        is_it = known[machines[0]] not in seen
        seen.add(known[machines[0]])
        return is_it

    begins = """INSERT INTO machine_state (machine_id, from_at, state, source, recorded_at)
                VALUES (:id, :now, 'faulted', 'tag', :now)"""
    assert await is_new()
    assert not await is_new()
    assert await is_new(begins)
    assert await is_new(
        "UPDATE machine_state SET to_at = now() + interval '1 h' WHERE machine_id = :id AND to_at IS NULL"
    )
    assert await is_new("UPDATE machine_state SET replaced_at = now() WHERE machine_id = :id AND from_at = :now")
    assert not await is_new(begins.replace(":id", ":other"))


async def test_stops_are_columns_in_the_order_in_which_machines_were_asked_for(session, machines):
    one, other = machines[:2]
    both = await failures.failures(session, [one, other], NOW)
    turned = await failures.failures(session, [other, one], NOW)
    alone = await failures.failures(session, [one], NOW)
    stops = len(alone.began)
    assert stops > 20
    assert both.place == turned.place == [0] * stops + [1] * stops
    assert both.began[:stops] == turned.began[stops:] == alone.began == sorted(alone.began)
    assert set(both.kind) == {"faulted"}
    assert not (await failures.failures(session, [uuid.uuid4()], NOW)).began
