"""What an operator's command prints can be read on a terminal of eighty columns."""

from datetime import UTC, datetime

import pytest
from pydantic import BaseModel

from cloud import console


class Small(BaseModel):
    id: int
    name: str


class Large(BaseModel):
    id: str
    name: str
    last_seen: datetime | None
    version: str | None
    skews: dict[str, float]
    note: str


LARGE = [
    Large(id="6a" * 16, name=name, last_seen=seen, version=None, skews=skews, note="n" * 30)
    for name, seen, skews in (
        ("hall-1", datetime(2026, 3, 2, 8, 0, 0, 123456, tzinfo=UTC), {"press": 1.5}),
        ("hall-2", None, {}),
    )
]


@pytest.fixture(autouse=True)
def _eighty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_what_fits_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    console.show([Small(id=1, name="a"), Small(id=2, name="b")], as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [["id", "name"], ["1", "a"], ["2", "b"]]


def test_what_does_not_fit_is_told_record_by_record_without_what_is_not_known(
    capsys: pytest.CaptureFixture[str],
) -> None:
    console.show(LARGE, as_json=False)
    first, second = capsys.readouterr().out.split("\n\n")
    assert [line.rstrip().split(maxsplit=1) for line in first.splitlines()] == [
        ["id", "6a" * 16],
        ["name", "hall-1"],
        ["last_seen", "2026-03-02 08:00:00Z"],
        ["skews", "press 1.5"],
        ["note", "n" * 30],
    ]
    assert "last_seen" not in second
    assert "6a" * 16 in second


def test_nothing_is_said_to_be_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    console.show([], as_json=False)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "There are none yet.\n")
