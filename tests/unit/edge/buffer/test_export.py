"""Readings as rows: what a person opens in a spreadsheet, and what a program reads line by line."""

import csv
import json
import math
from uuid import UUID

import pytest

from edge.buffer.export import COLUMNS, Format, head, lines
from shared.reading import Readings, from_rows
from shared.wire import batch as wire
from tests.fakes.readings import TAGS

NOW_US = 1_800_000_000_000_001


def exported(readings: Readings, form: Format) -> list[dict[str, object]]:
    """Return the rows as whoever reads them has them."""
    batch = wire.decode(wire.encode(wire.BatchId("hall-2", UUID(int=1), 1), NOW_US, TAGS, readings, []))
    text = head(form) + "".join(lines(batch, form))
    if form is Format.JSONL:
        return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]
    return [dict(row) for row in csv.DictReader(text.splitlines())]


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_empty_in_every_form(form: Format, value: float) -> None:
    (row,) = exported(from_rows([0], [NOW_US], NOW_US, [value]), form)
    assert row["value"] == ("" if form is Format.CSV else None)
    assert list(row) == list(COLUMNS)


@pytest.mark.parametrize("form", Format)
def test_a_row_bears_both_times_to_the_microsecond_and_its_tag(form: Format) -> None:
    (row,) = exported(from_rows([1], [NOW_US], NOW_US + 5, [2.5]), form)
    assert (row["time"], row["received"]) == ("2027-01-15T08:00:00.000001Z", "2027-01-15T08:00:00.000006Z")
    assert (row["device"], row["tag"], float(str(row["value"]))) == (TAGS[1].device, TAGS[1].name, 2.5)
    assert row["quality"] == "good"
