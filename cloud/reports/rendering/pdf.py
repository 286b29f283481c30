"""Owns reports as PDF: what must be known to read it, a plot of each figure, and the table."""

import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from reportlab.graphics.charts.barcharts import VerticalBarChart
from reportlab.graphics.charts.linecharts import HorizontalLineChart
from reportlab.graphics.shapes import Drawing, String
from reportlab.graphics.widgets.markers import makeMarker
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import LongTable, Paragraph, SimpleDocTemplate, Spacer, TableStyle

from cloud.languages import Language
from cloud.reports.sheet import Cell, Column, Kind, Sheet, written

# comes with the library, and has ı, ğ and ş
_FONT, _BOLD = "Vera", "VeraBd"
_KEYS = frozenset({Kind.TEXT, Kind.DAY})
# more bars than this are a comb; a plot shows the first, and says so
_MOST_POINTS = 60
_MOST_PLOTS = 6
_BLUE = colors.HexColor("#1f5f8b")


def as_pdf(sheet: Sheet, language: Language) -> bytes:
    """Return a report as PDF, A4 across."""
    _register()
    content = io.BytesIO()
    page = SimpleDocTemplate(
        content,
        pagesize=landscape(A4),
        title=sheet.title.said(language),
        author="Tezgah",
        lang=language.value,
        leftMargin=15 * mm,
        rightMargin=15 * mm,
        topMargin=15 * mm,
        bottomMargin=15 * mm,
    )
    head = ParagraphStyle("head", fontName=_BOLD, fontSize=16, leading=22)
    small = ParagraphStyle("small", fontName=_FONT, fontSize=8, leading=11)
    story: list[Any] = [Paragraph(_escaped(sheet.title.said(language)), head)]
    story += [Paragraph(_escaped(f"{label.said(language)}: {value}"), small) for label, value in sheet.about]
    story.append(Spacer(1, 6 * mm))
    for drawing in _plots(sheet, language):
        story += [drawing, Spacer(1, 4 * mm)]
    story.append(_table(sheet, language, page.width))
    page.build(story, onFirstPage=_numbered, onLaterPages=_numbered)
    return content.getvalue()


@cache
def _register() -> None:
    for name in (_FONT, _BOLD):
        pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))


def _plots(sheet: Sheet, language: Language) -> Iterator[Drawing]:
    keys = [place for place, column in enumerate(sheet.columns) if column.kind in _KEYS]
    figures = [place for place, column in enumerate(sheet.columns) if column.kind not in _KEYS]
    over_time = bool(keys) and sheet.columns[keys[0]].kind is Kind.DAY and len(keys) == 1
    rows = sheet.rows[:_MOST_POINTS]
    if not keys or not rows:
        return
    labels = [" / ".join(written(row[place], sheet.columns[place].kind, language) for place in keys) for row in rows]
    for place in figures[:_MOST_PLOTS]:
        values = [_value(row[place]) for row in rows]
        if any(value is not None for value in values):
            yield _plot(sheet.columns[place], labels, values, language, over_time=over_time)


def _plot(
    column: Column, labels: Sequence[str], values: Sequence[float | None], language: Language, *, over_time: bool
) -> Drawing:
    drawing = Drawing(265 * mm, 62 * mm)
    chart: Any = HorizontalLineChart() if over_time else VerticalBarChart()
    chart.x, chart.y, chart.width, chart.height = 22 * mm, 16 * mm, 238 * mm, 38 * mm
    # what cannot be said is a hole in a line, and no bar
    chart.data = _unbroken(values) if over_time else [tuple(value or 0.0 for value in values)]
    chart.categoryAxis.categoryNames = list(labels)
    axis, names = chart.valueAxis, chart.categoryAxis.labels
    axis.valueMin = min(0.0, *(value for value in values if value is not None))
    axis.labelTextFormat = lambda value: written(value, column.kind, language)
    axis.labels.fontName = names.fontName = _FONT
    axis.labels.fontSize = names.fontSize = 6
    names.angle, names.boxAnchor, names.dy = 40, "ne", -2
    if over_time:
        for number in range(len(chart.data)):
            chart.lines[number].strokeColor = _BLUE
            chart.lines[number].strokeWidth = 1.2
            # a day alone has no line
            chart.lines[number].symbol = makeMarker("FilledCircle", size=2.5)  # type: ignore[no-untyped-call]
    else:
        chart.bars[0].fillColor = _BLUE
        chart.bars[0].strokeColor = None
    drawing.add(chart)
    drawing.add(String(22 * mm, 57 * mm, column.head.said(language), fontName=_BOLD, fontSize=9))
    return drawing


def _unbroken(values: Sequence[float | None]) -> list[tuple[float | None, ...]]:
    """Return the stretches without a hole, each as long as all: the library would draw on across one."""
    found: list[list[float | None]] = []
    before = None
    for place, value in enumerate(values):
        if value is not None:
            if before is None:
                found.append([None] * len(values))
            found[-1][place] = value
        before = value
    return [tuple(stretch) for stretch in found]


def _table(sheet: Sheet, language: Language, width: float) -> LongTable:
    size = 7 if len(sheet.columns) <= 12 else 5.5
    style = ParagraphStyle("cell", fontName=_FONT, fontSize=size, leading=size * 1.3)
    head = [Paragraph(_escaped(column.head.said(language)), style) for column in sheet.columns]
    body = [
        [
            Paragraph(_escaped(written(cell, column.kind, language)), style)
            if column.kind is Kind.TEXT
            else written(cell, column.kind, language)
            for cell, column in zip(row, sheet.columns, strict=True)
        ]
        for row in sheet.rows
    ]
    table = LongTable([head, *body], repeatRows=1, colWidths=[width / len(sheet.columns)] * len(sheet.columns))
    numbers = [place for place, column in enumerate(sheet.columns) if column.kind not in _KEYS]
    table.setStyle(
        TableStyle(
            [
                ("FONT", (0, 0), (-1, -1), _FONT, size),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, _BLUE),
                ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.lightgrey),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                *[("ALIGN", (place, 1), (place, -1), "RIGHT") for place in numbers],
            ]
        )
    )
    return table


def _value(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _escaped(text: str) -> str:
    # the library reads a paragraph as markup
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _numbered(canvas: Any, page: Any) -> None:
    canvas.setFont(_FONT, 7)
    canvas.drawRightString(page.pagesize[0] - 15 * mm, 8 * mm, str(canvas.getPageNumber()))
