"""References in the configuration: `${env:NAME}` and `${file:PATH}` and the text they stand for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# `$${` is how a literal `${` is written
_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
# a secret or a certificate; not a data file named by mistake
MAX_FILE_BYTES = 64 * 1024


class DeadReference(ValueError):
    """A reference that leads nowhere; the message never holds what a reference stands for."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """A scalar after expansion.

    Attributes:
        text: The scalar with every reference replaced.
        parts: Each reference as written, with what it stands for.
        is_whole: Nothing but one or more references was written.
    """

    text: str
    parts: tuple[tuple[str, str], ...]
    is_whole: bool


def has_reference(text: str) -> bool:
    """Whether a scalar refers to anything."""
    return any(match[1] is not None for match in _REFERENCE.finditer(text))


def unescaped(text: str) -> str:
    """Return a scalar without references as it is meant: with `${` where `$${` was written."""
    return _REFERENCE.sub("${", text)


def file_of(text: str) -> str | None:
    """Return the path of a scalar that is one reference to a file and nothing else; None if it is not."""
    match = _REFERENCE.fullmatch(text.strip())
    kind, _, name = (match[1] or "").partition(":") if match is not None else ("", "", "")
    return name if kind == "file" and name else None


class References:
    """Looks references up in an environment, and files relative to a directory."""

    def __init__(self, environ: Mapping[str, str], directory: Path) -> None:
        self._environ = environ
        self._directory = directory

    def expand(self, text: str) -> Expanded:
        """Replace every reference in `text`.

        Raises:
            DeadReference: A variable is not set, a file cannot be read, or the kind is unknown.
        """
        parts: list[tuple[str, str]] = []

        def replace(match: re.Match[str]) -> str:
            if match[1] is None:
                return "${"
            value = self._look_up(match[0], match[1])
            parts.append((match[0], value))
            return value

        expanded = _REFERENCE.sub(replace, text)
        is_whole = bool(parts) and not _REFERENCE.sub("", text).strip()
        return Expanded(expanded, tuple(parts), is_whole)

    def _look_up(self, reference: str, inside: str) -> str:
        kind, _, name = inside.partition(":")
        if kind == "env" and name:
            if name not in self._environ:
                raise DeadReference(f"{reference}: the environment variable {name} is not set")
            return _text(reference, self._environ[name])
        if kind == "file" and name:
            return self._read(reference, self._directory / name)
        raise DeadReference(f"{reference}: expected ${{env:NAME}} or ${{file:PATH}}; a literal ${{ is written $${{")

    def _read(self, reference: str, path: Path) -> str:
        try:
            with path.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
            text = data.decode("utf-8")
        except OSError as error:
            raise DeadReference(f"{reference}: {path} cannot be read ({error.strerror}){_mend(error)}") from None
        except UnicodeDecodeError:
            raise DeadReference(f"{reference}: {path} is not UTF-8 text") from None
        except ValueError:
            # a NUL in it
            raise DeadReference(f"{reference}: no file has such a name") from None
        if len(data) > MAX_FILE_BYTES:
            raise DeadReference(f"{reference}: {path} is larger than {MAX_FILE_BYTES} bytes")
        # editors and `echo` end a file with a line break that no token has
        return text.rstrip("\r\n")


def _text(reference: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        # Python hands over bytes of the environment that are no text as lone surrogates
        raise DeadReference(f"{reference}: its value is not UTF-8 text") from None
    return value


def _mend(error: OSError) -> str:
    """Say what to do about a secret's file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "; write the secret into it, mode 600, owned by the gateway's user"
    if isinstance(error, PermissionError):
        return "; let the gateway's user read it, and run the tools as that user"
    if isinstance(error, IsADirectoryError):
        return "; name the file in it that holds the secret"
    return ""
