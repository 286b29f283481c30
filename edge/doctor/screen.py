"""How a diagnosis is shown to people; pure."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from edge.doctor.diagnosis import Diagnosis, Row, Section, Table
from edge.drivers.inspection import Alternative, Finding, Severity

_MARKS = {Severity.ERROR: ("✗", "red"), Severity.WARNING: ("!", "yellow"), Severity.NOTE: ("·", "cyan")}
# eight registers, or the beginning of a message
_RAW = 44
_QUALITIES = {"good": "green", "uncertain": "yellow", "bad": "red"}


def diagnosis(found: Diagnosis) -> RenderableType:
    """Return the whole diagnosis."""
    parts: list[RenderableType] = [
        Text(f"{found.file}: gateway {found.gateway}, tezgah-edge {found.version}", style="bold")
    ]
    for section in found.sections:
        parts.extend(("", *_section(section)))
    parts.extend(("", _verdict(found)))
    return Group(*parts)


def readings(section: Section) -> RenderableType:
    """Return the values of a section alone, and what kept them from being read."""
    tables: list[RenderableType] = [_table(table) for table in section.tables]
    told = [_finding(finding) for finding in section.sorted() if finding.severity is not Severity.NOTE or not tables]
    return Group(Text(section.name, style="bold"), *tables, *told)


def _section(section: Section) -> Iterator[RenderableType]:
    mark, style = ("✓", "green") if section.worst is None else _MARKS[section.worst]
    yield Text.assemble((f"{mark} ", style), (section.name, "bold"))
    if section.facts:
        facts = Grid.grid(padding=(0, 2))
        for label, text in section.facts:
            facts.add_row(Text(label, style="dim", no_wrap=True), Text(text, overflow="fold"))
        yield Padding(facts, (0, 0, 0, 2))
    for table in section.tables:
        yield Padding(_table(table), (0, 0, 0, 2))
        orders = _orders(table.rows)
        if orders is not None:
            yield Padding(orders, (0, 0, 0, 4))
    for finding in section.sorted():
        yield _finding(finding)


def _finding(finding: Finding) -> RenderableType:
    mark, style = _MARKS[finding.severity]
    about = f"{finding.about}: " if finding.about else ""
    text = Text.assemble((f"  {mark} ", style), (about, "bold"), finding.message)
    if finding.fix:
        text.append(f"\n    → {finding.fix}", style="italic")
    return text


def _table(table: Table) -> RenderableType:
    with_raw = any(row.raw for row in table.rows)
    with_age = any(row.age_s is not None for row in table.rows)
    with_server = any(row.server_time is not None for row in table.rows)
    heads = [table.device, *(["raw"] if with_raw else []), "value", "quality", *(["source time"] if with_age else [])]
    heads += ["server time"] if with_server else []
    grid = Grid(*heads, box=None, pad_edge=False, header_style="bold")
    for row in table.rows:
        value = " ".join(filter(None, (row.value, row.unit if row.value else "")))
        if row.decoded and row.decoded != row.value and row.quality != "bad":
            value = f"{value}  (raw {row.decoded})" if value else f"(raw {row.decoded})"
        quality = Text(row.quality, style=_QUALITIES.get(row.quality, ""))
        if row.code:
            quality.append(f" {row.code}", style="dim")
        cells: list[RenderableType] = [Text(f"  {row.tag}")]
        cells += [Text(_short(row.raw))] if with_raw else []
        cells += [Text(value), quality]
        cells += [Text(age(row.age_s))] if with_age else []
        cells += [Text(row.server_time or "")] if with_server else []
        grid.add_row(*cells)
    return grid


def _orders(rows: Sequence[Row]) -> RenderableType | None:
    """Return all byte orders side by side; the configured one in brackets, a plausible one with a star."""
    told = [row for row in rows if row.alternatives]
    if not told:
        return None
    labels = list(dict.fromkeys(alternative.label for row in told for alternative in row.alternatives))
    grid = Grid("byte orders", *labels, box=None, pad_edge=False, header_style="dim")
    for row in told:
        by_label = {alternative.label: alternative for alternative in row.alternatives}
        grid.add_row(Text(row.tag), *(_alternative(by_label.get(label)) for label in labels))
    return Group(grid, Text("[configured]  * plausible", style="dim"))


def _alternative(alternative: Alternative | None) -> Text:
    if alternative is None:
        return Text("-", style="dim")
    words = f"[{alternative.value}]" if alternative.is_configured else alternative.value
    style = "green" if alternative.is_plausible else "red" if alternative.is_configured else ""
    return Text(f"{words} *" if alternative.is_plausible else words, style=style)


def _short(raw: str) -> str:
    """Cut what a source sent: words fit, a message with many fields does not; --json has all of it."""
    return raw if len(raw) <= _RAW else f"{raw[:_RAW]}.."


def age(seconds: float | None) -> str:
    """Write how old something is, or how far ahead."""
    if seconds is None:
        return ""
    size, side = abs(seconds), "ago" if seconds >= 0 else "ahead"
    if size < 0.1:
        return "now"
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if size < limit:
            return f"{size / unit:.1f} {name} {side}"
    return f"{size / 86400:.0f} days {side}"


def _verdict(found: Diagnosis) -> Text:
    counts = [(found.count(severity), severity) for severity in Severity]
    words = ", ".join(f"{count} {severity}{'s' if count != 1 else ''}" for count, severity in reversed(counts) if count)
    if found.is_sound:
        return Text(
            f"nothing stands in the way{f' ({words})' if words else ''}; it took {found.took_s:.1f} s", style="green"
        )
    return Text(f"{words}; the worst are marked ✗, each with its fix; it took {found.took_s:.1f} s", style="red")
