"""How a draft is kept: read back by the gateway's own eyes first, and never over another file unasked."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from edge.config.mistakes import ConfigMistakes
from edge.errors import ConfigError
from edge.settings import Settings, load
from shared.errors import AppError


class NotWritten(AppError):
    """The file is there already, or cannot be written."""

    code = "NOT_WRITTEN"


def checked(text: str, directory: Path, environ: Mapping[str, str]) -> Settings:
    """Read a draft as the daemon would, in the directory where it will stand.

    Raises:
        ConfigError: It would not be taken.
        NotWritten: The directory cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(dir=directory, prefix=".tezgah-", suffix=".yaml")
    except OSError as error:
        raise NotWritten(
            f"{directory} cannot be written: {error.strerror}; choose another place for the file"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        return load(Path(name), environ)
    except ConfigMistakes as error:
        told = "; ".join(f"line {mistake.line}: {mistake.path}: {mistake.message}" for mistake in error.mistakes[:5])
        raise ConfigError(f"what was drafted would not be taken, so nothing is written: {told}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def write(text: str, file: Path, *, force: bool = False) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        NotWritten: It is there and must not be replaced, or the directory cannot be written.
    """
    if file.exists() and not force:
        raise NotWritten(f"{file} is there already; nothing is written. Choose another name, or say --force")
    try:
        fresh = file.with_name(f".{file.name}.new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(file)
    except OSError as error:
        raise NotWritten(f"{file} cannot be written: {error.strerror}; choose another name") from error
