"""Lists of work orders: filtered, searched, sorted, page by page."""

import psycopg
import pytest

from cloud.workorders.schemas import OrderSort

SORTS = OrderSort.__args__


async def lots(client, headers, query=""):
    answer = await client.get(f"/workorders/{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [order["lot_no"] for order in answer.json()]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("ışık", {"1"}),
        ("ISIK", {"1"}),
        ("IŞIK", {"1"}),
        ("izmir", {"2", "3"}),
        ("İZMİR", {"2", "3"}),
        ("IZMIR", {"2", "3"}),
        ("i̇zmir", {"2", "3"}),
        ("zm", {"2", "3"}),
        ("zmir kapak", {"3"}),
        ("kapak izm", {"3"}),
        ("P-4", {"4"}),
        ("-4", {"4"}),
        ("o'b", {"5"}),
        ("back\\", {"5"}),
        ("job-77", {"4"}),
        ("%", set()),
        ("'", {"5"}),
        ("& | ! :* <->", set()),
        ("nothing", set()),
    ],
)
async def test_a_search_finds_any_part_of_a_word_whatever_the_i(app_client, tenant, planned, query, found):
    for lot, product in [
        ("1", "IŞIK"),
        ("2", "İzmir"),
        ("3", "izmir kapak"),
        ("4", "P-4"),
        ("5", "O'Brien back\\slash"),
    ]:
        more = {"job_number": "JOB-77"} if lot == "4" else {}
        await planned(is_assigned=False, product_code=product, lot_no=lot, **more)
    answer = await app_client.get("/workorders/", params={"q": query}, headers=tenant.planner)
    assert {order["lot_no"] for order in answer.json()} == found


async def test_a_search_goes_on_finding_what_was_changed(app_client, tenant, planned):
    order, _ = await planned(lot_no="OLD-1")
    await app_client.patch(f"/workorders/{order['id']}", json={"lot_no": "NEW-1"}, headers=tenant.planner)
    assert await lots(app_client, tenant.planner, "?q=old") == []
    assert await lots(app_client, tenant.planner, "?q=new") == ["NEW-1"]


async def test_filters_leave_what_they_name(app_client, tenant, planned):
    _, (begun, _) = await planned(lot_no="A", priority="URGENT", job_number="J-1")
    late = {"planned_start": "2026-04-02T08:00:00Z", "planned_end": "2026-04-02T10:00:00Z"}
    held, _ = await planned(lot_no="B", product_code="P-2", due_date="2026-04-01T00:00:00Z", **late)
    await app_client.post(f"/stages/{begun['id']}/start", headers=tenant.worker)
    await app_client.post(f"/workorders/{held['id']}/hold", headers=tenant.planner)
    for query, found in [
        ("", ["A", "B"]),
        ("?status=in_progress", ["A"]),
        ("?status=PLANNED", ["B"]),
        ("?status=done", []),
        ("?product_code=P-2", ["B"]),
        ("?lot_no=A", ["A"]),
        ("?job_number=J-1", ["A"]),
        ("?priority=urgent", ["A"]),
        ("?on_hold=true", ["B"]),
        ("?planned_from=2026-03-02T10:00:00Z", ["B"]),
        ("?planned_from=2026-03-02T09:59:59Z", ["A", "B"]),
        ("?planned_to=2026-04-02T08:00:00Z", ["A"]),
        ("?due_before=2026-04-01T00:00:01Z", ["B"]),
        ("?status=in_progress&q=a", ["A"]),
    ]:
        assert await lots(app_client, tenant.planner, query) == found, query
    for query in ("?status=later", "?sort=qty", "?planned_from=2026-03-02T10:00:00", "?lot_no="):
        assert (await app_client.get(f"/workorders/{query}", headers=tenant.planner)).status_code == 422, query


@pytest.mark.parametrize("sort", SORTS)
async def test_pages_of_every_order_together_are_the_list(app_client, tenant, planned, sort):
    priorities = ("LOW", "URGENT", "NORMAL", "HIGH", "LOW")
    for number, priority in enumerate(priorities):
        due = {"due_date": f"2026-05-0{number + 1}T00:00:00Z"} if number % 2 else {}
        await planned(
            is_assigned=False,
            lot_no=f"L{number % 3}",
            product_code=f"P{number % 2}",
            priority=priority,
            planned_start=f"2026-03-02T0{number % 2}:00:00Z",
            planned_end=f"2026-03-03T0{number % 4}:00:00Z",
            **due,
        )
    whole = (await app_client.get(f"/workorders/?sort={sort}", headers=tenant.planner)).json()
    seen, address = [], f"/workorders/?sort={sort}&limit=2"
    while address is not None:
        page = await app_client.get(address, headers=tenant.planner)
        assert page.status_code == 200, page.text
        seen += page.json()
        address = page.links["next"]["url"] if "next" in page.links else None
    assert seen == whole
    assert len(seen) == len(priorities)
    field = sort.removeprefix("-")
    ranks = {"LOW": 0, "NORMAL": 1, "HIGH": 2, "URGENT": 3}
    keys = [ranks[each[field]] if field == "priority" else each[field] or "9999" for each in seen]
    assert keys == sorted(keys, reverse=sort.startswith("-"))


async def test_pages_by_number_and_a_count_on_request(app_client, tenant, planned):
    for number in range(5):
        await planned(is_assigned=False, lot_no=str(number))
    assert await lots(app_client, tenant.planner, "?page=2&page_size=2") == ["2", "3"]
    assert await lots(app_client, tenant.planner, "?skip=4&limit=2") == ["4"]
    versioned = await app_client.get("/api/v1/workorders/?limit=1&with_total=true", headers=tenant.planner)
    assert versioned.json()["meta"]["total"] == 5


async def test_the_status_beside_an_order_is_its_stages(app_client, database_url, tenant, planned):
    for verbs in ([], ["start"], ["start", "done"]):
        _, stages = await planned()
        for stage in stages:
            for verb in verbs:
                await app_client.post(f"/stages/{stage['id']}/{verb}", headers=tenant.worker)
    with psycopg.connect(database_url) as connection:
        wrong = connection.execute(
            "SELECT work_order.id FROM work_order JOIN work_order_stage AS stage ON work_order_id = work_order.id"
            " GROUP BY work_order.id HAVING work_order.status <> CASE WHEN bool_and(stage.status = 'done') THEN 'done'"
            " WHEN bool_and(stage.status = 'planned') THEN 'planned' ELSE 'in_progress' END::stagestatus"
        ).fetchall()
    assert wrong == []
