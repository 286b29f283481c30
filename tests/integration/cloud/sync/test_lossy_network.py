"""A day on a bad network ends as the same day on a good one."""

import random
from typing import Any

import pytest

from cloud.identity.schemas import Role
from tests.integration.cloud.sync.conftest import ORDER
from tests.integration.cloud.sync.network import Lost, Network, Phone

# what differs between two runs of the same day, and means nothing
INCIDENTAL = {"id", "work_order_id", "work_order_stage_id", "updated_at", "assignments", "created_by"}


async def until_answered(network: Network, method: str, path: str, headers: dict[str, str], key: str, **more: Any):
    """A planner's app: repeats itself, with one idempotency key, until there is an answer."""
    while True:
        try:
            return await network.send(method, path, headers | {"Idempotency-Key": key}, **more)
        except Lost:
            continue


def day_of(stage_id: int) -> list[dict]:
    """What a worker does in a day, some of it in vain."""

    def did(number: int, op: str, at: str, **args: object) -> dict:
        return {"op_id": f"the-day-at-{stage_id}-{number}", "op": op, "at": at, "args": {"stage_id": stage_id, **args}}

    return [
        did(0, "production.add", "2026-03-02T08:00:00Z", quantity=1),  # too early: it has not started
        did(1, "stage.start", "2026-03-02T08:01:00Z"),
        did(2, "stage.start", "2026-03-02T08:01:30Z"),  # pressed twice
        did(3, "production.add", "2026-03-02T08:10:00Z", quantity=7),
        did(4, "production.add", "2026-03-02T08:20:00Z", quantity=2, kind="scrap"),
        did(5, "production.add", "2026-03-02T08:25:00Z", quantity=1000),  # more than was ordered
        did(6, "production.add", "2026-03-02T08:30:00Z", quantity=11),
        did(7, "stage.explode", "2026-03-02T08:31:00Z"),
        did(8, "stage.done", "2026-03-02T08:35:00Z"),
        did(10, "issue.create", "2026-03-02T08:36:00Z", type="quality", description="Çapak var"),
        did(9, "stage.done", "2026-03-02T08:36:00Z"),
    ]


async def live(app_client, tenant, seed: int | None) -> dict[str, Any]:
    """Live through a day; return what it came to, for the cloud and for the phones."""
    network = Network(app_client, seed)
    order_of_events = random.Random(1 if seed is None else seed)
    phones = [Phone(network, headers) for headers in (tenant.worker, tenant.admin)]
    planner = tenant.planner
    stages = []
    for number, phone in enumerate(phones):
        made = await until_answered(
            network, "POST", "/workorders/", planner, f"order-{number}", json=ORDER | {"lot_no": f"L-{number}"}
        )
        assert made.status_code == 201
        found = await app_client.get(f"/workorders/{made.json()['id']}/stages", headers=planner)
        stages.append(found.json()[0]["id"])
        phone.day = day_of(stages[-1])  # type: ignore[attr-defined]
    worker = {"user_id": tenant.callers[Role.WORKER].user_id}
    path = f"/stages/{stages[0]}/assignments"
    assigned = await until_answered(network, "POST", path, planner, "assign", json=worker)
    assert assigned.status_code == 201
    while any(phone.outbox or phone.day for phone in phones):  # type: ignore[attr-defined]
        phone = order_of_events.choice(phones)
        if phone.day and order_of_events.random() < 0.5:  # type: ignore[attr-defined]
            phone.outbox.append(phone.day.pop(0))  # type: ignore[attr-defined]
        try:
            await (phone.pull() if order_of_events.random() < 0.3 else phone.push())
        except Lost:
            continue
    await network.heal()
    for phone in phones:
        while await phone.pull():
            pass
    return {"lost": network.lost, "phones": phones, "cloud": await shown(app_client, tenant.admin)}


async def shown(client, headers) -> list[tuple[dict, list[dict], list[dict]]]:
    orders = (await client.get("/workorders/", headers=headers)).json()
    issues = (await client.get("/issues", headers=headers)).json()
    return [
        (o, (await client.get(f"/workorders/{o['id']}/stages", headers=headers)).json(), _of(issues, o)) for o in orders
    ]


def _of(issues: list[dict], order: dict) -> list[dict]:
    return [each for each in issues if each["work_order_id"] == order["id"]]


def essence(cloud: list[tuple[dict, list[dict], list[dict]]]) -> list[Any]:
    def bare(thing: dict) -> dict:
        created = set() if "type" in thing else {"created_at"}  # an order has the time of its request
        return {name: value for name, value in thing.items() if name not in INCIDENTAL | created}

    return sorted(
        (
            (bare(order), [bare(stage) for stage in stages], [bare(issue) for issue in issues])
            for order, stages, issues in cloud
        ),
        key=str,
    )


@pytest.mark.parametrize("seed", range(5))
async def test_a_day_with_losses_repeats_and_kills_ends_like_one_without(app_client, new_tenant, seed):
    good = await live(app_client, await new_tenant(), None)
    bad_tenant = await new_tenant()
    bad = await live(app_client, bad_tenant, seed)
    assert bad["lost"] > 3
    assert essence(bad["cloud"]) == essence(good["cloud"])
    # each phone knows what became of each thing it did, and it is the same
    vain = {0: "conflict", 2: "conflict", 5: "conflict", 7: "rejected", 10: "conflict"}
    for phone in (*good["phones"], *bad["phones"]):
        assert phone.outcomes == [vain.get(number, "applied") for number in range(11)]
    # and each phone holds what its user may see, exactly as the cloud shows it
    for phone, headers in zip(bad["phones"], (bad_tenant.worker, bad_tenant.admin), strict=True):
        visible = {}
        for order, stages, issues in await shown(app_client, headers):
            visible |= {("work_order", order["id"]): order} | {("stage", each["id"]): each for each in stages}
            visible |= {("issue", each["id"]): each for each in issues}
        assert phone.kept.things == visible
    assert {kind for kind, _ in bad["phones"][0].kept.things} == {"work_order", "stage", "issue"}
