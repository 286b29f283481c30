import pytest

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
