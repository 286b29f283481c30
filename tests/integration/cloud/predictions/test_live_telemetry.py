"""What machines measure reaches predictions: hour by hour, each value once, by what was known when it was told."""

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import text

from cloud import tomlfile
from cloud.analytics.service.deriving import derive_all
from cloud.predictions.features import Instants, features
from cloud.predictions.files import read_history
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.imported import bringing
from cloud.predictions.mapping import Mapping
from cloud.production.service.moments import us, utc
from cloud.telemetry.settling import settle_all
from shared.reading import Quality, Readings, ReadingType, Tag, from_rows
from tests.integration.cloud.predictions import exports
from tests.integration.cloud.predictions.plants import NOW
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import Sender

__all__ = ["gateway", "new_gateway"]

MINUTE = 60_000_000
OIL, COOLANT, VIBRATION, COUNT, OTHER = range(5)
TAGS = (
    Tag("plc", "oil_c", "L-1", ReadingType.TEMPERATURE, "Cel"),
    Tag("plc", "coolant_c", "L-1", ReadingType.TEMPERATURE, "Cel"),
    Tag("plc", "vib_x", "L-1", ReadingType.VIBRATION),
    Tag("plc", "parts", "L-1", ReadingType.PART_COUNT),
    Tag("plc", "setpoint", "L-1", ReadingType.CUSTOM),
)
BEGIN = us(NOW.replace(hour=0, minute=0, second=0) - timedelta(days=9))


def says(tag: int, *said: tuple[float, float], quality: int = Quality.GOOD) -> Readings:
    """Return readings of one tag: hours after the begin, and what it measures then."""
    times = [BEGIN + round(hour * HOUR) for hour, _ in said]
    values = [value for _, value in said]
    count = len(said)
    return from_rows([tag] * count, times, [each + 2000 for each in times], values, quality=[quality] * count)


@pytest.fixture(autouse=True)
async def machine(app_client, tenant) -> dict:
    return (await app_client.post("/machines", json={"code": "L-1", "name": "x"}, headers=tenant.admin)).json()


@pytest.fixture
def tell(app, gateway: Sender):
    """Send readings as gateways do, and derive what they amount to; return when that was known."""

    async def send(*readings: Readings, now=NOW):
        for each in readings:
            await gateway.send(each, tags=TAGS, sealed_us=us(NOW))
        await settle_all(gateway.database, now + timedelta(minutes=2))
        await derive_all(gateway.database, now)
        async with app.state.database.transaction() as session:
            return await session.scalar(text("SELECT clock_timestamp()"))

    return send


def measured(told, channel: str) -> dict[float, float]:
    """Return what is known of a channel: hours after the begin, and the mean of the hour that ended then."""
    spans = told.history.measured
    values = spans.columns.get(channel, np.full(len(spans), np.nan))
    rows = np.flatnonzero(np.isfinite(values))
    assert len(set(spans.at[rows].tolist())) == len(rows)
    return {(spans.at[row] - BEGIN) / HOUR: round(float(values[row]), 6) for row in rows}


async def test_hours_are_told_by_what_tags_mean_and_not_before_they_are_over(tell, known):
    now = await tell(
        # 40 degrees for half an hour, then 80 for a quarter of one: not the mean of what was said
        says(OIL, (0, 40), (0.5, 80), (0.75, 80), (1.5, 50)),
        says(COOLANT, (1.5, 20)),
        says(VIBRATION, (0.5, 1.25)),
        says(VIBRATION, (0.6, 99), quality=Quality.BAD),
        says(COUNT, (0.5, 7)),
        says(OTHER, (0.5, 7)),
        # of the hour that is not over nothing is told
        says(VIBRATION, (9 * 24, 3)),
        now=NOW.replace(hour=0, minute=0, second=0) + timedelta(minutes=30),
    )
    told = await known(now)
    assert measured(told, "temperature") == {1: pytest.approx(160 / 3), 2: 35}
    assert measured(told, "vibration") == {1: 1.25}
    assert set(told.history.measured.columns) == {"temperature", "vibration"}
    # what was over when the machine was connected is its past
    assert (told.history.measured.known == told.history.measured.at).all()
    assert list(told.heard["telemetry"].values()) == [BEGIN + 2 * HOUR]


async def test_what_comes_late_changes_nothing_that_was_told_and_is_told_from_then_on(app, gateway, tell, known):
    days = [(day * 24 + hour + 0.5, 40.0 + hour % 3) for day in range(8) for hour in range(0, 24, 6)]
    then = await tell(says(OIL, *days))

    async def looked(as_of):
        told = await known(as_of)
        instants = Instants(np.zeros(2, np.int32), np.array([BEGIN + 8 * DAY, us(as_of)]))
        matrix = features(told.history, instants)
        return matrix, dict(zip(matrix.names, matrix.values[1].tolist(), strict=True))

    matrix, row = await looked(then)
    assert row["temperature_off_usual_7d"] == pytest.approx(0)
    # it was connected all the time; what comes from now on came late
    async with app.state.database.transaction() as session:
        connected = text("UPDATE tag SET created_at = :at WHERE gateway_id = :id")
        await session.execute(connected, {"at": utc(BEGIN), "id": gateway.caller.gateway_id})
    # an hour that was told already, one that was not, and a channel that was silent
    now = await tell(says(OIL, (6.6, 90.0), (7.5, 90.0)), says(VIBRATION, (6.5, 2.0), (8.5, 3.0)))
    told = await known(now)
    temperature = measured(told, "temperature")
    assert (temperature[7], temperature[8]) == (40, 90)
    assert measured(told, "vibration") == {7: 2, 9: 3}
    late = told.history.measured.known > us(then)
    assert late.sum() == 3
    again, _ = await looked(then)
    assert again.names == matrix.names
    assert again.values.tobytes() == matrix.values.tobytes()
    _, later = await looked(now)
    assert "vibration_off_usual_7d" in later


async def test_of_an_hour_that_an_import_and_a_tag_measured_the_tag_tells(app, tenant, tell, known, tmp_path):
    directory = exports.write(tmp_path / "logs", until=NOW - timedelta(hours=3))
    mapping = tomlfile.read(directory / "mapping.toml", Mapping)
    mapping.codes["M-0"] = "L-1"
    assert mapping.telemetry is not None
    (name,) = mapping.telemetry.named.values()
    mapping.telemetry.columns = {"vibration": name}
    read = read_history(directory, mapping, now=NOW)
    async with app.state.database.transaction() as session:
        await bringing.bring(session, tenant.organization_id, "logs", read, lambda *_: None, is_dry_run=False)
    now = await tell(says(VIBRATION, *((hour + 0.5, 5.0) for hour in range(72))))
    told = await known(now)
    spans = told.history.measured
    (place,) = [number for number, each in enumerate(told.machines) if told.codes[each] == "L-1"]
    mine = spans.take(np.flatnonzero((spans.machine == place) & np.isfinite(spans.columns["vibration"])))
    assert len(set(mine.at.tolist())) == len(mine)
    own = (mine.at > BEGIN) & (mine.at <= BEGIN + 3 * DAY)
    assert mine.columns["vibration"][own].tolist() == [5.0] * 72
    assert (~own).sum() > 30


async def test_what_is_measured_ends_what_is_remembered_once_an_hour_and_not_with_each_reading(tell, stands):
    midnight = utc(BEGIN + 8 * DAY)
    seen = []
    for minutes in (5, 6, 7, 58, 62, 64):
        # each minute a reading, and the hour that goes on is told to nobody
        await tell(says(VIBRATION, (8 * 24 + minutes / 60, 1.0)), now=midnight + timedelta(minutes=minutes))
        seen.append(await stands("L-1"))
    assert len(set(seen)) == 1
    await tell(says(VIBRATION, (8 * 24 + 65 / 60, 1.0)), now=midnight + timedelta(minutes=66))
    told = await stands("L-1")
    assert told != seen[0]
    # what comes late of an hour that was told changes no prediction
    await tell(says(VIBRATION, (8 * 24 + 0.5, 9.0)), now=midnight + timedelta(minutes=68))
    assert await stands("L-1") == told
