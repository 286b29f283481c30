"""The commands `buffer ..`: what waits on disk, out to a file, and what was set aside: seen, sent again, or dropped.

A running gateway is asked, for it keeps everybody else out of its file. While none runs the file is read as it lies;
only what changes it takes the place of a gateway, under its lock, for that moment.
"""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from edge.buffer.export import Format, head, lines
from edge.buffer.offline import Offline
from edge.cli.holding import entry_lines, stat_lines
from edge.cli.place import buffer_file
from edge.cli.terminal import AsJson, Config, StateDir, out, quiet_logs
from edge.clock import SystemClock
from edge.drafting.keep import NotWritten
from edge.errors import AlreadyRunning
from edge.live import desk
from edge.live.client import ask_buffer
from edge.state import StateDirectory
from shared.errors import AppError
from shared.wire.batch import decode

buffer = typer.Typer(help="Look into the buffer, export what it holds, deal with its quarantine.", no_args_is_help=True)
quarantine = typer.Typer(
    help="What was set aside: refused by the cloud, damaged, or impossible to pack.", no_args_is_help=True
)
buffer.add_typer(quarantine, name="quarantine")

AsFormat = Annotated[Format, typer.Option("--format", help="csv, or jsonl: a JSON object a line.")]
Output = Annotated[Path | None, typer.Option("--output", help="The file to write; standard output if not said.")]
Entries = Annotated[list[int] | None, typer.Argument(metavar="[N ...]", help="Entries by their numbers, see `list`.")]
All = Annotated[bool, typer.Option("--all", help="All entries.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@buffer.command()
def stat(config: Config, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Show what the buffer holds: batches, readings, bytes, their age, and what is in quarantine."""
    quiet_logs()
    (found,) = _asked(config, state_dir, "stat")
    if as_json:
        print(json.dumps(found))  # noqa: T201
    else:
        for line in stat_lines(found, SystemClock().now_us()):
            out.print(line)


@buffer.command()
def export(config: Config, form: AsFormat = Format.CSV, output: Output = None, state_dir: StateDir = None) -> None:
    """Write every reading that waits in the buffer as CSV or JSON lines; the buffer keeps them, and sends them."""
    quiet_logs()
    _export(_asked(config, state_dir, "export"), form, output)


@quarantine.command(name="list")
def list_entries(config: Config, entries: Entries = None, state_dir: StateDir = None, as_json: AsJson = False) -> None:
    """Show what was set aside, when and why."""
    quiet_logs()
    count = 0
    for entry in _asked(config, state_dir, "list", entries or []):
        count += 1
        if as_json:
            print(json.dumps(entry))  # noqa: T201
        else:
            for line in entry_lines(entry):
                out.print(line)
    if not count and not as_json:
        out.print("nothing is in quarantine")


@quarantine.command(name="export")
def export_entries(
    config: Config,
    entries: Entries = None,
    form: AsFormat = Format.CSV,
    output: Output = None,
    state_dir: StateDir = None,
) -> None:
    """Write readings of the quarantine as CSV or JSON lines; entries that cannot be read are told on standard error."""
    quiet_logs()
    _export(_asked(config, state_dir, "take", entries or []), form, output)


@quarantine.command()
def retry(config: Config, entries: Entries = None, every: All = False, state_dir: StateDir = None) -> None:
    """Bring entries among the readings again: they are sent as new batches, and if refused set aside again."""
    quiet_logs()
    done = _sum(_asked(config, state_dir, "retry", _chosen(entries, every=every)))
    out.print(f"{done['readings']} readings of {done['entries']} entries will be sent again")


@quarantine.command()
def drop(
    config: Config, entries: Entries = None, every: All = False, yes: Yes = False, state_dir: StateDir = None
) -> None:
    """Delete entries for good; it is told to the cloud as gaps of their tags and times."""
    quiet_logs()
    chosen = _chosen(entries, every=every)
    if not yes:
        if not sys.stdin.isatty():
            raise typer.BadParameter("nobody can be asked here; say --yes to delete for good")
        which = "everything in quarantine" if every else f"{len(chosen)} entries of the quarantine"
        typer.confirm(f"Delete {which} for good?", abort=True)
    done = _sum(_asked(config, state_dir, "drop", chosen))
    out.print(f"{done['readings']} readings of {done['entries']} entries are dropped, and told as gaps")


def _chosen(entries: list[int] | None, *, every: bool) -> list[int]:
    if bool(entries) == every:
        raise typer.BadParameter("name entries by the numbers that `quarantine list` shows, or say --all")
    return entries or []


def _sum(pieces: Iterator[dict[str, Any]]) -> dict[str, int]:
    done = {"entries": 0, "readings": 0}
    for piece in pieces:
        done = {name: count + piece[name] for name, count in done.items()}
    return done


def _export(pieces: Generator[dict[str, Any]], form: Format, output: Path | None) -> None:
    count, left_out = 0, 0
    # nothing is written for what cannot be asked for
    first = list(islice(pieces, 1))
    with closing(pieces), _written(output) as file:
        file.write(head(form))
        for piece in chain(first, pieces):
            if "unreadable" in piece:
                name = piece.get("name") or f"entry {piece['n']}"
                typer.echo(f"{name} is left out: {piece['unreadable']}", err=True)
                left_out += 1
                continue
            for line in lines(decode(base64.b64decode(piece["body"])), form):
                file.write(line)
                count += 1
    typer.echo(f"{count} readings" + (f"; {left_out} damaged are left out" if left_out else ""), err=True)


@contextmanager
def _written(output: Path | None) -> Iterator[TextIO]:
    """Open a file that must not be there yet, or standard output; whoever reads that may go away before the end."""
    if output is None:
        try:
            yield sys.stdout
            sys.stdout.flush()
        except BrokenPipeError:
            # or Python complains once more at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    try:
        with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            try:
                yield file
            except BaseException:
                # half of it would be taken for the whole
                output.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise NotWritten(f"{output} is there already; choose another --output") from error
    except OSError as error:
        raise NotWritten(f"{output} cannot be written: {error.strerror}; choose another --output") from error


def _asked(config: Path, state_dir: Path | None, what: str, ns: list[int] | None = None) -> Generator[dict[str, Any]]:
    """Yield the answer of the running gateway, or of its file, piece by piece.

    Raises:
        AppError: It could not be done, or was cut off.
    """
    path = buffer_file(config, state_dir)
    is_done = False
    for piece in _pieces(path, what, ns or []):
        if "error" in piece:
            raise AppError(piece["error"])
        is_done = piece.get("done", False)
        if not is_done:
            yield piece
    if not is_done:
        raise AppError("the gateway's answer was cut off; it stopped, or what reads it was too slow. Ask again")


def _pieces(path: Path, what: str, ns: list[int]) -> Iterator[dict[str, Any]]:
    if not path.parent.is_dir():
        raise AppError(f"there is no state directory {path.parent}; check buffer.path, or give --state-dir")
    with ExitStack() as stack:
        try:
            stack.enter_context(StateDirectory(path.parent).held())
        except AlreadyRunning:
            yield from ask_buffer(path.parent, what, ns)
            return
        runner = stack.enter_context(asyncio.Runner())
        offline = Offline(path, SystemClock())
        answer = desk.answer(what, ns, offline.look, offline)
        while (piece := runner.run(_next(answer))) is not None:
            yield piece


async def _next(answer: Any) -> dict[str, Any] | None:
    found: dict[str, Any] | None = await anext(answer, None)
    return found
