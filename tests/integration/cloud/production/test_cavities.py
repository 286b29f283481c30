"""Shots are counted by the mould that made them: told late, changed, taken back, and whoever changed it is known."""

import pytest

from shared.reading import ReadingType, Tag
from tests.integration.cloud.production.test_deriving import (
    SHOTS,
    TAGS,
    ask,
    counted,
    derived,
    gateway,
    machines,
    minutes,
    new_gateway,
    says,
)

__all__ = ["ask", "gateway", "machines", "new_gateway"]

PATH = "/machines/P-2/cavities"
AT_12_15 = "2026-11-20T12:15:00Z"


async def made(gateway) -> dict[float, int]:
    """Return the pieces of P-2 by the minute after noon."""
    rows = await gateway.query(
        "SELECT at, sum(quantity) AS quantity FROM piece_count JOIN machine ON machine.id = machine_id "
        "JOIN gateway ON gateway.organization_id = machine.organization_id "
        "WHERE gateway.id = :gateway AND code = 'P-2' GROUP BY 1 HAVING sum(quantity) <> 0 ORDER BY 1"
    )
    return {minutes(row.at): int(row.quantity) for row in rows}


@pytest.fixture
async def shots(gateway):
    """Thirty shots of P-2, whose mould has always had four cavities."""
    await gateway.send(says(SHOTS, (0, 10), (10, 20), (20, 30), (30, 40)), tags=TAGS)
    await derived(gateway)
    assert await made(gateway) == {10: 40, 20: 40, 30: 40}
    return gateway


async def test_a_change_counts_from_its_moment_on_and_touches_nothing_before(shots, ask):
    told = await ask("POST", PATH, {"active_cavities": 8, "valid_from": AT_12_15}, status=201)
    [mark] = await shots.query(
        "SELECT from_at, figures_only FROM mark JOIN machine ON machine.id = machine_id "
        "JOIN gateway ON gateway.organization_id = machine.organization_id WHERE gateway.id = :gateway"
    )
    assert (minutes(mark.from_at), mark.figures_only) == (15, False)
    await derived(shots)
    assert await made(shots) == {10: 40, 20: 80, 30: 80}
    assert (await ask("GET", "/machines/P-2"))["active_cavities"] == 8
    # what was told later of an earlier time lasts until the next
    await ask("POST", PATH, {"active_cavities": 2, "valid_from": "2026-11-20T12:05:00Z"}, status=201)
    await derived(shots)
    assert await made(shots) == {10: 20, 20: 80, 30: 80}
    await ask("DELETE", f"{PATH}/{told['id']}", status=204)
    await derived(shots)
    assert await made(shots) == {10: 20, 20: 20, 30: 20}
    assert (await ask("GET", "/machines/P-2"))["active_cavities"] == 2
    assert [each["active_cavities"] for each in (await ask("GET", PATH))] == [4, 2]


async def test_a_late_count_uses_the_cavities_of_its_time(shots, ask):
    await ask("POST", PATH, {"active_cavities": 8, "valid_from": AT_12_15}, status=201)
    # today's mould is nothing to what was made then
    await ask("PATCH", "/machines/P-2", {"active_cavities": 1}, who="admin")
    await derived(shots)
    await shots.send(says(SHOTS, (5, 15), (25, 35)), tags=TAGS)
    await derived(shots)
    assert await made(shots) == {5: 20, 10: 20, 20: 80, 25: 40, 30: 40}
    assert sum((await counted(shots)).values()) == 200
    assert [each["active_cavities"] for each in (await ask("GET", PATH))] == [4, 8, 1]


async def test_what_is_told_first_was_always_so(gateway, ask):
    await ask("POST", "/machines", {"code": "P-9", "name": "P-9"}, who="admin", status=201)
    tag = Tag("press", "shots", "P-9", ReadingType.SHOT_COUNT)
    await gateway.send(says(0, (0, 10), (10, 20)), tags=[tag])
    await derived(gateway)
    assert await counted(gateway) == {("P-9", "made"): 10}
    await ask("PATCH", "/machines/P-9", {"active_cavities": 3}, who="admin")
    await derived(gateway)
    assert await counted(gateway) == {("P-9", "made"): 30}
    assert [each["valid_from"] for each in await ask("GET", "/machines/P-9/cavities")] == ["1970-01-01T00:00:00Z"]


async def test_who_told_it_is_in_the_record_and_mistakes_are_named(shots, ask):
    told = await ask("POST", PATH, {"active_cavities": 8, "valid_from": AT_12_15}, status=201)
    record = await ask("GET", "/audit?entity=cavities", who="admin")
    [entry] = record
    assert (entry["entity_id"], entry["kind"]) == (str(told["id"]), "created")
    again = await ask("POST", PATH, {"active_cavities": 9, "valid_from": AT_12_15}, status=409)
    assert again["error_code"] == "CAVITIES_TAKEN"
    to_come = {"active_cavities": 8, "valid_from": "2099-01-01T00:00:00Z"}
    assert (await ask("POST", PATH, to_come, status=422))["error_code"] == "CAVITIES_TO_COME"
    assert (await ask("DELETE", f"{PATH}/999999", status=404))["error_code"] == "CAVITIES_NOT_FOUND"
    await ask("POST", PATH, {"active_cavities": 0}, status=422)
    await ask("POST", PATH, {"active_cavities": 8}, who="worker", status=403)
