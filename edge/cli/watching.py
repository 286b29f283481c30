"""The commands that watch a running gateway: `top` its whole, `tap` some tags reading by reading."""

import json
import time
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.text import Text

from edge import dashboard
from edge.cli.keys import keys
from edge.cli.place import ByConfig, ByStateDir, ByUrl, daemon
from edge.cli.terminal import AsJson, err, out
from edge.inquiry import Daemon, Refused
from edge.units import duration_s

_EVERY_S = 1.0
_QUALITIES = {"good": "green", "uncertain": "yellow", "bad": "red"}


def top(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORDS]", help="Only tags with all these words.")
    ] = None,
    config: ByConfig = None,
    state_dir: ByStateDir = None,
    url: ByUrl = None,
) -> None:
    """Show a running gateway live: devices, tags, rates, ages, buffer and lag; q quits.

    Where the output is no terminal it is shown once.
    """
    gateway = daemon(config, state_dir, url)
    console, query = Console(highlight=False, markup=False), " ".join(words or [])
    if not console.is_terminal:
        console.print(_screen(gateway, query, 0, console.width, 60)[0])
        return
    offset = 0
    with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            shown, total = _screen(gateway, query, offset, console.width, console.height)
            live.update(shown, refresh=True)
            end = time.monotonic() + _EVERY_S
            while (left := end - time.monotonic()) > 0:
                key = pressed.wait(left)
                if key in {"q", "Q", "\x03", "\x04"}:
                    return
                step = {"up": -1, "k": -1, "down": 1, "j": 1, "page up": -10, "page down": 10}.get(key, 0)
                if step:
                    offset = min(max(0, offset + step), max(0, total - 1))
                    break


def tap(
    tags: Annotated[list[str], typer.Argument(metavar="TAG..", help="Words that stand in `device.tag`; several tags.")],
    config: ByConfig = None,
    state_dir: ByStateDir = None,
    url: ByUrl = None,
    limit: Annotated[str | None, typer.Option("--for", help="End after so long, such as 10s.")] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after so many readings.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show readings of some tags as they pass through a running gateway: as read, and as kept after shaping.

    It never slows the gateway: what a slow terminal cannot take is left out, and the number is said.
    """
    gateway = daemon(config, state_dir, url)
    end = None if limit is None else time.monotonic() + _seconds(limit)
    seen = 0
    with suppress(KeyboardInterrupt), gateway.lines("/api/tap", {"q": tags}) as lines:
        for line in lines:
            if "tags" in line:
                _tell_tags(line["tags"], tags)
            elif "dropped" in line:
                err.print(f"[yellow]{line['dropped']} readings left out: they come faster than they are shown[/]")
            elif "stage" in line:
                seen += 1
                if as_json:
                    print(json.dumps(line, ensure_ascii=False), flush=True)  # noqa: T201
                else:
                    out.print(_tapped(line))
            if (count is not None and seen >= count) or (end is not None and time.monotonic() >= end):
                return


def _screen(gateway: Daemon, query: str, offset: int, width: int, height: int) -> tuple[Any, int]:
    status = gateway.json("/api/status")
    tags = gateway.json("/api/tags", {"q": query, "offset": offset, "limit": height})
    return dashboard.screen(status, tags, width, height), int(tags["total"])


def _tell_tags(count: int, words: list[str]) -> None:
    if not count:
        raise Refused(f"no tag has {' or '.join(map(repr, words))} in its name; `tezgah-edge top` lists them")
    err.print(f"{count} {'tag' if count == 1 else 'tags'}; Ctrl-C ends", style="dim")


def _tapped(line: dict[str, Any]) -> Text:
    at = datetime.fromisoformat(line["received"]).astimezone()
    is_kept = line["stage"] == "kept"
    text = Text(f"{at:%H:%M:%S}.{at.microsecond // 1000:03}  ", no_wrap=True)
    text.append(f"{line['device']}.{line['tag']}".ljust(28))
    text.append("  kept  " if is_kept else "  read  ", "green" if is_kept else "dim")
    text.append(" ".join(filter(None, (dashboard.value(line), line["unit"]))).ljust(18))
    text.append(f"  {line['quality']}", _QUALITIES.get(line["quality"], ""))
    if line["flags"]:
        text.append(f"  {', '.join(line['flags'])}", "yellow")
    return text


def _seconds(text: str) -> float:
    try:
        return duration_s(text)
    except ValueError as error:
        raise typer.BadParameter(f"--for: {error}") from error
