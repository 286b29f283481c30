"""Owns reports as CSV and JSON."""

import csv
import io
from datetime import date

import orjson

from cloud.languages import Language
from cloud.reports.sheet import Sheet, plain
from cloud.spreadsheet import harmless

# Excel takes UTF-8 for what it is only with it
_MARK = "\ufeff"


def as_csv(sheet: Sheet, language: Language) -> bytes:
    """Return a report as CSV: in Turkish with semicolons and decimal commas, as spreadsheets there read it.

    No cell is a formula, whatever an operator or a part is called.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";" if language is Language.TURKISH else ",")
    writer.writerow([harmless(column.head.said(language)) for column in sheet.columns])
    for row in sheet.rows:
        # only text can be a formula: a number below 0 begins with a sign too
        writer.writerow([harmless(cell) if isinstance(cell, str) else plain(cell, language) for cell in row])
    return (_MARK + text.getvalue()).encode()


def as_json(sheet: Sheet, language: Language) -> bytes:
    """Return a report as JSON: rows as objects, by the columns' names; numbers are numbers."""
    names = [column.name for column in sheet.columns]
    content = {
        "title": sheet.title.said(language),
        "about": {label.en: value for label, value in sheet.about},
        "columns": [
            {"name": column.name, "head": column.head.said(language), "kind": column.kind} for column in sheet.columns
        ],
        "rows": [
            {name: cell.isoformat() if isinstance(cell, date) else cell for name, cell in zip(names, row, strict=True)}
            for row in sheet.rows
        ],
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"
