"""How PostgreSQL goes about the lists: by an index, in its order, whatever the list is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from cloud.identity.schemas import Role
from cloud.paging import Paging
from cloud.workorders.schemas import OrderSort, StageStatus
from cloud.workorders.service import orders
from cloud.workorders.service.orders import Wanted

FILL = """
INSERT INTO work_order (organization_id, product_code, lot_no, qty, planned_start, planned_end, status, due_date)
SELECT :organization_id, 'P-' || n % 100, 'LOT-' || n, 1, start, start + interval '8 h',
       (CASE WHEN n % 50 = 0 THEN 'in_progress' ELSE 'done' END)::stagestatus, start
FROM (SELECT n, '2024-01-01Z'::timestamptz + n * interval '10 min' AS start FROM generate_series(1, 5000) AS n) AS made
"""


@contextmanager
def caught(session) -> Iterator[list[tuple[str, Any]]]:
    """Note every statement that goes to PostgreSQL."""
    said: list[tuple[str, Any]] = []

    def note(connection, cursor, statement, parameters, context, executemany):
        said.append((statement, parameters))

    engine = session.bind.sync_connection.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def plan(session, tenant):
    """A function that lists orders and returns the plan of the statement that did it."""
    await session.execute(text(FILL), {"organization_id": tenant.organization_id})
    # what an index has yet to sort in would count against it, and autovacuum comes when it likes
    await session.execute(text("SELECT gin_clean_pending_list('ix_work_order_search')"))
    await session.execute(text("ANALYZE work_order"))

    async def of(wanted: Wanted, page: Paging | None = None, role: Role = Role.PLANNER) -> str:
        with caught(session) as said:
            await orders.orders(session, tenant.callers[role], page or Paging(), wanted)
        statement, parameters = said[-1]
        connection = await session.connection()
        rows = await connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        return "\n".join(row[0] for row in rows)

    return of


@pytest.mark.parametrize("sort", OrderSort.__args__)
async def test_every_order_is_an_indexs_own_on_the_first_page_and_on_the_next(plan, session, tenant, sort):
    first = await plan(Wanted(sort=sort))
    page = await orders.orders(session, tenant.callers[Role.PLANNER], Paging(), Wanted(sort=sort))
    following = await plan(Wanted(sort=sort), Paging(cursor=page.next_cursor))
    for told in (first, following):
        assert "using ix_work_order_organization_id" in told
        # the index may leave equals for a sort among themselves, never the whole table
        assert "Seq Scan" not in told
        assert "Sort" not in told


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(status=StageStatus.IN_PROGRESS), "ix_work_order_organization_id_status_planned_start_id"),
        (Wanted(lot_no="LOT-77"), "ix_work_order_organization_id_lot_no_id"),
        (Wanted(product_code="P-7"), "ix_work_order_organization_id_product_code_id"),
        (Wanted(text="ot-4321"), "ix_work_order_search"),
    ],
    ids=["status", "lot", "product", "search"],
)
async def test_a_filter_is_an_indexs_condition(plan, wanted, index):
    told = await plan(wanted)
    assert index in told
    assert "Seq Scan" not in told


async def test_a_workers_list_is_made_of_his_assignments(plan):
    told = await plan(Wanted(), role=Role.WORKER)
    assert "stage_assignment" in told
    assert "Seq Scan on work_order" not in told
