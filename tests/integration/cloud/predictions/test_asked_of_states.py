"""What predictions ask of machines' states: told by an index, and another as soon as anything is new."""

import uuid

import pytest
from sqlalchemy import text

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


@pytest.mark.parametrize("asked", ["tokens", "failures"])
async def test_no_question_walks_through_all_that_machines_ever_did(session, machines, asked):
    with plants.statements(session.bind.sync_connection.engine) as said:
        if asked == "tokens":
            await failures.tokens(session, machines[:1])
        else:
            assert len(await failures.failures(session, machines[:1], NOW)) > 20
    statement, parameters = said[-1]
    rows = await (await session.connection()).exec_driver_sql(f"EXPLAIN {statement}", parameters)
    plan = "\n".join(row[0] for row in rows)
    step = "machine_id_id" if asked == "tokens" else "stops"
    assert f"ix_machine_state_{step}" in plan, plan
    # neither through the table, nor through its key, nor through all rows of the machine to count them
    for walk in ("Seq Scan on machine_state", "pk_machine_state", "HashAggregate"):
        assert walk not in plan, plan


async def test_a_token_is_another_whenever_a_state_is_added_ends_or_is_replaced_and_else_the_same(session, machines):
    seen = set()

    async def is_new(*changes: str) -> bool:
        for change in changes:
            await session.execute(text(change), {"id": machines[0], "other": machines[1], "now": NOW})
        tokens = await failures.tokens(session, machines[:2])
        is_it = tokens[machines[0]] not in seen
        seen.add(tokens[machines[0]])
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
