"""What gateways tell reaches predictions: alarms from readings, each once, and never before it was known."""

import math
import uuid
from datetime import timedelta

import numpy as np
import pytest

from cloud import tomlfile
from cloud.analytics.service.deriving import derive_all
from cloud.predictions.features import Instants, features
from cloud.predictions.files import read_history
from cloud.predictions.imported import bringing
from cloud.predictions.mapping import Mapping
from cloud.predictions.standing import standing
from cloud.production.service.moments import us, utc
from cloud.telemetry.settling import settle_all
from shared.reading import Quality, Readings, ReadingType, Tag, from_rows
from tests.integration.cloud.predictions import exports, plants
from tests.integration.cloud.predictions.plants import NOW
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import Sender

__all__ = ["gateway", "new_gateway"]

MINUTE = 60_000_000
STATE, ALARM, OIL = range(3)
TAGS = (
    Tag("plc", "state", "L-1", ReadingType.STATE),
    Tag("plc", "alarm", "L-1", ReadingType.ALARM_CODE),
    Tag("plc", "oil_alarm", "L-1", ReadingType.ALARM_CODE),
)
# two days ago, at the hour's begin
BEGIN = us(NOW.replace(minute=0, second=0) - timedelta(days=2))


def says(tag: int, *said: tuple[float, object], quality: int = Quality.GOOD) -> Readings:
    """Return readings of one tag: minutes after the begin, and what it says then."""
    times = [BEGIN + round(minute * MINUTE) for minute, _ in said]
    words = {index: value for index, (_, value) in enumerate(said) if isinstance(value, str)}
    values = [math.nan if isinstance(value, str) else float(value) for _, value in said]
    return from_rows(
        [tag] * len(said), times, [each + 2000 for each in times], values, quality=[quality] * len(said), text=words
    )


@pytest.fixture(autouse=True)
async def machine(app_client, tenant) -> dict:
    return (await app_client.post("/machines", json={"code": "L-1", "name": "x"}, headers=tenant.admin)).json()


@pytest.fixture
def tell(gateway: Sender):
    """Send readings as gateways do, and derive what they amount to."""

    async def send(*readings: Readings) -> None:
        for each in readings:
            await gateway.send(each, tags=TAGS, sealed_us=us(NOW))
        await settle_all(gateway.database, NOW + timedelta(minutes=2))
        await derive_all(gateway.database, NOW)

    return send


def alarms(told, code: str = "L-1") -> list[tuple[float, str]]:
    """Return a machine's alarms: minutes after the begin, and the code."""
    events = told.history.alarms
    (place,) = [number for number, each in enumerate(told.machines) if told.codes[each] == code]
    rows = [
        ((at - BEGIN) / MINUTE, events.kinds[kind])
        for whose, at, kind in zip(events.machine.tolist(), events.at.tolist(), events.kind.tolist(), strict=True)
        if whose == place
    ]
    return sorted(rows)


async def test_alarms_of_tags_are_events_once_each_and_known_from_their_arrival(tell, known, moment):
    before = await moment()
    await tell(
        says(ALARM, (0, 0), (5, 4711), (6, 4711), (9, 0), (12, 4711)),
        says(OIL, (1, ""), (7, "low oil"), (70, "none")),
        says(ALARM, (10, 99), quality=Quality.BAD),
    )
    now = await known(await moment())
    assert alarms(now) == [(5, "4711"), (7, "low oil"), (12, "4711")]
    assert (now.history.alarms.known > us(before)).all()
    assert len((await known(before)).history.alarms) == 0


async def test_late_readings_make_the_same_alarms_and_those_of_before_stay_known(
    app, tenant, machine, tell, known, moment
):
    async def token():
        async with app.state.database.transaction() as session:
            return (await standing(session, tenant.organization_id, [uuid.UUID(machine["id"])], 24)).known

    await tell(says(ALARM, (0, 0), (10, "E1"), (20, "E1"), (200, "E3")))
    then = await moment()
    before = await known(then)
    assert alarms(before) == [(10, "E1"), (200, "E3")]
    first = await token()
    # one in between, which makes the next one an alarm of its own; and one that says it earlier
    await tell(says(ALARM, (15, "E2")), says(ALARM, (190, "E3")))
    assert alarms(await known(await moment())) == [(10, "E1"), (15, "E2"), (20, "E1"), (190, "E3")]
    again = await known(then)
    for name in ("machine", "at", "known", "kind", "kinds"):
        assert np.array_equal(getattr(again.history.alarms, name), getattr(before.history.alarms, name)), name
    second = await token()
    assert second != first
    # nothing new is told by what was told
    await tell(says(ALARM, (15, "E2"), (20, "E1")))
    assert len(alarms(await known(await moment()))) == 4
    assert await token() == second
    # one that turns out to be none is known to be none
    await tell(says(ALARM, (195, ""), (5, "E3"), (9, "")))
    assert await token() != second


async def test_an_answer_about_then_is_the_same_whatever_alarms_came_later(
    app, app_client, tenant, tell, known, moment
):
    made = await plants.machines(app_client, tenant, 4)
    await plants.run(app, made)
    await tell(says(STATE, (0, "producing")), says(ALARM, (0, 0), (30, "E1"), (40, 0)))
    then = await moment()
    body = {"machine_id": "L-1", "as_of": then.isoformat()}

    async def asked():
        app.state.predictions.answers.forget()
        app.state.predictions.grounds.forget()
        answer = await app_client.post("/predictions/downtime", json=body, headers=tenant.worker)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def looked():
        told = await known(then)
        instants = Instants(np.arange(5, dtype=np.int32), np.full(5, us(then), np.int64))
        return features(told.history, instants)

    answer, matrix = await asked(), await looked()
    assert answer["status"] != "insufficient_data"
    (place,) = np.flatnonzero(matrix.values[:, matrix.names.index("alarms_E1_72h")])
    assert matrix.values[place, matrix.names.index("alarms_72h")] == 1
    await tell(says(ALARM, (35, "E2"), (50, "E1"), (60, "E9")))
    later = await looked()
    assert later.names == matrix.names
    assert later.values.tobytes() == matrix.values.tobytes()
    assert await asked() == answer
    assert len(alarms(await known(await moment()))) == 4


async def test_an_alarm_of_an_import_and_of_a_tag_counts_once(app, tenant, tell, known, moment, tmp_path):
    directory = exports.write(tmp_path / "logs", until=NOW - timedelta(hours=3))
    with (directory / "alarms.csv").open("a") as file:
        file.writelines(f"M-0,{utc(BEGIN + minute * MINUTE).isoformat()},W1\n" for minute in (-60, 5))
    mapping = tomlfile.read(directory / "mapping.toml", Mapping)
    mapping.codes["M-0"] = "L-1"
    read = read_history(directory, mapping, now=NOW)
    async with app.state.database.transaction() as session:
        await bringing.bring(session, tenant.organization_id, "logs", read, lambda *_: None, is_dry_run=False)
    imported = await known(await moment())
    before = [each for each in alarms(imported) if each[0] < 0]
    assert (-60, "W1") in before
    assert (5, "W1") in alarms(imported)
    # what the import tells of the same time as the tag, the tag tells alone
    await tell(says(ALARM, (0, 0), (10, "E1")))
    assert alarms(await known(await moment())) == [*before, (10, "E1")]
    others = [each for each in imported.machines if imported.codes[each] != "L-1"]
    assert alarms(await known(await moment()), imported.codes[others[0]])


async def test_of_a_machine_that_is_heard_alarms_are_heard_though_none_comes(tell, known, moment):
    await tell(says(ALARM, (0, 0), (30, "E1")))
    assert list((await known(await moment())).heard["alarms"].values()) == [BEGIN + 30 * MINUTE]
    await tell(says(STATE, (0, "producing"), (600, "no such word")))
    assert list((await known(await moment())).heard["alarms"].values()) == [BEGIN + 600 * MINUTE]


async def test_a_stop_is_open_to_whoever_asks_of_a_time_before_its_end_was_told(tell, known, moment):
    await tell(says(STATE, (0, "producing"), (10, "faulted")))
    asked = await moment()
    before = (await known(asked)).history.stops
    await tell(says(STATE, (25, "producing")))
    after = (await known(asked)).history.stops
    now = (await known(await moment())).history.stops
    assert [(each - BEGIN) / MINUTE for each in before.at] == [10]
    for name in ("machine", "at", "known", "kind", "end", "end_known"):
        assert getattr(after, name).tolist() == getattr(before, name).tolist()
    assert [(each - BEGIN) / MINUTE for each in now.end] == [25]
    assert us(asked) < now.end_known[0] < before.end_known[0]
