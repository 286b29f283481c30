"""Owns reports as an Excel workbook."""

import io
from datetime import date

import xlsxwriter  # type: ignore[import-untyped]

from cloud.languages import Language
from cloud.reports.sheet import Kind, Sheet

# numbers are kept whole, and shown by the reader's own marks
_FORMATS = {Kind.RATIO: "0.0%", Kind.COUNT: "#,##0", Kind.SECONDS: "#,##0.0", Kind.DAY: "yyyy-mm-dd", Kind.TEXT: "@"}
_WIDTH = 16


def as_xlsx(sheet: Sheet, language: Language) -> bytes:
    """Return a report as a workbook: the figures, and what must be known to read them. No cell is a formula."""
    content = io.BytesIO()
    # the library would make formulas and links of texts that look like them
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(content, options) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        formats = {kind: book.add_format({"num_format": shape}) for kind, shape in _FORMATS.items()}
        page = book.add_worksheet("Rapor" if language is Language.TURKISH else "Report")
        page.freeze_panes(1, 0)
        for place, column in enumerate(sheet.columns):
            page.set_column(place, place, _WIDTH)
            page.write_string(0, place, column.head.said(language), bold)
        for line, row in enumerate(sheet.rows, 1):
            for place, (cell, column) in enumerate(zip(row, sheet.columns, strict=True)):
                match cell:
                    case None:
                        page.write_blank(line, place, None)
                    case str():
                        page.write_string(line, place, cell, formats[Kind.TEXT])
                    case date():
                        page.write_datetime(line, place, cell, formats[Kind.DAY])
                    case _:
                        page.write_number(line, place, cell, formats[column.kind])
        if sheet.rows:
            page.autofilter(0, 0, len(sheet.rows), len(sheet.columns) - 1)
        about = book.add_worksheet("Hakkında" if language is Language.TURKISH else "About")
        about.set_column(0, 1, 2 * _WIDTH)
        for line, (label, value) in enumerate(sheet.about):
            about.write_string(line, 0, label.said(language), bold)
            about.write_string(line, 1, value)
    return content.getvalue()
