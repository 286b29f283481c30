"""Owns how a command of `tezgah-cloud` runs: over which database, in one transaction, and how it answers.

A slice's `cli` module holds its commands; each hands its use case to `transact` and the result to `show`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as Sheet
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import health
from cloud.db import Database
from cloud.errors import BadRequest, Invalid
from cloud.loop import new_event_loop
from cloud.settings import DatabaseSettings

T = TypeVar("T")
# wider than any row is
_ANY_WIDTH = 100_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]


def transact(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    """Run one use case in a transaction on the configured database, and return its result.

    Raises:
        SettingsInvalid: The environment is wrong.
        DatabaseUnavailable: The database does not answer.
        SchemaMismatch: It is not at this version's schema.
    """
    settings = DatabaseSettings.from_environment()
    settings.configure_logs("WARNING")
    with server(settings) as url, asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_transacted(url, settings.database_timeout_s, work))


def run(work: Callable[[Database], Awaitable[T]]) -> T:
    """Run a use case that keeps transactions of its own on the configured database, and return its result.

    Raises:
        As `transact`.
    """
    settings = DatabaseSettings.from_environment()
    settings.configure_logs("WARNING")
    with server(settings) as url, asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_with_database(url, settings.database_timeout_s, work))


@contextmanager
def server(settings: DatabaseSettings, *, is_kept: bool = False) -> Iterator[str]:
    """Give the configured database's URL, starting the embedded server if none is configured.

    Args:
        settings: Say which.
        is_kept: Start the embedded server again if it dies.
    """
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    # imported here, for it unpacks what a service with a database of its own never needs
    from cloud.postgres import embedded  # noqa: PLC0415

    with embedded(settings.data_dir, is_kept=is_kept) as url:
        yield url


async def _transacted(url: str, timeout_s: float, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def in_one(database: Database) -> T:
        async with database.transaction() as session:
            return await work(session)

    return await _with_database(url, timeout_s, in_one)


async def _with_database(url: str, timeout_s: float, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(url, pool_size=1, overflow=0, timeout_s=timeout_s)
    try:
        await health.revision(database)
        return await work(database)
    finally:
        await database.close()


def checked(kind: Any, value: object, name: str) -> Any:
    """Return an argument as one of the API's types.

    Raises:
        Invalid: It is not one; says why.
    """
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        reasons = "; ".join(each["msg"].removeprefix("Value error, ") for each in error.errors(include_input=False))
        raise Invalid(f"{value!r} cannot be {name}. {reasons}.") from None


def show(found: BaseModel | Sequence[BaseModel], *, as_json: bool) -> None:
    """Print what a command found: as a table, record by record where one is too wide to be read, or as JSON."""
    if as_json:
        content = found.model_dump(mode="json") if isinstance(found, BaseModel) else [_plain(row) for row in found]
        print_json(content)
        return
    rows = [found] if isinstance(found, BaseModel) else list(found)
    if not rows:
        Console(stderr=True).print("There are none yet.")
        return
    # columns in which no row says anything would only push the others off the screen
    names = [name for name in type(rows[0]).model_fields if any(getattr(row, name) is not None for row in rows)]
    cells = [[_shown(getattr(row, name)) for name in names] for row in rows]
    console = Console()
    sheet = _sheet(names, cells)
    if Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), sheet).maximum <= console.width:
        console.print(sheet)
        return
    for place, row_cells in enumerate(cells):
        if place:
            console.print()
        console.print(_record(names, row_cells))


def _sheet(names: Sequence[str], cells: Sequence[Sequence[str]]) -> Sheet:
    sheet = Sheet(box=None, header_style="bold", pad_edge=False)
    for name in names:
        # an id that is cut off is of no use
        sheet.add_column(name, no_wrap=True)
    for row in cells:
        sheet.add_row(*row)
    return sheet


def _record(names: Sequence[str], cells: Sequence[str]) -> Sheet:
    sheet = Sheet(box=None, show_header=False, pad_edge=False)
    sheet.add_column(style="bold", no_wrap=True)
    sheet.add_column(overflow="fold")
    for name, cell in zip(names, cells, strict=True):
        if cell:
            sheet.add_row(name, cell)
    return sheet


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
        case dict():
            return ", ".join(f"{name} {inner}" for name, inner in value.items())
        case _:
            return str(value)


def print_json(content: object) -> None:
    """Print JSON on standard output, in UTF-8 whatever the terminal is."""
    sys.stdout.buffer.write(json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n")
    sys.stdout.buffer.flush()


def tell(message: str) -> None:
    """Say something to the person at the terminal; standard output is for results."""
    Console(stderr=True).print(message, highlight=False, soft_wrap=True, markup=False)


def tell_error(message: str) -> None:
    """Say what went wrong."""
    Console(stderr=True).print(f"[red]error:[/] {escape(message)}", highlight=False, soft_wrap=True)


def ask_password(*, from_stdin: bool) -> str:
    """Return a new password, asked twice at the terminal or read as one line; never from the arguments.

    Arguments are seen by every user of the machine, and kept in the shell's history.

    Raises:
        BadRequest: There is none on standard input, or the two differ.
    """
    if from_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise BadRequest("There is no password on standard input.")
        return password
    if not sys.stdin.isatty():
        raise BadRequest("There is no terminal to ask for the password; give --password-stdin and write it there.")
    password = typer.prompt("Password", hide_input=True)
    if typer.prompt("Again", hide_input=True) != password:
        raise BadRequest("The two passwords differ.")
    return str(password)


def _plain(row: BaseModel) -> object:
    return row.model_dump(mode="json")
