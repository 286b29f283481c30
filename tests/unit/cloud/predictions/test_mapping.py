"""A mapping says where things stand; what it cannot mean is said, all at once."""

import pytest

from cloud import tomlfile
from cloud.errors import BadRequest
from cloud.predictions.mapping import Mapping

SOUND = """
timezone = "Europe/Istanbul"
[stops]
file = "stops.csv"
machine = "m"
start = "s"
minutes = "min"
[telemetry]
file = "t.csv"
machine = "m"
start = "ts"
every = "1d"
columns = ["vib"]
"""


def read(tmp_path, text):
    file = tmp_path / "mapping.toml"
    file.write_text(text)
    return tomlfile.read(file, Mapping)


def test_a_sound_one_is_read(tmp_path):
    mapping = read(tmp_path, SOUND)
    assert mapping.stops.minutes == "min"
    assert mapping.telemetry.hours == 24
    assert mapping.alarms is None


def test_what_is_measured_may_be_named_as_here(tmp_path):
    assert read(tmp_path, SOUND).telemetry.named == {"vib": "vib"}
    named = read(tmp_path, SOUND.replace('["vib"]', '{vibration = "vib"}'))
    assert named.telemetry.named == {"vibration": "vib"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "stops: it is missing, and needed"),
        (SOUND.replace("Europe/Istanbul", "Mars/Base"), "'Mars/Base' is no time zone"),
        (SOUND.replace('minutes = "min"', 'minutes = "min"\nend = "e"'), "give `end` or `minutes`"),
        (SOUND.replace("columns", "colums"), "telemetry.colums"),
        (SOUND.replace('"1d"', '"1w"'), "telemetry.every"),
        (SOUND.replace('["vib"]', "{}"), "telemetry.columns"),
    ],
    ids=["empty", "zone", "both", "unknown", "span", "nothing"],
)
def test_mistakes_are_named(tmp_path, text, why):
    with pytest.raises(BadRequest, match=why):
        read(tmp_path, text)
