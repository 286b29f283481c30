"""The command `browse`: what is there to be read on a connection, and the configuration that would read it."""

import asyncio
import json
import os
from contextlib import aclosing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from edge.cli.terminal import err, out, quiet_logs, wide
from edge.clock import SystemClock
from edge.config.spelling import one_of
from edge.drafting import address, found, keep
from edge.drafting.tree import tree
from edge.drivers.inspection import Found
from edge.drivers.spec import Surroundings
from edge.errors import ConfigError
from edge.loop import new_event_loop
from edge.settings import Connection, known_drivers, load
from edge.units import duration_s
from shared.errors import AppError

# a hall's server has some thousands of nodes; all of a supervisory system's would fill the screen for nothing
_MOST = 5000


def browse(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG CONNECTION [WHERE]",
            help="A configuration and one of its connections, or with --url neither; then where to look: a node or "
            "path, a topic filter, units and ranges such as `1-10 holding 0-199`.",
        ),
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help=f"Without a configuration: {address.FORMS}.")] = None,
    limit: Annotated[str, typer.Option("--for", help="How long to look; a broker is listened to for so long.")] = "20s",
    most: Annotated[int, typer.Option(min=1, help="Stop after so many.")] = _MOST,
    write: Annotated[Path | None, typer.Option("--write", help="Write a configuration that reads all of it.")] = None,
    as_yaml: Annotated[
        bool, typer.Option("--yaml", help="Print `connections` and `devices` instead of a tree.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines for a program.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Let --write replace a file.")] = False,
) -> None:
    """Show what is there: the tree of an OPC UA server, a broker's topics, a Modbus line's units and ranges.

    It changes nothing at the source. What --write wrote is read back by the gateway's own eyes before it is kept.
    """
    quiet_logs()
    connection, raw, base, where = _asked(words or [], url)
    if write is not None and write.exists() and not force:
        raise keep.NotWritten(f"{write} is there already; nothing was looked for. Choose another name, or say --force")
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        items, trouble = runner.run(_look(connection, where, _seconds(limit), most))
    if as_json:
        for item in items:
            print(json.dumps(asdict(item), ensure_ascii=False))  # noqa: T201
    elif as_yaml:
        text = base.read_text(encoding="utf-8") if base is not None else None
        options = raw or found.options_in(text or "", connection.name)
        print(found.fragment(connection.name, options, items), end="")  # noqa: T201
    elif items or (write is None and trouble is None):
        wide(tree(f"{connection.name} ({connection.spec.protocol})", items))
    if trouble is not None:
        raise trouble
    if write is not None:
        _write(write, connection, raw, base, items, force=force)
    elif not (as_json or as_yaml):
        _tell(items, most)


def _asked(words: list[str], url: str | None) -> tuple[Connection, dict[str, object] | None, Path | None, str]:
    """Return the connection, its options if they are made up here, the configuration it is from, and where to look."""
    if url is not None:
        name, raw = address.connection(url, f"tezgah-browse-{os.getpid()}")
        protocol = next(key for key in raw if key in known_drivers())
        spec = known_drivers()[protocol]
        try:
            options = spec.connection.model_validate(raw)
        except ValueError as error:
            raise ConfigError(f"{url!r} cannot be used: {error}") from error
        return Connection(name, spec, options, ()), raw, None, " ".join(words)
    if not words:
        raise typer.BadParameter("expected a configuration and one of its connections, or --url")
    settings = load(Path(words[0]), os.environ)
    known = {connection.name: connection for connection in (*settings.connections, *settings.bare)}
    if len(words) < 2:
        raise typer.BadParameter(f"expected a connection behind {words[0]}: {', '.join(known) or 'it has none yet'}")
    if words[1] not in known:
        raise typer.BadParameter(f'there is no connection "{words[1]}"; {one_of(words[1], known)}')
    return known[words[1]], None, Path(words[0]), " ".join(words[2:])


async def _look(connection: Connection, where: str, limit_s: float, most: int) -> tuple[list[Found], AppError | None]:
    """Return what was found, and what ended the look too early."""
    around = Surroundings(None, connection.families)
    inspector = connection.spec.inspect(connection.name, connection.options, connection.points, SystemClock(), around)
    items: list[Found] = []
    try:
        with err.status("looking ..") as status:
            async with aclosing(inspector.browse(where, limit_s)) as finds:  # type: ignore[type-var] # they are generators
                async for item in finds:
                    items.append(item)
                    status.update(f"looking .. {len(items)} found; Ctrl-C ends")
                    if len(items) >= most:
                        break
    except AppError as error:
        return items, error
    return items, None


def _seconds(text: str) -> float:
    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(f"--for: {error}") from error


def _write(
    file: Path,
    connection: Connection,
    raw: dict[str, object] | None,
    base: Path | None,
    items: list[Found],
    *,
    force: bool,
) -> None:
    text = found.whole(base.read_text(encoding="utf-8") if base is not None else None, connection.name, raw, items)
    # a new frame refers to a token that nobody has yet
    lacks_token = base is None and not os.environ.get("EDGE_TOKEN")
    environ = {**os.environ, "EDGE_TOKEN": "not-yet"} if lacks_token else os.environ
    settings = keep.checked(text, file.absolute().parent, environ)
    keep.write(text, file, force=force)
    tags = sum(len(one.points) for one in settings.connections)
    out.print(f"{file}: {tags} tags; the gateway takes it. Next: `tezgah-edge doctor {file}`")
    if lacks_token:
        out.print("The cloud's token is looked for in EDGE_TOKEN: `export EDGE_TOKEN=none-yet` does until there is one")


def _tell(items: list[Found], most: int) -> None:
    tags = sum(item.tag_options is not None for item in items)
    more = f"; stopped at --most {most}" if len(items) >= most else ""
    out.print(f"{tags} could become tags{more}; --yaml prints their configuration, --write FILE writes it")
