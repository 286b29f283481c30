"""What the state directory remembers of configurations: the last good one, one on trial, one that was rolled back."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from shared.logs import get

_log = get(__name__)


class Good(msgspec.Struct, frozen=True):
    """A configuration as its files were; secrets stand in them as references only. `file` is the first of them."""

    file: str
    contents: dict[str, bytes]


class Rejected(msgspec.Struct, frozen=True):
    """A configuration that was rolled back: what tells it from others, why, and when (UTC microseconds)."""

    fingerprint: str
    reason: str
    at_us: int


class Remembered(msgspec.Struct, frozen=True):
    """What is remembered.

    Attributes:
        good: With which the gateway last worked.
        trial: The fingerprint of one that is on trial now.
        rejected: The last one that was rolled back; a start does not come up with it.
    """

    good: Good | None = None
    trial: str | None = None
    rejected: Rejected | None = None


class Memory:
    """The file `applied.json` of a state directory: readable by its owner alone, and written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "applied.json"

    def recall(self) -> Remembered:
        """Return what is remembered; nothing if there is no such file, or it is damaged."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Remembered)
        except FileNotFoundError:
            return Remembered()
        except (OSError, msgspec.MsgspecError) as error:
            _log.warning("what was remembered of configurations cannot be read", file=str(self._path), error=str(error))
            return Remembered()

    def keep(self, remembered: Remembered) -> None:
        """Remember this instead; on a full disk it is only said that it is not, for the gateway must go on."""
        fresh = self._path.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(remembered))
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
        except OSError as error:
            _log.warning("the configuration is not remembered", file=str(self._path), error=str(error))
            with suppress(OSError):
                fresh.unlink(missing_ok=True)
