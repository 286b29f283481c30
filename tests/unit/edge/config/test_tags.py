import pytest
from pydantic import ValidationError

from edge.config.options import DefaultOptions
from edge.config.tags import compression, disagreements, effective, staleness
from edge.drivers.spec import DeviceOptions, PublishOptions, TagOptions
from edge.units import stale_after_s


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ({}, []),
        ({"scale": 0}, ["scale"]),
        ({"range": [2, 2]}, ["range"]),
        ({"range": [0, 5], "deadband": "0.5%"}, []),
        ({"deadband": "0.5%"}, ["deadband"]),
        ({"range": [0, 5], "deadband": "101 %"}, ["deadband"]),
        ({"deadband": -1}, ["deadband"]),
        ({"deadband": 0}, []),
        ({"every": "10ms"}, []),
        ({"every": "9ms"}, ["every"]),
        ({"every": "2d"}, ["every"]),
        ({"unit": "kW.h"}, []),
        ({"unit": "kWh"}, []),
        ({"unit": "°C"}, ["unit"]),
        ({"unit": "{shots}"}, []),
        ({"compress": {"deviation": 0.5}}, []),
        ({"compress": {"deviation": "1%"}, "range": [0, 5]}, []),
        ({"compress": {"deviation": "1%"}}, ["compress"]),
        ({"compress": {"deviation": 0}}, ["compress"]),
        ({"compress": {"deviation": 1}, "deadband": 1}, ["compress"]),
        ({"compress": {"deviation": 1}, "publish": {"on": "sample"}}, ["compress"]),
        ({"map": {0: "anything"}}, []),
        ({"map": {0: "off", 1: "producing"}, "means": "state"}, []),
        ({"map": {0: "off", 1: "Producing", 2: "busy"}, "means": "state"}, ["map", "map"]),
        ({"map": {0: "x"}, "offset": 1}, ["map"]),
        ({"map": {0: "x"}, "deadband": 1}, ["map"]),
        ({"counter": {}, "scale": 0.1, "deadband": 1}, []),
        ({"counter": {"rollover": "2^32"}, "map": {0: "x"}}, ["counter"]),
        ({"counter": {}, "offset": 1}, ["counter"]),
        ({"counter": {}, "scale": -1}, ["counter"]),
    ],
)
def test_options_that_contradict_each_other_are_named(options: dict[str, object], keys: list[str]) -> None:
    assert [key for key, _ in disagreements(TagOptions.model_validate(options))] == keys


def test_a_tag_takes_up_what_it_does_not_say() -> None:
    defaults = DefaultOptions.model_validate({"every": "2.5s", "publish": {"on": "sample", "heartbeat": "1min"}})
    silent = effective(TagOptions(), defaults, is_polled=True)
    assert (silent.every, silent.publish, silent.stale_after) == (2.5, defaults.publish, "off")
    outspoken = TagOptions.model_validate({"every": "3s", "publish": {"on": "change", "heartbeat": None}})
    full = effective(outspoken, defaults, is_polled=True)
    assert (full.every, full.publish) == (3.0, PublishOptions(on="change", heartbeat=None))


def test_a_tag_at_rest_is_kept_every_five_minutes_unless_that_is_switched_off() -> None:
    assert TagOptions().publish is None
    silent = effective(TagOptions(), DefaultOptions(), is_polled=True)
    assert silent.publish == PublishOptions(heartbeat="5min")  # type: ignore[arg-type]
    off = TagOptions.model_validate({"publish": {"heartbeat": "off"}})
    assert effective(off, DefaultOptions(), is_polled=True).publish == PublishOptions(on="change", heartbeat=None)


@pytest.mark.parametrize(
    "options", [{"unit": "k\tW"}, {"unit": "kW\n"}, {"map": {0: "a\0b"}}, {"map": {0: "x" * 5000}}]
)
def test_words_that_the_wire_would_refuse_are_refused_in_the_file(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TagOptions.model_validate(options)


def test_watt_hours_are_taken_under_the_name_of_ucum() -> None:
    tag = TagOptions.model_validate({"unit": "kWh"})
    assert effective(tag, DefaultOptions(), is_polled=True).unit == "kW.h"


@pytest.mark.parametrize(
    ("said", "default", "is_polled", "expected"),
    [
        (None, "3x", True, 6.0),
        (None, "3x", False, None),
        ("30s", "3x", False, 30.0),
        ("off", "3x", True, None),
        ("2x", "off", True, 4.0),
    ],
)
def test_periods_of_silence_count_where_tags_are_polled(
    said: str | None, default: str, is_polled: bool, expected: float | None
) -> None:
    tag = TagOptions.model_validate({"every": "2s", "stale_after": said})
    found = effective(tag, DefaultOptions(stale_after=default), is_polled=is_polled)
    assert stale_after_s(found.stale_after or "", None) == expected


def test_a_tag_that_counts_periods_nobody_keeps_is_a_mistake() -> None:
    tag = TagOptions.model_validate({"stale_after": "3x"})
    assert [key for key, _ in staleness(tag, is_polled=False)] == ["stale_after"]
    assert list(staleness(tag, is_polled=True)) == []


def test_what_a_source_keeps_until_it_is_on_disk_is_not_held_back_in_memory() -> None:
    class KeptDevice(DeviceOptions):
        @property
        def is_kept_by_source(self) -> bool:
            return True

    tag = TagOptions.model_validate({"compress": {"deviation": 1}})
    assert [key for key, _ in compression(tag, KeptDevice(name="d", on="l"))] == ["compress"]
    assert list(compression(tag, DeviceOptions(name="d", on="l"))) == []
    assert list(compression(TagOptions(), KeptDevice(name="d", on="l"))) == []
