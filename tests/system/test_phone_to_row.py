"""The README's second walk: a planner's order from the phone to its row."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psycopg

from simulators.demo.stack import Stack

ORDER = {
    "product_code": "P-900",
    "lot_no": "LOT-WALK",
    "qty": 250,
    "planned_start": "2026-03-02T08:00:00+03:00",
    "planned_end": "2026-03-02T16:00:00+03:00",
}


@contextmanager
def signed_in(stack: Stack, username: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.ports.api}", timeout=60) as client:
        answer = client.post("/auth/login", json={"username": username, "password": stack.password})
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def test_an_order_from_the_phone_is_a_row_before_the_phone_hears_of_it(
    stack: Stack, database: psycopg.Connection[tuple[object, ...]]
) -> None:
    with signed_in(stack, "planner") as phone:
        answer = phone.post("/workorders/", json=ORDER)
        assert answer.status_code in {200, 201}
        order = answer.json()
        row = database.execute(
            "SELECT product_code, qty, planned_start = '2026-03-02T05:00:00Z' FROM work_order WHERE id = %s",
            (order["id"],),
        ).fetchone()
        assert row == ("P-900", 250, True)
        stages = phone.get(f"/workorders/{order['id']}/stages").json()
        assert [stage["stage_name"] for stage in stages] == ["Enjeksiyon", "Montaj"]


def test_a_worker_may_not_plan(stack: Stack) -> None:
    with signed_in(stack, "worker") as phone:
        answer = phone.post("/workorders/", json=ORDER)
    assert answer.status_code == 403
    assert answer.json()["required_permission"]
