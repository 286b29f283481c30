"""How numbers are written."""

from datetime import date

import pytest

from cloud.languages import Language
from cloud.reports.sheet import Kind, plain, written


@pytest.mark.parametrize(
    ("cell", "kind", "turkish", "english"),
    [
        (0.8142, Kind.RATIO, "% 81,4", "81.4 %"),
        (1234567, Kind.COUNT, "1.234.567", "1,234,567"),
        (1234.56, Kind.SECONDS, "1.234,6", "1,234.6"),
        (-0.5, Kind.SECONDS, "-0,5", "-0.5"),
        (date(2026, 3, 2), Kind.DAY, "02.03.2026", "2026-03-02"),
        (None, Kind.RATIO, "–", "–"),
        ("Işık", Kind.TEXT, "Işık", "Işık"),
    ],
)
def test_people_read_their_own_marks(cell, kind, turkish, english):
    assert written(cell, kind, Language.TURKISH) == turkish
    assert written(cell, kind, Language.ENGLISH) == english


def test_programs_read_a_decimal_mark_and_no_others():
    assert plain(1234567.5, Language.TURKISH) == "1234567,5"
    assert plain(1234567.5, Language.ENGLISH) == "1234567.5"
    assert plain(0.1 + 0.2, Language.ENGLISH) == "0.3"
    assert plain(None, Language.TURKISH) == ""
