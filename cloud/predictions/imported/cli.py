"""Owns the operator's command that brings a plant's past in from its own logs."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table as Sheet
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import console, tomlfile
from cloud.errors import BadRequest
from cloud.identity import service as identity
from cloud.predictions.exports import Refused, Tell
from cloud.predictions.files import read_history
from cloud.predictions.imported import bringing
from cloud.predictions.imported.schemas import HistoryVerdict
from cloud.predictions.mapping import Mapping
from cloud.spreadsheet import harmless

# as many as a screen bears; the report's file has all
_LINES = 10
_HEADS = ("table", "file", "read", "imported", "already here", "passed over", "refused", "changed")


def bring_history(
    directory: Annotated[Path, typer.Argument(help="Where the plant's exports are: CSV, also compressed (.gz).")],
    organization: Annotated[str, typer.Option("--organization", "-o", help="Into which; it must be there.")],
    mapping: Annotated[Path, typer.Option(help="A TOML file that says where in them things stand.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would come, and keep nothing.")] = False,
    report_file: Annotated[
        Path | None, typer.Option("--report", help="Where the refused rows go, as CSV; a new file here if absent.")
    ] = None,
    as_json: console.AsJson = False,
) -> None:
    """Bring in a plant's past, for predictions: stops, alarms, maintenance, hourly counts and telemetry.

    tezgah-cloud import history exports/ -o Acme --mapping mapping.toml --dry-run

    The mapping is that of `tezgah-cloud predictions judge`. Machines that are not here yet are added. All comes, or
    nothing does; run again, it brings what is new. What is here is never changed.
    """
    how = tomlfile.read(mapping, Mapping)
    if how.jobs is not None:
        raise BadRequest(f"{mapping}: a job log is brought by `tezgah-cloud import joblog`; leave [jobs] out.")
    now = datetime.now(UTC)
    name = directory.resolve().name or "history"
    report = report_file or Path(f"{name}.{'dry-run' if dry_run else 'import'}.{now:%Y%m%dT%H%M%SZ}.csv")
    # a year takes half a minute to read: a name that is wrong is said before
    owner = console.transact(lambda session: identity.organization_named(session, organization))
    with _progress() as tell:
        history, told = read_history(directory, how, lambda table, rows: tell(f"{table}: read", rows), now)

        async def work(session: AsyncSession) -> HistoryVerdict:
            verdict = await bringing.bring(
                session,
                owner.id,
                name,
                (history, told),
                lambda table, rows: tell(f"{table}: written", rows),
                is_dry_run=dry_run,
            )
            # before the commit: what is said of rows is on disk, or nothing is here
            _write(report, told.refused)
            return verdict

        verdict = console.transact(work)
    if as_json:
        console.print_json(verdict.model_dump(mode="json"))
    else:
        _show(verdict, told.refused, report, ZoneInfo(how.timezone))
        if how.shift_hours:
            console.tell(
                "`shift_hours` are not brought: models know the shifts that the organization tells, "
                'see "Shifts and the clock of the site" in docs/predictions.md.'
            )


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda what, rows: bar.update(task, description=f"{what} {rows:,} rows")


def _write(report: Path, refused: Sequence[Refused]) -> None:
    if not refused:
        return
    try:
        with report.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "line", "reason"))
            writer.writerows((each.file, each.line, harmless(each.reason)) for each in refused)
    except OSError as error:
        raise BadRequest(
            f"{report} cannot be written: {error.strerror or error}. Say another one by --report."
        ) from error


def _show(verdict: HistoryVerdict, refused: Sequence[Refused], report: Path, zone: ZoneInfo) -> None:
    sheet = Sheet(box=None, header_style="bold")
    for head in _HEADS:
        sheet.add_column(head, justify="left" if head in {"table", "file"} else "right", overflow="fold")
    for each in verdict.tables:
        sheet.add_row(*(f"{value:,}" if isinstance(value, int) else str(value) for value in each.model_dump().values()))
    Console().print(sheet)
    for reason, times in verdict.reasons.items():
        console.tell(f"{times:>7} x {reason}")
    for row in refused[:_LINES]:
        console.tell(f"refused: {row.file}:{row.line}: {row.reason}")
    if refused:
        console.tell(f"All {len(refused)} refused rows are in {report}.")
    if any(each.changed for each in verdict.tables):
        console.tell("Rows that are here with another content were left as they are.")
    if verdict.from_at is not None and verdict.to_at is not None:
        first, last = (f"{each.astimezone(zone):%Y-%m-%d %H:%M}" for each in (verdict.from_at, verdict.to_at))
        console.tell(
            f"{verdict.machines} machines ({verdict.machines_added} new), {verdict.unplanned_stops} unplanned stops, "
            f"from {first} to {last} ({zone.key})."
        )
    if verdict.is_dry_run:
        console.tell("A dry run: nothing was kept.")
    else:
        console.tell("Done, and committed." if verdict.is_new else "Nothing in it is new: nothing was written.")
