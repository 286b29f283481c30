"""What the values of one look tell: shaped as the daemon shapes them, and judged."""

import math

import pytest

from edge.doctor import rows
from edge.drivers.inspection import Alternative, Finding, Probe, Severity
from shared.reading import Quality
from tests.fakes.driver import NOW_US, points


def probe(value: float | str | None, quality: Quality = Quality.GOOD, **more: object) -> Probe:
    return Probe(0, "raw", value, quality, **more)  # type: ignore[arg-type]


def row(value: float | str | None, quality: Quality = Quality.GOOD, **options: object) -> rows.Row:
    (table,) = rows.tables(points("a", **options), [probe(value, quality)], NOW_US)
    assert table.device == "press-1"
    return table.rows[0]


def judged(value: float | str | None, quality: Quality = Quality.GOOD, **options: object) -> list[Finding]:
    return rows.findings(points("a", **options), [probe(value, quality)], [], NOW_US)


@pytest.mark.parametrize(
    ("value", "options", "shown"),
    [
        (215.0, {"scale": 0.1, "unit": "Cel"}, "21.5"),
        (2.0, {"map": {2: "producing"}}, "producing (2)"),
        (9.0, {"map": {2: "producing"}}, "9"),
        ("SN-17", {}, "SN-17"),
        (None, {}, ""),
        (math.nan, {}, ""),
        (12345678.0, {}, "12345678"),
    ],
)
def test_a_value_is_shown_as_the_gateway_would_keep_it(
    value: float | str | None, options: dict[str, object], shown: str
) -> None:
    quality = Quality.BAD if value is None else Quality.GOOD
    assert row(value, quality, **options).value == shown


def test_a_row_keeps_what_was_read_beside_what_is_kept() -> None:
    found = row(215.0, scale=0.1, unit="Cel")
    assert (found.raw, found.decoded, found.value, found.unit, found.quality) == ("raw", "215", "21.5", "Cel", "good")


def test_a_bad_value_is_an_error_with_its_code() -> None:
    found = rows.findings(points("a"), [probe(None, Quality.BAD, code="exception 2")], [], NOW_US)
    assert [(item.severity, item.about) for item in found] == [(Severity.ERROR, "press-1.a")]
    assert "exception 2" in found[0].message


@pytest.mark.parametrize("about", ["press-1", "press-1.a"])
def test_what_the_inspector_has_said_is_not_said_again(about: str) -> None:
    known = [Finding(Severity.ERROR, about, "no such unit")]
    assert rows.findings(points("a"), [probe(None, Quality.BAD)], known, NOW_US) == []


@pytest.mark.parametrize(
    ("value", "options", "words"),
    [
        (3000.0, {"range": (0, 2000)}, "3000 lies outside its range [0, 2000]"),
        (math.inf, {}, "is no number"),
        (7.0, {"map": {1: "setup"}}, "no word for 7"),
    ],
)
def test_a_doubtful_value_is_a_warning(value: float, options: dict[str, object], words: str) -> None:
    (found,) = judged(value, **options)
    assert found.severity is Severity.WARNING
    assert words in found.message
    assert found.fix


def test_a_sound_value_is_nothing_to_talk_about() -> None:
    assert judged(20.0, range=(0, 100), map=None) == []


ORDERS = (
    Alternative("big", "1.8e-41", is_configured=True),
    Alternative("little-swap", "21.5", is_plausible=True),
    Alternative("little", "-7e+18"),
)


def test_a_wrong_byte_order_is_one_finding_a_device_with_the_line_to_write() -> None:
    two = [Probe(at, "0000 41AC", 1.8e-41, Quality.GOOD, alternatives=ORDERS) for at in (0, 1)]
    (found,) = rows.findings(points("a", "b"), two, [], NOW_US)
    assert (found.severity, found.about) == (Severity.WARNING, "press-1")
    assert "a, b" in found.message
    assert "1.8e-41, as little-swap they are 21.5" in found.message
    assert "`byte_order: little-swap`" in found.fix


def test_a_byte_order_whose_value_leaves_the_range_is_surely_wrong() -> None:
    probes = [Probe(0, "0000 41AC", 7e18, Quality.GOOD, alternatives=ORDERS)]
    found = rows.findings(points("a", range=(0, 100)), probes, [], NOW_US)
    assert Severity.ERROR in {item.severity for item in found if "byte order" in item.message}


def test_a_configured_order_that_is_plausible_is_left_alone() -> None:
    fine = [Alternative("big", "21.5", is_configured=True, is_plausible=True), ORDERS[1]]
    assert rows.findings(points("a"), [Probe(0, "x", 21.5, Quality.GOOD, alternatives=fine)], [], NOW_US) == []


@pytest.mark.parametrize(
    ("age_s", "severity", "words"),
    [(-30, Severity.WARNING, "ahead of this gateway's by 30.0 s"), (7200, Severity.NOTE, "2.0 h old")],
)
def test_a_sources_clock_is_compared(age_s: int, severity: Severity, words: str) -> None:
    probes = [probe(1.0, source_us=NOW_US - age_s * 1_000_000)]
    (found,) = rows.findings(points("a"), probes, [], NOW_US)
    assert found.severity is severity
    assert words in found.message
    assert rows.tables(points("a"), probes, NOW_US)[0].rows[0].age_s == age_s


def test_an_old_value_beside_a_fresh_one_is_no_clock_behind() -> None:
    probes = [Probe(at, "", 1.0, Quality.GOOD, source_us=NOW_US - age) for at, age in ((0, 10**11), (1, 10**6))]
    assert rows.findings(points("a", "b"), probes, [], NOW_US) == []


def test_a_servers_time_is_told_to_the_microsecond() -> None:
    timed = Probe(0, "raw", 1.0, Quality.GOOD, server_us=1_795_000_000_123_456)
    (table,) = rows.tables(points("a"), [timed], NOW_US)
    assert table.rows[0].server_time == "2026-11-18T11:06:40.123456Z"
