"""A machine of which nobody tells any more: its gateway died, and the last that it did goes on for ever."""

import math
from datetime import timedelta

import pytest
from sqlalchemy import text

from cloud.analytics.service.deriving import derive_all
from cloud.predictions import watching
from cloud.production.service.moments import us
from cloud.telemetry.settling import settle_all
from shared.reading import Readings, ReadingType, Tag, from_rows
from tests.integration.cloud.predictions import plants
from tests.integration.cloud.predictions.plants import HOUR, NOW
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import Sender

__all__ = ["gateway", "new_gateway"]

TAGS = (Tag("plc", "state", "L-1", ReadingType.STATE),)
BEGIN = NOW.replace(minute=0, second=0) - timedelta(days=6)
PREDICTED = text("""
    INSERT INTO prediction (organization_id, machine_id, served_by, source, horizon_h, at, due_at, probability,
                            baseline, minutes, minutes_lower, minutes_upper)
    SELECT organization_id, id, 'prevalence', 'periodic', 24, :at, :at + interval '4 days', 0.5, 0.5, 0, 0, 0
    FROM machine WHERE code = 'L-1' AND organization_id = :whose
""")
SAID = text("""
    SELECT at, outcome FROM prediction JOIN machine ON machine.id = machine_id
    WHERE code = :code AND prediction.organization_id = :whose ORDER BY at
""")


def says(*said: tuple[float, str]) -> Readings:
    """Return readings of the state: hours after the begin, and what it says then."""
    times = [us(BEGIN) + round(hour * 3.6e9) for hour, _ in said]
    words = {place: word for place, (_, word) in enumerate(said)}
    return from_rows([0] * len(said), times, [each + 2000 for each in times], [math.nan] * len(said), text=words)


@pytest.fixture
async def hall(app, app_client, tenant) -> dict:
    """Let four machines run and stop, which are told of by files; a fifth is told of by a gateway."""
    await plants.run(app, await plants.machines(app_client, tenant, 4))
    return (await app_client.post("/machines", json={"code": "L-1", "name": "x"}, headers=tenant.admin)).json()


@pytest.fixture
def tell(app, gateway: Sender, moment):
    """Send readings as a gateway does that was heard last at an instant; return when that was known."""

    async def send(readings: Readings | None, *, heard):
        if readings is not None:
            await gateway.send(readings, tags=TAGS, sealed_us=us(NOW))
        async with app.state.database.transaction() as session:
            seen = text("UPDATE gateway SET last_seen = :heard WHERE id = :id")
            await session.execute(seen, {"heard": heard, "id": gateway.caller.gateway_id})
        await settle_all(gateway.database, NOW + timedelta(minutes=2))
        await derive_all(gateway.database, NOW)
        return await moment()

    return send


@pytest.fixture
def ask(app, app_client, tenant):
    async def send(what: str = "downtime", **more) -> dict:
        app.state.predictions.answers.forget()
        app.state.predictions.grounds.forget()
        body = {"machine_id": "L-1"} | ({"confidence_threshold": 0.5} if what == "downtime" else {}) | more
        answer = await app_client.post(f"/predictions/{what}", json=body, headers=tenant.worker)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return send


async def test_of_a_machine_whose_gateway_died_neither_yes_nor_no_is_said_now_and_as_of_then(hall, tell, ask, known):
    # the gateway was heard for the last time hours after its last reading
    began = says((0, "idle"), (1, "faulted"), (2, "idle"), (3, "producing"))
    died = await tell(began, heard=BEGIN + 10 * HOUR)
    assert set((await known(died)).heard["stops"].values()) == {us(BEGIN + 10 * HOUR)}
    told = await ask()
    assert (told["status"], told["abstained"], told["will_stop"]) == ("abstained", True, None)
    assert "For more than 48 h nobody has told" in told["detail"]
    assert (await ask(machine_id="M-1"))["status"] == "answered"
    wear = await ask("maintenance")
    assert (wear["status"], wear["hours_since_stop"], wear["failure_probability"]) == ("abstained", None, None)
    assert (wear["detail"], wear["will_stop"], wear["abstained"]) == (told["detail"], None, True)
    supposed = await ask("maintenance", features={"hours_since_stop": 5})
    assert supposed["failure_probability"] is not None
    assert (await ask("maintenance", machine_id="M-1"))["hours_since_stop"] is not None
    then = {"as_of": died.isoformat()}
    before = await ask(**then)
    assert before["status"] == "abstained"
    # it is back, with all that it had kept
    back = await tell(says((3.2, "producing"), (60, "faulted"), (61, "producing")), heard=NOW)
    assert (await ask())["status"] == "answered"
    assert await ask(**then) == before
    assert not (await known(back)).unknown
    assert [(begin, end) for _, begin, end in (await known(died)).unknown] == [(BEGIN + 10 * HOUR, died)]


async def test_a_gateway_that_is_heard_vouches_for_a_machine_that_says_nothing_new(hall, tell, ask):
    await tell(says((0, "idle"), (3, "producing")), heard=NOW)
    assert (await ask())["status"] == "answered"


async def test_a_machine_that_speaks_again_is_answered_of_before_its_first_hour_is_over(hall, tell, ask):
    await tell(says((0, "idle"), (3, "no such word")), heard=NOW)
    assert (await ask())["status"] == "abstained"
    # in the hour that goes on, or in the one before, which was told as unknown
    now = (NOW - BEGIN) / HOUR
    await tell(says((now - 0.01, "idle")), heard=NOW)
    assert (await ask())["status"] == "answered"


async def test_the_watch_says_nothing_of_it_and_counts_nothing_that_was_said(app, tenant, hall, tell):
    now = await tell(says((0, "idle"), (3, "producing")), heard=BEGIN + 10 * HOUR)
    # of these hours nobody knows that no stop came, though the machine's last state goes on
    async with app.state.database.transaction() as session:
        await session.execute(PREDICTED, {"at": BEGIN + 9 * HOUR, "whose": tenant.organization_id})
    while await watching.watch_next(app.state.database, now):
        pass
    async with app.state.database.reading() as session:
        said = {
            code: [tuple(row) for row in await session.execute(SAID, {"code": code, "whose": tenant.organization_id})]
            for code in ("L-1", "M-1")
        }
    assert said["L-1"] == [(BEGIN + 9 * HOUR, "unknown")]
    assert {at for at, _ in said["M-1"]} == {now}
