"""Cells of a plant's exports: what each may be, and what is said of one that is not."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cloud.errors import BadRequest
from cloud.predictions.exports import Kinds, Reader, quoted
from cloud.predictions.history import HOUR


@pytest.fixture
def reader():
    codes = {"16": "PRESS-3"}
    return Reader(Path(), ZoneInfo("Europe/Berlin"), lambda *_: None, codes, datetime(2026, 12, 1, tzinfo=UTC))


def us(*words):
    return int(datetime(*words, tzinfo=UTC).timestamp()) * 1_000_000


def test_a_machine_of_numbers_with_decimals_is_the_same_and_no_other_is(reader):
    assert [reader.machine(each) for each in ("7", "7.0", "V2", "V2.0", "16.0", "PRESS-3")] == [0, 0, 1, 2, 3, 3]
    assert list(reader.machines) == ["7", "V2", "V2.0", "PRESS-3"]


@pytest.mark.parametrize("name", ["x" * 65, "P\x00", "P\n1"], ids=["long", "nul", "line"])
def test_a_name_that_can_be_no_code_is_refused_in_its_row(reader, name):
    with pytest.raises(ValueError, match=r"cannot be a machine's code.*say in \[codes\]"):
        reader.machine(name)
    assert reader.machines == {}


def test_times_of_the_place_are_taken_in_its_zone(reader):
    assert reader.time("2026-03-01 06:30:00") == us(2026, 3, 1, 5, 30)
    assert reader.time("2026-07-01T06:30:00") == us(2026, 7, 1, 4, 30)
    assert reader.time("2026-07-01T06:30:00+03:00") == us(2026, 7, 1, 3, 30)
    # of the hour that comes twice the first; who writes offsets has both
    first, second = us(2026, 10, 25, 0, 30), us(2026, 10, 25, 1, 30)
    assert reader.time("2026-10-25 02:30") == reader.time("2026-10-25 02:30+02:00") == first == second - HOUR
    assert reader.time("2026-10-25 02:30+01:00") == second


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "'' is no time"),
        ("01.02.2026 06:30", "is no time; one is 2026-03-01 06:30:00"),
        ("NaN", "'NaN' is no time"),
        ("1999-12-31", "is not between 2000 and 2100"),
        ("2026-12-02", "is still to come"),
        ("2026-03-29 02:30", "was skipped by the clocks of Europe/Berlin; write times with their offset, or say"),
    ],
)
def test_what_is_no_time_says_what_would_be_one(reader, text, why):
    with pytest.raises(ValueError, match=why):
        reader.time(text)


def test_a_kind_is_a_word(reader):
    kinds = Kinds("stop", "stops.csv")
    assert [kinds.place(each) for each in ("mech", "", "mech", "motor arızası")] == [0, 1, 0, 2]
    for word, why in (("x" * 201, "has 201 characters"), ("a\x00b", r"U\+0000"), ("a\nb", r"U\+000A")):
        with pytest.raises(ValueError, match=why):
            kinds.place(word)
    assert kinds.names == ("mech", "stop", "motor arızası")
    for number in range(997):
        kinds.place(f"w{number}")
    with pytest.raises(BadRequest, match=r"stops\.csv has more than 1,000 kinds, 'w997' the last; let `kind` name"):
        kinds.place("w997")


def test_a_cell_is_shown_within_quotes_and_not_at_any_length():
    assert quoted("it's") == "'it\u2019s'"
    assert quoted("\x1b[31m") == r"'\x1b[31m'"
    assert len(quoted("x" * 10_000)) == 65


def test_numbers_with_a_decimal_comma_are_taken_where_commas_part_no_cells(tmp_path):
    def values(content):
        (tmp_path / "a.csv").write_text(content)
        reader = Reader(tmp_path, ZoneInfo("UTC"), lambda *_: None, {}, None)
        found = list(reader.taken("work", "a.csv", ["n"], lambda cells: reader.number(cells[0])))
        return found, [each.reason for each in reader.verdict.refused]

    assert values("m;n\nP;3,5\nP;3.5\nP;1.000,5\n") == ([3.5, 3.5], ["'1.000,5' is no number"])
    assert values('m,n\nP,"3,500"\nP,3.5\n') == ([3.5], ["'3,500' is no number"])
