"""API.md's bad input, at the paths that the mobile app uses: 4xx each, a problem as the body, and nothing stored."""

import pytest

JSON = {"Content-Type": "application/json"}
WINDOW = '"planned_start": "2026-03-02T08:00:00Z", "planned_end": "2026-03-02T09:00:00Z"'
ORDER = f'"product_code": "P", "lot_no": "L", "qty": 1, {WINDOW}'


def order(old: str, new: str) -> str:
    assert old in ORDER
    return "{" + ORDER.replace(old, new) + "}"


@pytest.mark.parametrize(
    "body",
    [
        order('"qty": 1', '"qty": NaN'),
        order('"qty": 1', '"qty": 1e999'),
        order('"qty": 1', '"qty": 2147483648'),
        order('"qty": 1', '"qty": 0'),
        order('"qty": 1', '"qty": 1, "qty": 2'),
        order('"P"', '"P\\u0000"'),
        order('"P"', '"\\ud800"'),
        order("2026-03-02T08:00:00Z", "0001-01-01T00:00:00+14:00"),
        order("2026-03-02T08:00:00Z", "2026-03-02T08:00:00"),
        order("2026-03-02T08:00:00Z", "2026-03-02T10:00:00Z"),
        order('"P"', "[" * 5000 + "]" * 5000),
        order('"qty": 1', '"qty": 1, "id": 7'),
    ],
    ids=lambda body: repr(body[:60]),
)
async def test_an_order_that_cannot_be_is_refused_and_not_stored(app_client, tenant, body):
    answer = await app_client.post("/workorders/", content=body.encode(), headers=tenant.planner | JSON)
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert isinstance(answer.json()["detail"], str)
    assert (await app_client.get("/workorders/", headers=tenant.planner)).json() == []


async def test_a_body_above_a_mebibyte_is_refused(app_client, tenant):
    body = "{" + ORDER + " " * 2**20 + "}"
    answer = await app_client.post("/workorders/", content=body.encode(), headers=tenant.planner | JSON)
    assert answer.status_code == 413
    assert answer.headers["Content-Type"] == "application/problem+json"
