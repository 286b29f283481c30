"""Owns the operator's command that brings a job log in."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Sheet

from cloud import console
from cloud.db import Database
from cloud.identity import service as identity
from cloud.imports import cli
from cloud.imports.joblog import mapping, service, source
from cloud.imports.joblog.schemas import Finding, Outcome, Verdict
from cloud.imports.joblog.service import Said, Told, Wanted
from cloud.spreadsheet import harmless
from cloud.values import Label

# as many lines of each kind as a screen bears; the report's file has all
_LINES = 5


def bring_joblog(
    where: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="mysql://user@host/database, mariadb://.., or a CSV file. It is only read."
        ),
    ],
    organization: Annotated[str, typer.Option("--organization", "-o", help="Into which; it must be there.")],
    timezone: Annotated[str, typer.Option(help="Of its times, such as Europe/Istanbul.")],
    mapping_file: Annotated[
        Path | None, typer.Option("--mapping", help="TOML: which column means what, where it is not CIMCO's.")
    ] = None,
    source_name: Annotated[
        str, typer.Option("--source", help="What the job log is called here, where there are several.")
    ] = "joblog",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come, and keep nothing.")] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Where the lines about rows go, as CSV; a new file here if absent.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Bring in a job log: CIMCO MDC's table joblog_ob in MySQL or MariaDB, or a CSV file of it.

    tezgah-cloud import joblog mysql://reader@erp/mdc -o Acme --timezone Europe/Istanbul --dry-run

    The password comes with the address or in TEZGAH_JOBLOG_PASSWORD. Machines, operators, jobs and parts that are not
    here yet are added. A thousand rows are kept at a time: stopped and run again, it goes on; run again later, it
    brings what is new or was changed.
    """
    how = mapping.read(mapping_file)
    name: str = console.checked(Label, source_name, "a source's name")
    wanted = Wanted(name, cli.zone(timezone), how.state_words(), is_dry_run=dry_run)
    now = datetime.now(UTC)
    kind = "dry-run" if dry_run else "import"
    report = report_file or Path(f"{name}.{kind}.{now:%Y%m%dT%H%M%SZ}.csv")
    lines = _Lines()
    with source.opened(where, how) as opened, _bar() as tell, _written(report, lines) as say:

        async def work(database: Database) -> Verdict:
            async with database.transaction() as session:
                owner = await identity.organization_named(session, organization)
            return await service.bring(database, owner.id, opened, wanted, now, tell, say)

        verdict = console.run(work)
    if as_json:
        console.print_json(verdict.model_dump(mode="json"))
    else:
        _show(verdict, lines, report)


class _Lines:
    """The first lines of each kind, and how many there are."""

    def __init__(self) -> None:
        self.first: dict[Outcome, list[Finding]] = {outcome: [] for outcome in Outcome}
        self.total = 0

    def add(self, finding: Finding) -> None:
        """Count a line, and keep it if it is among the first."""
        self.total += 1
        if len(self.first[finding.outcome]) < _LINES:
            self.first[finding.outcome].append(finding)


@contextmanager
def _bar() -> Iterator[Told]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("rows", total=None)

        def tell(done: int, total: int | None) -> None:
            progress.update(task, completed=done, total=total)

        yield tell


@contextmanager
def _written(report: Path, lines: _Lines) -> Iterator[Said]:
    # by line: what is said of a row is on disk before the row is kept
    with report.open("w", encoding="utf-8", newline="", buffering=1) as file:
        writer = csv.DictWriter(file, list(Finding.model_fields))
        writer.writeheader()

        def say(finding: Finding) -> None:
            lines.add(finding)
            row: dict[str, Any] = finding.model_dump(mode="json")
            writer.writerow({name: harmless(value) for name, value in row.items()})

        yield say


def _show(verdict: Verdict, lines: _Lines, report: Path) -> None:
    sheet = Sheet(box=None, show_header=False)
    sheet.add_column("what", no_wrap=True)
    sheet.add_column("count", justify="right", no_wrap=True)
    for name, value in verdict.model_dump(exclude={"source", "is_dry_run", "reasons"}).items():
        sheet.add_row(name, f"{value:,.0f}")
    Console().print(sheet)
    for reason, times in verdict.reasons.items():
        console.tell(f"{times:>7} x {reason}")
    for found in lines.first.values():
        for each in found:
            value = f" {each.value!r}" if each.value else ""
            console.tell(f"{each.outcome}: row {each.row} (id {each.id or '?'}): {each.column}{value} {each.reason}")
    console.tell(f"All {lines.total} lines are in {report}.")
    console.tell("A dry run: nothing was kept." if verdict.is_dry_run else "Done, and committed.")
