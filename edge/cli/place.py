"""Which running gateway a command asks: said by its configuration, its state directory, or its address."""

import os
from pathlib import Path
from typing import Annotated

import typer

from edge.config.yamlfile import read
from edge.inquiry import Daemon, NotAnswering
from edge.settings import Settings, load
from edge.state import StateDirectory
from shared.errors import AppError

_URL = "http://127.0.0.1:9108"

ByConfig = Annotated[
    Path | None, typer.Option("--config", help="Ask the daemon that runs with this configuration.", metavar="CONFIG")
]
ByStateDir = Annotated[
    Path | None, typer.Option("--state-dir", help="Ask the daemon that works in this state directory.")
]
ByUrl = Annotated[str | None, typer.Option("--url", help=f"Ask the daemon whose page is here; {_URL} if not said.")]


def daemon(config: Path | None, state_dir: Path | None, url: str | None) -> Daemon:
    """Return the daemon that is meant.

    Raises:
        NotAnswering: None works there.
        ConfigError: The configuration is wrong.
    """
    settings = None if config is None else load(config, os.environ)
    token = None if settings is None or settings.health.token is None else settings.health.token.get_secret_value()
    if url is not None:
        return Daemon(url, token)
    directory = state_dir or (None if settings is None else settings.buffer_path.parent)
    if directory is None:
        return Daemon(_URL, token)
    found = running(StateDirectory(directory.absolute()), settings)
    if found is None:
        raise NotAnswering(f"no daemon works in {directory}; start one with `tezgah-edge run`")
    return found


def running(state: StateDirectory, settings: Settings | None) -> Daemon | None:
    """Return the daemon that says it works in a state directory; it may have been killed since."""
    port = state.health_port()
    if port is None:
        return None
    health = None if settings is None else settings.health
    host = "127.0.0.1" if health is None else health.listen.host
    # a server on every address is on this machine's own, too
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not listened on
    token = None if health is None or health.token is None else health.token.get_secret_value()
    return Daemon(f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}", token)


def buffer_file(config: Path, state_dir: Path | None) -> Path:
    """Return where a gateway's buffer is; its configuration need not be sound for that, nor its secrets at hand.

    Raises:
        AppError: The configuration does not say.
    """
    root = read(config, os.environ).root
    section = root.get("buffer") if isinstance(root, dict) else None
    path = section.get("path") if isinstance(section, dict) else None
    if not isinstance(path, str):
        raise AppError(f"{config} does not say where its gateway works (buffer.path)")
    named = (config.parent / path).absolute()
    return named if state_dir is None else state_dir.absolute() / named.name
