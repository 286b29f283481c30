"""The configuration as it was promised: every feature of it, in one file, loads and means what it says."""

from pathlib import Path

import pytest

from edge.acquisition.watch import Watch
from edge.config.mistakes import ConfigMistakes
from edge.drivers.spec import TagClass
from edge.settings import Connection, Settings, load
from shared.reading import ReadingType

EXAMPLE = Path(__file__).parent / "edge" / "config" / "example"
ENVIRON = {"PLC7_PASSWORD": "s3cret-of-the-plc"}


def example(tmp_path: Path, *changes: tuple[str, str]) -> Settings:
    text = (EXAMPLE / "edge.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "edge.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "meters.csv").write_bytes((EXAMPLE / "meters.csv").read_bytes())
    (tmp_path / "edge-token").write_text("tzg_token\n", encoding="utf-8")
    return load(tmp_path / "edge.yaml", ENVIRON)


def test_connections_stand_apart_from_devices(tmp_path: Path) -> None:
    found = example(tmp_path)
    devices = {line.name: sorted({point.device for point in line.points}) for line in found.connections}
    assert devices["line-a"] == ["meter-1", "meter-2", "meter-3", "meter-4"]
    assert devices["gw-tcp"] == ["meter-5"]
    assert devices["plc-7"] == ["press-07"]
    assert {line.spec.protocol for line in found.connections} == {"modbus", "opcua", "mqtt"}
    assert found.unused == ()


def test_durations_sizes_and_rates_bear_their_units(tmp_path: Path) -> None:
    found = example(tmp_path)
    assert found.cloud.backlog.max_rate == 2_000_000
    assert (found.buffer.max_size, found.buffer.keep_free) == (8 * 10**9, 10**9)
    line = named(found, "line-a")
    assert line.options.model_dump()["timeout"] == 0.3
    assert line.points[0].device_options.model_dump()["read"]["pause"] == 0.02


def test_defaults_classes_counters_and_meanings_reach_each_tag(tmp_path: Path) -> None:
    found = example(tmp_path)
    meter = {point.name: point.options for point in named(found, "line-a").points if point.device == "meter-2"}
    assert meter["power_kw"].deadband == 0.05
    assert meter["power_kw"].publish is not None
    assert (meter["power_kw"].publish.on, meter["power_kw"].publish.heartbeat) == ("change", 300.0)
    energy = meter["energy_kwh"]
    assert energy.counter is not None
    assert (energy.counter.rollover, energy.lane, energy.unit) == (2.0**32, TagClass.STATE, "kW.h")
    press = {point.name: point for point in named(found, "plc-7").points}
    assert {point.device_options.machine for point in press.values()} == {"PRESS-07"}
    assert (press["cycles"].options.means, press["mode"].options.means) == (ReadingType.GOOD_COUNT, ReadingType.STATE)
    assert (press["force_kn"].every_s, press["force_kn"].options.deadband) == (0.2, "0.5%")
    # three periods count where tags are polled, and nowhere else
    assert Watch(named(found, "line-a").points, 0).can_go_stale
    assert not Watch(named(found, "plc-7").points, 0).can_go_stale


def test_what_a_driver_finds_by_itself_is_a_pattern(tmp_path: Path) -> None:
    found = example(tmp_path)
    assert [family.every_s for family in named(found, "plc-7").families] == [5.0]
    assert named(found, "broker").families


def test_secrets_are_looked_up_and_never_shown(tmp_path: Path) -> None:
    found = example(tmp_path)
    assert found.cloud.token.get_secret_value() == "tzg_token"
    assert ENVIRON["PLC7_PASSWORD"] not in repr(found)
    for content in found.contents.values():
        assert ENVIRON["PLC7_PASSWORD"].encode() not in content


def test_what_a_full_buffer_gives_up_is_said_by_class(tmp_path: Path) -> None:
    when_full = example(tmp_path).buffer.when_full
    assert (when_full.state, when_full.process, when_full.debug) == ("keep", "thin 1min", "drop")
    kept = example(tmp_path, ("process: thin 1min", "process: keep")).buffer.when_full
    assert kept.process == "keep"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "state: keep",
            "state: drop",
            "'drop' is not offered for state, which is never thinned or dropped",
        ),
        ("thin 1min", "thin", "'thin' is nothing that a full buffer does; write keep, drop, or thin with a window"),
        ("thin 1min", "thin 10ms", "'thin 10ms' is nothing that a full buffer does"),
        ("debug: drop", "debug: delete", "'delete' is nothing that a full buffer does"),
    ],
)
def test_what_is_not_offered_is_refused_and_not_passed_over(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigMistakes) as caught:
        example(tmp_path, (old, new))
    (mistake,) = caught.value.mistakes
    assert mistake.path.startswith("buffer.when_full.")
    assert said in mistake.message


def named(found: Settings, name: str) -> Connection:
    return next(line for line in found.connections if line.name == name)
