"""Owns the operator's command that brings an older backend's SQLite database in."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Sheet
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console
from cloud.errors import BadRequest
from cloud.identity import service as identity
from cloud.imports import service, source
from cloud.imports.schemas import Finding, Outcome, Report
from cloud.imports.service import Told, Wanted
from cloud.spreadsheet import harmless
from cloud.values import Label

imports = typer.Typer(name="import", help="Bring in what an older system kept.", no_args_is_help=True)

# as many lines of each kind as a screen bears; the report's file has all
_LINES = 10
# of a Tally's fields, in their order
_HEADS = ("table", "in file", "brought", "already", "same", "refused", "orphans", "in PostgreSQL")


@imports.command("sqlite")
def bring_sqlite(
    file: Annotated[Path, typer.Argument(help="The older backend's database; it is only read.")],
    organization: Annotated[str, typer.Option("--organization", "-o", help="Into which; it must be there.")],
    timezone: Annotated[
        str,
        typer.Option(help="Of planned times that name none, such as Europe/Istanbul."),
    ],
    server_timezone: Annotated[
        str | None,
        typer.Option(help="Of times that the old server's clock wrote (actual_start, created_at); if not the same."),
    ] = None,
    source_name: Annotated[
        str, typer.Option("--source", help="Which older system it is, where an organization had several.")
    ] = "sqlite",
    assign_open: Annotated[
        bool,
        typer.Option("--assign-open", help="Without assignments in the file: give each open stage to every worker."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come, and keep nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Keep nothing if one row cannot be brought.")] = False,
    report_file: Annotated[
        Path | None,
        typer.Option("--report", help="Where the lines about rows go, as CSV; a new file here if absent."),
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Bring users, work orders, stages, issues and assignments of an older backend in: all that are new, or none.

    tezgah-cloud import sqlite OLD.db --organization Acme --timezone Europe/Istanbul --dry-run

    Run again, it brings what came since, and changes nothing that is here.
    """
    wanted = Wanted(
        console.checked(Label, source_name, "a source's name"),
        zone(timezone),
        zone(server_timezone or timezone),
        assign_open=assign_open,
        is_dry_run=dry_run,
        is_strict=strict,
    )
    now = datetime.now(UTC)
    # of its own for each run: a second one says less than the first
    where = report_file or Path(f"{file.stem}.{'dry-run' if dry_run else 'import'}.{now:%Y%m%dT%H%M%SZ}.csv")
    old = source.read(file)

    with _bar() as tell:

        async def work(session: AsyncSession) -> Report:
            owner = await identity.organization_named(session, organization)
            report = await service.bring(session, owner.id, old, wanted, now, tell)
            # before the commit: what is said of rows is on disk, or they are not here
            _write(where, report.findings)
            return report

        report = console.transact(work)
    if as_json:
        console.print_json(report.model_dump(mode="json"))
    else:
        _show(report, where)


def zone(name: str) -> ZoneInfo:
    """Return a time zone by its name.

    Raises:
        BadRequest: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadRequest(f"{name!r} is no time zone; one is called Europe/Istanbul.") from None


@contextmanager
def _bar() -> Iterator[Told]:
    columns = (TextColumn("{task.description:>18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = {shape.name: progress.add_task(shape.name, total=None, visible=False) for shape in source.SHAPES}

        def tell(table: str, written: int, total: int) -> None:
            progress.update(tasks[table], completed=written, total=total, visible=True)

        yield tell


def _write(where: Path, findings: Sequence[Finding]) -> None:
    if not findings:
        return
    names = list(Finding.model_fields)
    with where.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: harmless(value) for name, value in row.model_dump().items()} for row in findings)


def _show(report: Report, where: Path) -> None:
    sheet = Sheet(box=None, header_style="bold")
    for head in _HEADS:
        sheet.add_column(head, justify="left" if head == "table" else "right", no_wrap=True)
    for tally in report.tables:
        sheet.add_row(*map(str, tally.model_dump().values()))
    Console().print(sheet)
    for outcome in Outcome:
        _list(outcome, [each for each in report.findings if each.outcome is outcome])
    for line in report.left:
        console.tell(f"left: {line}")
    if report.unassigned:
        console.tell(
            f"{report.unassigned} open stages have nobody assigned: only planners and admins see them until somebody "
            "is. --assign-open gives them to every worker."
        )
    if report.findings:
        console.tell(f"All {len(report.findings)} lines are in {where}.")
    console.tell("A dry run: nothing was kept." if report.is_dry_run else "Done, and committed.")


def _list(outcome: Outcome, found: Sequence[Finding]) -> None:
    for each in found[:_LINES]:
        value = f" {each.value!r}" if each.value else ""
        here = "" if each.new_id is None else f" -> {each.new_id}"
        console.tell(
            f"{outcome}: {each.table} {each.old_id or '?'}{here} (row {each.row}): {each.column}{value} {each.reason}"
        )
    if len(found) > _LINES:
        console.tell(f"{outcome}: and {len(found) - _LINES} more")
