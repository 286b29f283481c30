"""Hours of the ledger reach predictions: minutes and pieces, and what late readings make of them from then on."""

import math
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from cloud import tomlfile
from cloud.analytics.service.deriving import derive_all
from cloud.predictions.features import Instants, features
from cloud.predictions.files import read_history
from cloud.predictions.history import HOUR
from cloud.predictions.imported import bringing
from cloud.predictions.mapping import Mapping
from cloud.production.service.moments import us
from cloud.telemetry.settling import settle_all
from shared.reading import Readings, ReadingType, Tag, from_rows
from tests.integration.cloud.predictions import exports
from tests.integration.cloud.predictions.plants import NOW
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import Sender

__all__ = ["gateway", "new_gateway"]

MINUTE = 60_000_000
STATE, GOOD, REJECT = range(3)
TAGS = (
    Tag("plc", "state", "L-1", ReadingType.STATE),
    Tag("plc", "good", "L-1", ReadingType.GOOD_COUNT),
    Tag("plc", "reject", "L-1", ReadingType.REJECT_COUNT),
)
BEGIN = us(NOW.replace(minute=0, second=0) - timedelta(days=2))


def says(tag: int, *said: tuple[float, object]) -> Readings:
    """Return readings of one tag: minutes after the begin, and what it says then."""
    times = [BEGIN + round(minute * MINUTE) for minute, _ in said]
    words = {index: value for index, (_, value) in enumerate(said) if isinstance(value, str)}
    values = [math.nan if isinstance(value, str) else float(value) for _, value in said]
    return from_rows([tag] * len(said), times, [each + 2000 for each in times], values, text=words)


@pytest.fixture(autouse=True)
async def machine(app_client, tenant) -> dict:
    body = {"code": "L-1", "name": "x", "ideal_cycle_s": 30, "microstop_threshold_s": 300}
    return (await app_client.post("/machines", json=body, headers=tenant.admin)).json()


@pytest.fixture
def tell(app, gateway: Sender):
    """Send readings as gateways do, and derive what they amount to; return when that was known."""

    async def send(*readings: Readings):
        for each in readings:
            await gateway.send(each, tags=TAGS, sealed_us=us(NOW))
        await settle_all(gateway.database, NOW + timedelta(minutes=2))
        await derive_all(gateway.database, NOW)
        async with app.state.database.transaction() as session:
            return await session.scalar(text("SELECT clock_timestamp()"))

    return send


def hour(told, number: int) -> dict[str, float]:
    """Return what is known of an hour: all rows of it together."""
    work = told.history.work
    rows = work.at == BEGIN + (number + 1) * HOUR
    return {name: round(float(np.nansum(values[rows])), 6) for name, values in work.columns.items()}


# an hour: 40 minutes run, a short stop of 2, 8 of set-up, 10 idle; a piece a minute of the 40
FIRST = (
    says(STATE, (0, "producing"), (20, "idle"), (22, "producing"), (42, "setup"), (50, "idle"), (60, "producing")),
    says(GOOD, (0, 0), (10, 9), (41, 36), (119, 96)),
    says(REJECT, (0, 0), (10, 1), (41, 4), (119, 4)),
    says(STATE, (120, "idle"), (300, "idle")),
)


async def test_an_hour_is_told_with_its_minutes_and_pieces_once_it_is_over(tell, known):
    now = await tell(*FIRST)
    told = await known(now)
    assert hour(told, 0) == {"run": 40, "setup": 8, "micro": 2, "good": 36, "scrap": 4, "ideal": 80}
    assert hour(told, 1) == {"run": 60, "setup": 0, "micro": 0, "good": 60, "scrap": 0, "ideal": 120}
    work = told.history.work
    assert (work.length, work.known.min()) == (HOUR, BEGIN + HOUR)
    # what was over when the machine was derived first is its past
    assert (work.known[work.at <= BEGIN + 5 * HOUR] == work.at[work.at <= BEGIN + 5 * HOUR]).all()
    assert len(np.unique(work.at)) == len(work.at)
    assert us(NOW) - 2 * HOUR - 5 * MINUTE < work.at.max() <= us(NOW) - 5 * MINUTE


async def test_late_readings_change_an_hour_from_then_on_and_nothing_that_was_known_before(tell, known):
    then = await tell(*FIRST)

    async def looked(as_of):
        told = await known(as_of)
        at = [BEGIN + 3 * HOUR, us(then)]
        matrix = features(told.history, Instants(np.zeros(2, np.int32), np.array(at)))
        return matrix, dict(zip(matrix.names, matrix.values[1].tolist(), strict=True))

    matrix, row = await looked(then)
    assert (row["run_minutes_72h"], row["setup_minutes_72h"], row["micro_minutes_72h"]) == (100, 8, 2)
    assert row["scrap_share_72h"] == pytest.approx(0.04)
    assert row["speed_72h"] == pytest.approx(0.5)
    # the counter came late: a piece more in the first hour; and half of the second hour it was set up
    now = await tell(says(GOOD, (50, 37)), says(STATE, (90, "setup")))
    told = await known(now)
    assert [hour(told, 0)[name] for name in ("good", "scrap")] == [37, 4]
    assert [hour(told, 1)[name] for name in ("run", "setup", "good")] == [30, 30, 59]
    late = told.history.work.known > us(then)
    assert 0 < late.sum() < len(late)
    again, _ = await looked(then)
    assert again.names == matrix.names
    assert again.values.tobytes() == matrix.values.tobytes()
    # nothing new is told by what was told
    later = await tell(says(GOOD, (50, 37)))
    assert len((await known(later)).history.work) == len(told.history.work)


async def test_hours_of_an_import_count_up_to_the_machines_own(app, tenant, tell, known, tmp_path):
    directory = exports.write(tmp_path / "logs", until=NOW - timedelta(hours=3))
    mapping = tomlfile.read(directory / "mapping.toml", Mapping)
    mapping.codes["M-0"] = "L-1"
    read = read_history(directory, mapping, now=NOW)
    async with app.state.database.transaction() as session:
        await bringing.bring(session, tenant.organization_id, "logs", read, lambda *_: None, is_dry_run=False)
        before = await session.scalar(text("SELECT clock_timestamp()"))

    def mine(told):
        work = told.history.work
        (place,) = [number for number, each in enumerate(told.machines) if told.codes[each] == "L-1"]
        return work.at[work.machine == place]

    imported = mine(await known(before))
    assert (imported > BEGIN).any()
    told = mine(await known(await tell(*FIRST)))
    assert np.array_equal(told[told <= BEGIN], imported[imported <= BEGIN])
    own = told[told > BEGIN]
    assert np.array_equal(own, BEGIN + HOUR * np.arange(1, len(own) + 1))


async def test_what_a_machine_does_is_heard_until_nothing_is_known_of_it(tell, known):
    async def heard(as_of):
        told = (await known(as_of)).heard
        return [(at - BEGIN) / HOUR for at in told["work"].values()]

    now = await tell(*FIRST, says(STATE, (600, "no such word")))
    assert await heard(now) == [10]
    later = await tell(says(STATE, (900, "idle"), (930, "no such word")))
    assert await heard(later) == [16]
    assert await heard(now) == [10]


async def test_an_hour_that_is_told_or_told_otherwise_ends_what_is_remembered_and_nothing_else_does(tell, stands):
    await tell(*FIRST)
    seen = [await stands("L-1")]
    # a piece more in an hour that was told; then the same again, of which nothing is new
    await tell(says(GOOD, (50, 37)))
    seen.append(await stands("L-1"))
    assert seen[1] != seen[0]
    await tell(says(GOOD, (50, 37)))
    assert await stands("L-1") == seen[1]
    # of the hour that goes on nothing is told before it is over
    now = (us(NOW) - BEGIN) / MINUTE
    await tell(says(GOOD, (now - 3, 97)), says(GOOD, (now - 2, 98)))
    assert await stands("L-1") == seen[1]
