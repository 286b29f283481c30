"""A report in each of its formats, read back by others' programs."""

import csv
import io
import json
from datetime import date

import openpyxl
import pypdf
import pytest

from cloud.languages import Language, Message
from cloud.reports.rendering.pdf import as_pdf
from cloud.reports.rendering.text import as_csv, as_json
from cloud.reports.rendering.workbook import as_xlsx
from cloud.reports.sheet import Column, Kind, Sheet

HOSTILE = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "<b>Şişe & Kapak</b>", 'a;"b",c']
COLUMNS = [
    Column("part", Message("Part", "Parça"), Kind.TEXT),
    Column("day", Message("Day", "Gün"), Kind.DAY),
    Column("availability", Message("Availability", "Kullanılabilirlik"), Kind.RATIO),
    Column("parts_produced", Message("Parts", "Parçalar"), Kind.COUNT),
    Column("apt_s", Message("Time", "Süre"), Kind.SECONDS),
]
ROWS = [[name, date(2026, 3, 2), 0.8125, 1234, -1234.5] for name in HOSTILE]
SHEET = Sheet(
    Message("Production report", "Üretim raporu"),
    [(Message("Policy", "Hesap kuralı"), "iso22400")],
    COLUMNS,
    [*ROWS, [None, date(2026, 3, 3), None, 0, 0.0]],
)


def test_a_csv_holds_no_formula_and_is_read_as_it_was_in_both_languages():
    for language, mark, delimiter in ((Language.TURKISH, ",", ";"), (Language.ENGLISH, ".", ",")):
        content = as_csv(SHEET, language).decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(content), delimiter=delimiter))
        assert len(rows) == len(SHEET.rows) + 1
        for hostile, row in zip(HOSTILE, rows[1:], strict=False):
            assert row[0].lstrip("'") == hostile
            assert row[0][0] not in "=+-@"
            # a number below 0 stays one
            assert row[4] == f"-1234{mark}5"
        assert rows[-1] == ["", "2026-03-03", "", "0", "0"]


def test_a_workbook_holds_numbers_as_numbers_and_texts_as_texts():
    book = openpyxl.load_workbook(io.BytesIO(as_xlsx(SHEET, Language.TURKISH)))
    page = book["Rapor"]
    assert [cell.value for cell in page[1]] == ["Parça", "Gün", "Kullanılabilirlik", "Parçalar", "Süre"]
    for hostile, row in zip(HOSTILE, page.iter_rows(min_row=2), strict=False):
        assert (row[0].value, row[0].data_type) == (hostile, "s")
        assert row[1].value.date() == date(2026, 3, 2)
        assert [cell.value for cell in row[2:]] == [0.8125, 1234, -1234.5]
        assert row[2].number_format == "0.0%"
    assert book["Hakkında"]["B1"].value == "iso22400"


def test_json_holds_rows_by_name():
    content = json.loads(as_json(SHEET, Language.ENGLISH))
    assert content["rows"][0] == {
        "part": HOSTILE[0],
        "day": "2026-03-02",
        "availability": 0.8125,
        "parts_produced": 1234,
        "apt_s": -1234.5,
    }
    assert content["about"] == {"Policy": "iso22400"}


def test_a_pdf_shows_turkish_letters_numbers_and_markup_as_text():
    read = pypdf.PdfReader(io.BytesIO(as_pdf(SHEET, Language.TURKISH)))
    text = "".join(page.extract_text() for page in read.pages)
    assert "Üretim raporu" in text
    assert "Kullanılabilirlik" in text
    assert "<b>Şişe & Kapak</b>" in text
    assert "% 81,2" in text
    assert "1.234" in text


@pytest.mark.parametrize("render", [as_csv, as_json, as_xlsx, as_pdf])
@pytest.mark.parametrize("rows", [[], [[None] * 5]], ids=["none", "empty"])
def test_a_report_of_nothing_is_a_report(render, rows):
    assert render(Sheet(SHEET.title, [], COLUMNS, rows), Language.ENGLISH)


def test_a_long_pdf_has_its_head_on_each_page_and_plots_only_what_can_be_read():
    many = [[f"P-{n}", date(2026, 3, 2), 0.5, n, float(n)] for n in range(400)]
    read = pypdf.PdfReader(io.BytesIO(as_pdf(Sheet(SHEET.title, [], COLUMNS, many), Language.ENGLISH)))
    assert len(read.pages) > 5
    assert "P-399" in read.pages[-1].extract_text()
    assert "Availability" in read.pages[-1].extract_text()
