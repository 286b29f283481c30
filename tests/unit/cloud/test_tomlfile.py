"""A file that an operator wrote is read as a model, or all that is wrong with it is said at once."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict

from cloud import tomlfile
from cloud.errors import BadRequest


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid")

    file: str


class Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: int
    words: dict[str, str] = {}
    names: dict[Literal["machine"], str] = {}
    stops: Table | None = None


def read(tmp_path, content):
    file = tmp_path / "kept.toml"
    file.write_bytes(content)
    return tomlfile.read(file, Kept)


def test_a_file_becomes_a_model(tmp_path):
    assert read(tmp_path, b'days = 3\n[words]\na = "b"\n') == Kept(days=3, words={"a": "b"})


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"days = ", r"kept.toml is no TOML"),
        (b"\xff\xfe", r"kept.toml is no TOML"),
        (
            b"weeks = 1\n",
            r"days: it is missing, and needed; weeks: there is no such key; there are days, words, names, stops",
        ),
        (b"days = 1\n[words]\na = 2\n", r"words.a: Input should be a valid string"),
        (b'days = 1\n[names]\nmachin = "m"\n', r"names.machin: Input should be 'machine'"),
        (b'days = 1\n[stops]\nfile = "f"\nkinds = "k"\n', r"stops.kinds: there is no such key; there are file\."),
        (b'days = 1\nstops = "s.csv"\n', r"stops: it must be a table, \[stops\], not 's.csv'"),
        (b"days = 1\n[words.a]\nb = 1\n", r"words.a: Input should be a valid string"),
    ],
    ids=["syntax", "bytes", "two mistakes", "place", "key", "key of a table", "no table", "no word"],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path, content, why):
    with pytest.raises(BadRequest, match=why):
        read(tmp_path, content)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadRequest, match=r"nowhere.toml cannot be read: No such file"):
        tomlfile.read(tmp_path / "nowhere.toml", Kept)
