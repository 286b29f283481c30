"""Owns what is remembered of a clock that is not set, for the daemon's next life within the same boot of the machine.

The monotonic clock goes on over a restart of the daemon, but not of the machine. So what an earlier life read in one
boot can still be put right when the clock is set, and after a reboot it cannot.
"""

from contextlib import suppress
from pathlib import Path

import msgspec

NAME = "unset-clock.json"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Unset(msgspec.Struct, frozen=True):
    """How time was counted on.

    Attributes:
        boot: The machine's boot.
        offset_us: What the time was ahead of the monotonic clock, microseconds.
        since_us: From when on.
    """

    boot: str
    offset_us: int
    since_us: int


def boot_id(path: Path = _BOOT_ID) -> str:
    """Return the name of this boot of the machine, "" where it has none."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def recall(directory: Path, boot: str) -> Unset | None:
    """Return what an earlier life within this boot remembered; None if nothing, or another boot did."""
    try:
        told = msgspec.json.decode((directory / NAME).read_bytes(), type=Unset)
    except (OSError, msgspec.MsgspecError):
        return None
    return told if boot and told.boot == boot else None


def remember(directory: Path, told: Unset | None) -> None:
    """Remember it, or forget it; on a full disk neither, and what was read keeps its flag."""
    path = directory / NAME
    with suppress(OSError):
        if told is None:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(told))
        fresh.replace(path)
