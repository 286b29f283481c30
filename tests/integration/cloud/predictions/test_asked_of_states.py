"""What predictions ask of machines' states: told by an index, and another as soon as anything is new."""

import uuid

import pytest
from sqlalchemy import text

from cloud.predictions.standing import standing
from cloud.production.service import failures
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
