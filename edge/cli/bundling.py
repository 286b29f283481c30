"""The command `support-bundle`: collects what helps somebody far away, and blanks every secret."""

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any

import typer

from edge import bundle
from edge.cli.place import running
from edge.cli.terminal import Config, StateDir, out, quiet_logs, state_of
from edge.clock import SystemClock
from edge.config.document import Document
from edge.config.yamlfile import read
from edge.doctor.doctor import diagnose
from edge.drafting.keep import NotWritten
from edge.errors import ConfigError
from edge.inquiry import Daemon
from edge.loop import new_event_loop
from edge.settings import load
from shared.errors import AppError

_LIBRARIES = ("tezgah", "asyncua", "pymodbus", "paho-mqtt", "httpx", "numpy", "pydantic", "rich", "uvloop", "zstandard")
_LOG_LINES = 5000
_LOG_BYTES = 5_000_000
_UNIT = "tezgah-edge"


def support_bundle(
    config: Config,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; named by gateway and time if not said.")
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help=f"A log file to take the end of; else the journal of {_UNIT}, if there is one.")
    ] = None,
    state_dir: StateDir = None,
) -> None:
    """Collect configuration, condition, figures, log and diagnosis into one file, with every secret blanked.

    The configuration may be wrong, and no daemon has to run: what cannot be had is said in the bundle.
    """
    quiet_logs()
    made = datetime.now(UTC)
    document = _document(config)
    files = {
        "edge.yaml": _configuration(config),
        "versions.json": json.dumps(_versions(made), indent=2),
        "log.txt": _log(log),
        **_condition(config, state_dir),
    }
    name = f"tezgah-{_gateway(document)}-{made:%Y%m%dT%H%M%SZ}"
    target = output or Path(f"{name}.tar.gz")
    data = bundle.pack(files, bundle.secrets_of(document), made, name)
    try:
        # readable by whoever made it; it goes to somebody he chooses
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError as error:
        raise NotWritten(f"{target} is there already; choose another --output") from error
    except OSError as error:
        raise NotWritten(f"{target} cannot be written: {error.strerror}; choose another --output") from error
    out.print(
        f"{target}: {', '.join(files)}; {len(data) / 1e3:.0f} kB. Secrets are blanked; look into it before you send it."
    )


def _configuration(config: Path) -> str:
    try:
        return bundle.configuration(config.read_text(encoding="utf-8", errors="replace"))
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(
            f"{config} is no configuration: {error.strerror}; name the file that the gateway runs with"
        ) from error
    except OSError as error:
        return f"# {config} cannot be read: {error.strerror}\n"


def _document(config: Path) -> Document:
    try:
        return read(config, os.environ)
    except ConfigError:
        return Document(str(config))


def _gateway(document: Document) -> str:
    section = document.root.get("gateway") if isinstance(document.root, dict) else None
    named = str(section.get("id", "")) if isinstance(section, dict) else ""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in named) or "gateway"


def _condition(config: Path, state_dir: Path | None) -> dict[str, str]:
    """Return what only a sound configuration leads to: the diagnosis, and what the running daemon says."""
    try:
        settings = load(config, os.environ)
    except ConfigError as error:
        return {"check.txt": error.message}
    state = state_of(settings, state_dir)
    daemon = running(state, settings)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        found = runner.run(diagnose(settings, state, SystemClock(), os.environ, gateway=daemon))
    files = {"check.txt": "sound\n", "doctor.json": json.dumps(found.document(), indent=2, ensure_ascii=False)}
    if daemon is None:
        return {**files, "status.json": json.dumps({"error": f"no daemon works in {state.path}"})}
    return {**files, **_told(daemon)}


def _told(daemon: Daemon) -> dict[str, str]:
    def asked(ask: Callable[[], str]) -> str:
        try:
            return ask()
        except AppError as error:
            return json.dumps({"error": error.message})

    return {
        "status.json": asked(lambda: json.dumps(daemon.json("/api/status"), indent=2, ensure_ascii=False)),
        "metrics.txt": asked(lambda: daemon.text("/metrics")),
    }


def _versions(made: datetime) -> dict[str, Any]:
    def version(name: str) -> str | None:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None

    return {
        "made": made.isoformat(),
        "python": sys.version,
        "platform": platform.platform(),
        "processors": os.cpu_count(),
        "packages": {name: version(name) for name in _LIBRARIES},
    }


def _log(file: Path | None) -> str:
    if file is not None:
        try:
            with file.open("rb") as log:
                log.seek(max(0, file.stat().st_size - _LOG_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError as error:
            return f"{file} cannot be read: {error.strerror}\n"
    journal = shutil.which("journalctl")
    if journal is None:
        return "no journal on this machine; name the log by --log\n"
    try:
        done = subprocess.run(  # noqa: S603 - a program of the system's, found in PATH, with words of our own
            [journal, "--unit", _UNIT, "--lines", str(_LOG_LINES), "--no-pager", "--output", "short-iso"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=20,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the journal cannot be read: {error}\n"
    return done.stdout or done.stderr
