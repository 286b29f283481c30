"""The gateway's token as it stands on disk: read, and replaced so that a cut at any instant leaves a working one.

Its place is the file that `cloud.token` refers to. Where that cannot be written (a credential of the service manager, a
variable of the environment) a renewed token is kept in the state directory, beside what tells the one it replaced. As
long as the configuration refers to that one the renewed one counts; another that somebody writes there wins.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path

import msgspec

from edge.ports import FIRST
from shared.logs import get

# what a reference to a file may hold, too
_MAX_BYTES = 65_536
RENEWED = "renewed-token.json"
_log = get(__name__)


class Renewed(msgspec.Struct, frozen=True):
    """A renewed token, and the SHA-256 of the one that the configuration refers to, which it replaced."""

    replaces: str
    token: str


class TokenStore:
    """Where the token stands.

    Args:
        configured: What the configuration's reference stands for, at the start.
        file: The file that it refers to, if it is one.
        state: The state directory.
        destination: Whose token it is.
    """

    def __init__(self, configured: str, file: Path | None, state: Path, destination: str = FIRST) -> None:
        self._configured = configured
        self._file = file
        self._renewed = state / (RENEWED if destination == FIRST else f"renewed-token-{destination}.json")

    @property
    def is_renewed(self) -> bool:
        """Whether the one that counts is kept in the state directory, and not where the configuration refers to."""
        return self._renewed_one() is not None

    def current(self) -> str:
        """Return the token that counts now; what cannot be read is as it was at the start."""
        if self._file is not None:
            with suppress(OSError, UnicodeDecodeError), self._file.open("rb") as file:
                self._configured = file.read(_MAX_BYTES).decode().strip() or self._configured
        renewed = self._renewed_one()
        return self._configured if renewed is None else renewed

    def _renewed_one(self) -> str | None:
        with suppress(OSError, msgspec.MsgspecError):
            renewed = msgspec.json.decode(self._renewed.read_bytes(), type=Renewed)
            if renewed.replaces == _digest(self._configured):
                return renewed.token
        return None

    def keep(self, token: str) -> None:
        """Write another token down; once this returns it survives a power cut.

        Raises:
            OSError: It cannot be written anywhere; the one before still stands.
        """
        if self._file is not None:
            try:
                write(self._file, token)
            except OSError as error:
                _log.info("the token's file cannot be written", file=str(self._file), error=error.strerror)
            else:
                self._configured = token
                self._renewed.unlink(missing_ok=True)
                return
        renewed = Renewed(_digest(self._configured), token)
        Replacement(self._renewed).put(msgspec.json.encode(renewed))


class Replacement:
    """A file's next content, which takes the place of the present one whole or not at all.

    Args:
        path: The file; a link is followed, and what it leads to replaced.

    Raises:
        OSError: Nothing can be written beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._fresh = self._path.with_name(f".{self._path.name}.new")
        self._descriptor = os.open(self._fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def put(self, content: bytes) -> None:
        """Write it, readable by its owner alone; durable when this returns.

        Raises:
            OSError: It cannot be; the file is as it was.
        """
        try:
            with os.fdopen(self._descriptor, "wb") as file:
                self._keep_owner()
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._fresh.replace(self._path)
        except OSError:
            self._fresh.unlink(missing_ok=True)
            raise
        _sync_directory(self._path.parent)

    def _keep_owner(self) -> None:
        """Let it belong to whoever the present file belongs to: root may enrol for the daemon's user."""
        self._fresh.chmod(0o600)
        with suppress(OSError, AttributeError):
            owner = self._path.stat()
            os.chown(self._fresh, owner.st_uid, owner.st_gid)

    def leave(self) -> None:
        """Leave the file as it is."""
        with suppress(OSError):
            os.close(self._descriptor)
            self._fresh.unlink(missing_ok=True)


def write(path: Path, token: str) -> None:
    """Write a token into a file, as `Replacement` does.

    Raises:
        OSError: It cannot be.
    """
    Replacement(path).put(f"{token}\n".encode())


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _sync_directory(directory: Path) -> None:
    """Make a renaming durable; Windows has no such thing, and needs none."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
