import pytest
from pydantic import ValidationError

from edge.config.tags import disagreements, effective
from edge.drivers.spec import PublishOptions, TagOptions


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
        ({"map": {0: "anything"}}, []),
        ({"map": {0: "off", 1: "producing"}, "means": "state"}, []),
        ({"map": {0: "off", 1: "Producing", 2: "busy"}, "means": "state"}, ["map", "map"]),
        ({"map": {0: "x"}, "offset": 1}, ["map"]),
        ({"map": {0: "x"}, "deadband": 1}, ["map"]),
    ],
)
def test_options_that_contradict_each_other_are_named(options: dict[str, object], keys: list[str]) -> None:
    assert [key for key, _ in disagreements(TagOptions.model_validate(options))] == keys


def test_a_tag_takes_up_what_it_does_not_say() -> None:
    defaults = PublishOptions.model_validate({"on": "sample", "heartbeat": "1min"})
    silent = effective(TagOptions(), defaults, 2.5)
    assert (silent.every, silent.publish) == (2.5, defaults)
    outspoken = TagOptions.model_validate({"every": "3s", "publish": {"on": "change", "heartbeat": None}})
    full = effective(outspoken, defaults, 2.5)
    assert (full.every, full.publish) == (3.0, PublishOptions(on="change", heartbeat=None))


def test_a_tag_at_rest_is_kept_every_five_minutes_unless_that_is_switched_off() -> None:
    assert TagOptions().publish is None
    assert effective(TagOptions(), PublishOptions(), 1.0).publish == PublishOptions(heartbeat="5min")  # type: ignore[arg-type]
    off = TagOptions.model_validate({"publish": {"heartbeat": "off"}})
    assert effective(off, PublishOptions(), 1.0).publish == PublishOptions(on="change", heartbeat=None)


@pytest.mark.parametrize(
    "options", [{"unit": "k\tW"}, {"unit": "kW\n"}, {"map": {0: "a\0b"}}, {"map": {0: "x" * 5000}}]
)
def test_words_that_the_wire_would_refuse_are_refused_in_the_file(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TagOptions.model_validate(options)
