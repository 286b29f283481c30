"""What a real server holds comes out as readings: values, times, status, and what cannot be read."""

import datetime as dt

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from edge.drivers.opcua.changes import BAD_NO_DATA, BAD_NOT_SUPPORTED
from shared.reading import Flag, GapCause, Quality
from tests.integration.edge.drivers.opcua.plc import Plc, driver, points, taking


async def test_every_value_arrives_once_with_the_sources_own_time(plc: Plc) -> None:
    said = [await plc.put("force", 0.5)]
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        said += [await plc.put("force", n + 0.5) for n in range(1, 200)]
        await taker.until(lambda: 199.5 in taker.values())
    assert taker.rows() == [(0, ts, n + 0.5, Quality.GOOD, 0) for n, ts in enumerate(said)]


@pytest.mark.parametrize("mode", ["subscribe", "read"])
async def test_the_servers_own_time_is_kept_in_a_tag_beside_where_it_is_wanted(plc: Plc, mode: str) -> None:
    at = dt.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=dt.UTC)
    learned = [at + dt.timedelta(seconds=n) for n in range(3)]
    said = [await plc.put("force", 0.5, ServerTimestamp=learned[0])]
    # a point that wants none comes with the same notifications
    await plc.put("rest", 1.0, ServerTimestamp=learned[2])
    device = [*points(["force"], mode=mode, server_time=True), *points(["rest"], mode=mode)]
    async with taking(driver(plc.port, device)) as taker:
        await taker.until(lambda: taker.values(2))
        said.append(await plc.put("force", 1.5, ServerTimestamp=learned[1]))
        await taker.until(lambda: 1.5 in taker.values(0))
    found = [point.name for sample in taker.samples for point in sample.points]
    assert found == ["force_server_time"]
    kept = dict.fromkeys((ts, value) for tag, ts, value, _, _ in taker.rows() if tag == 2)
    assert list(kept) == [(ts, when.timestamp() * 1e6) for ts, when in zip(said, learned, strict=False)]


@pytest.mark.parametrize(
    ("variant", "shown"),
    [
        (ua.Variant(True), 1.0),
        (ua.Variant(-5, ua.VariantType.SByte), -5.0),
        (ua.Variant(65535, ua.VariantType.UInt16), 65535.0),
        (ua.Variant(2, ua.VariantType.Int32), 2.0),
        (ua.Variant(-(2**63), ua.VariantType.Int64), str(-(2**63))),
        (ua.Variant(1.25, ua.VariantType.Float), 1.25),
        (ua.Variant("Çevrim"), "Çevrim"),
        (ua.Variant(dt.datetime(2026, 11, 20, 6, tzinfo=dt.UTC)), "2026-11-20T06:00:00Z"),
        (ua.Variant(ua.LocalizedText("Pres", "tr")), "Pres"),
        (ua.Variant(b"\x01\x02"), "0102"),
        (ua.Variant(ua.ServerState.Running), 0.0),
    ],
    ids=lambda value: getattr(getattr(value, "VariantType", None), "name", str(value)),
)
async def test_a_scalar_of_any_type_becomes_a_number_or_a_text(plc: Plc, variant: ua.Variant, shown: object) -> None:
    ts = await plc.put("value", variant)
    async with taking(driver(plc.port, points(["value"]))) as taker:
        await taker.until(taker.rows)
    assert taker.rows() == [(0, ts, shown, Quality.GOOD, 0)]


async def test_what_no_reading_can_hold_is_bad_and_logged_once_and_stops_nothing(plc: Plc) -> None:
    await plc.put("list", [1.0, 2.0])
    await plc.put("range", ua.Range(Low=1, High=2))
    await plc.put("nothing", ua.Variant(None, ua.VariantType.String))
    await plc.put("force", 1.5)
    with capture_logs() as logs:
        async with taking(driver(plc.port, points(["list", "range", "nothing", "force"]))) as taker:
            await taker.until(lambda: len(taker.rows()) == 4)
            await plc.put("list", [3.0])
            await plc.put("force", 2.5)
            await taker.until(lambda: 2.5 in taker.values(3) and len(taker.values(0)) == 2)
    rows = {row[0]: row[2:] for row in taker.rows()}
    assert rows[0] == ("NaN", Quality.BAD, BAD_NOT_SUPPORTED)
    assert rows[1] == ("NaN", Quality.BAD, BAD_NOT_SUPPORTED)
    assert rows[2] == ("NaN", Quality.BAD, BAD_NO_DATA)
    told = [(log["node"], log["why"].split()[0]) for log in logs if log["event"] == "a node cannot be read"]
    assert told == [("ns=2;s=list", "arrays"), ("ns=2;s=range", "structures")]


async def test_a_status_that_changes_is_a_reading_and_a_bad_one_has_no_value(plc: Plc) -> None:
    await plc.put("force", 1.5)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        await plc.put("force", 1.5, StatusCode=ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue))
        await plc.put("force", 1.5, StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
        await plc.put("force", 1.5)
        await taker.until(lambda: len(taker.rows()) == 4)
    assert [row[2:] for row in taker.rows()] == [
        (1.5, Quality.GOOD, 0),
        (1.5, Quality.UNCERTAIN, ua.StatusCodes.UncertainLastUsableValue),
        ("NaN", Quality.BAD, ua.StatusCodes.BadSensorFailure),
        (1.5, Quality.GOOD, 0),
    ]


async def test_the_overflow_bit_becomes_a_flag_and_a_gap(plc: Plc) -> None:
    first = await plc.put("force", 1.5)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        second = await plc.put("force", 2.5, StatusCode=ua.StatusCode(0x0480))
        await taker.until(lambda: len(taker.rows()) == 2)
    overflowed = taker.samples[-1]
    assert overflowed.readings.flags.tolist() == [Flag.OVERFLOW]
    assert overflowed.readings.quality.tolist() == [Quality.GOOD]
    (gap,) = overflowed.gaps
    assert (gap.cause, gap.device, gap.tag, gap.from_us, gap.to_us) == (
        GapCause.OVERFLOW,
        "press",
        "force",
        first + 1,
        second,
    )


async def test_a_new_time_of_the_same_value_counts_only_where_it_is_asked_for(plc: Plc) -> None:
    await plc.put("force", 1.5)
    watched = [*points(["force"]), *points(["force"], trigger="timestamp")]
    async with taking(driver(plc.port, watched)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
        again = await plc.put("force", 1.5)
        await taker.until(lambda: len(taker.values(1)) == 2)
        await plc.put("force", 2.5)
        await taker.until(lambda: 2.5 in taker.values(0))
    assert taker.values(0) == [1.5, 2.5]
    assert taker.values(1) == [1.5, 1.5, 2.5]
    assert (1, again, 1.5, Quality.GOOD, 0) in taker.rows()


async def test_a_namespace_given_by_its_uri_is_found_wherever_it_stands(plc: Plc) -> None:
    await plc.put("force", 1.5)
    watched = points(["nsu=urn:tezgah:test;s=force", "nsu=urn:somebody:else;s=force"])
    async with taking(driver(plc.port, watched)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
    assert taker.values(0) == [1.5]
    assert [row[2:] for row in taker.rows() if row[0] == 1] == [
        ("NaN", Quality.BAD, ua.StatusCodes.BadNodeIdUnknown),
    ]
