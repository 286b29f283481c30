from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.identity.schemas import Role
from cloud.imports.cells import Cells, Refused, spelled
from cloud.imports.rules import ROLES

ISTANBUL = ZoneInfo("Europe/Istanbul")
ANYTHING = st.none() | st.integers() | st.floats() | st.text(max_size=40) | st.binary(max_size=20)


def cells(value, **more):
    return Cells({"it": value} | more, ISTANBUL)


@pytest.mark.parametrize(
    ("value", "hour"),
    [
        ("2026-03-02 08:00:00.000000", 5),
        ("2026-03-02T08:00:00", 5),
        ("2026/03/02 08:00", 5),
        ("2026-03-02T08:00:00Z", 8),
        ("2026-03-02T08:00:00+01:00", 7),
        ("02.03.2026 08:00", 5),
        ("2/3/2026 8:00:00", 5),
        (1772434800, 7),
        (1772434800000, 7),
        (b"2026-03-02 08:00", 5),
    ],
)
def test_a_time_is_read_however_it_was_written(value, hour):
    assert cells(value).moment("it") == datetime(2026, 3, 2, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["soon", "2026-13-01", "31.02.2026", 12, 1e300, float("nan"), "0001-01-01 00:00", "2100-01-02"]
)
def test_what_can_be_no_time_is_refused(value):
    with pytest.raises(Refused):
        cells(value).moment("it")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_time_is_none(value):
    assert cells(value).moment("it") is None


def test_the_servers_clock_may_have_run_in_another_zone():
    row = Cells({"it": "2026-03-02 08:00"}, ISTANBUL, UTC)
    assert row.moment("it", is_server=True) - row.moment("it") == timedelta(hours=3)


def test_an_hour_that_is_there_twice_is_noted():
    row = Cells({"it": "2026-10-25 02:30"}, ZoneInfo("Europe/Berlin"))
    assert row.moment("it") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert "clocks were changed" in row.notes[0].reason


@pytest.mark.parametrize(("value", "number"), [(3, 3), (3.0, 3), ("3", 3), (" 250 adet", 250), ("3.0", 3), ("3,00", 3)])
def test_a_quantity_may_be_text(value, number):
    row = cells(value)
    assert row.quantity("it") == number
    assert bool(row.notes) is isinstance(value, str)


# 1.000 is a thousand to some and one to others
@pytest.mark.parametrize(
    "value", [None, "", 0, -1, 2.5, "2.5", "1.000", "1,000", 2**31, "9" * 5000, "x", float("inf"), b"\xff"]
)
def test_what_is_no_quantity_or_could_be_two_is_refused(value):
    with pytest.raises(Refused):
        cells(value).quantity("it")


def test_text_loses_what_cannot_be_stored_and_says_so():
    row = cells("a\x00b\ud800\nc")
    assert row.text("it") == "ab c"
    assert len(row.notes) == 1
    assert cells("a\nb").text("it", is_prose=True) == "a\nb"


@pytest.mark.parametrize("word", ["İşçi", "ISCI", "işçi ", "Operatör", "worker"])
def test_a_word_is_known_however_it_is_spelled(word):
    row = cells(word)
    assert row.word("it", ROLES, Role.ADMIN, "why") is Role.WORKER
    assert not row.notes


def test_spelling_is_plain():
    assert spelled(" DEVAM-Ediyor ") == "devam_ediyor"


@given(ANYTHING)
def test_any_value_is_taken_or_refused_and_never_worse(value):
    for read in ("moment", "quantity", "text"):
        found = None
        with suppress(Refused):
            found = getattr(cells(value), read)("it")
        assert not isinstance(found, str) or "\x00" not in found
    assert cells(value).word("it", ROLES, Role.WORKER, "why") in Role
