"""What the commands share at the terminal: where they print, and the arguments that several of them take."""

import io
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console, RenderableType

from edge.settings import Settings
from edge.state import StateDirectory
from shared import logs

# wider than any table of ours
_BROAD = 300
out = Console(highlight=False, soft_wrap=True, markup=False)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# what cannot be read is told in our own words, with the next step
Config = Annotated[Path, typer.Argument(help="The configuration, YAML.", metavar="CONFIG", readable=False)]
StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where buffer and lock are; the directory of buffer.path if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


def state_of(settings: Settings, state_dir: Path | None) -> StateDirectory:
    """Return the state directory of a daemon with these settings."""
    return StateDirectory((state_dir or settings.buffer_path.parent).absolute())


def wide(shown: RenderableType) -> None:
    """Print a table or tree to the terminal's width; for a file, a pager or a program nothing is cut or padded."""
    if out.is_terminal:
        out.print(shown)
        return
    broad = Console(width=_BROAD, file=io.StringIO(), highlight=False, markup=False)
    with broad.capture() as capture:
        broad.print(shown)
    out.print("\n".join(line.rstrip() for line in capture.get().splitlines()))


def quiet_logs() -> None:
    """Show only what breaks: a tool says by itself what it found, and a library's lines would stand in between."""
    logs.configure("console", "ERROR")
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
