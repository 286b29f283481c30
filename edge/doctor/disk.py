"""The doctor's look at the disk under the buffer: room, how long a flush takes, and whether it can be believed."""

import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from edge.doctor.diagnosis import Section
from edge.doctor.mounts import judge, mount_of
from edge.drivers.inspection import Finding, Severity

_FLUSHES = 20
_PAGE = b"\0" * 4096
# the daemon commits at most every 50 ms; a flush that takes longer holds every source up
_SLOW_S = 0.05
# no drive or controller answers a flush that fast (a fast NVMe with power-loss protection: 15 us)
_TOO_FAST_S = 8e-6
# a turn of a 15,000 rpm disk takes 4 ms
_TURN_S = 1e-3
_SPARE = 200_000_000


def examine(directory: Path, max_size: int, in_use: int, environ: Mapping[str, str]) -> Section:
    """Look at a state directory's disk; writes a temporary file there, flushes it some times, and removes it.

    Args:
        directory: The state directory; if it is not there yet, what is looked at is where it will be made.
        max_size: What the buffer may take, bytes.
        in_use: What it takes already, bytes.
        environ: The environment, for what intercepts flushes.
    """
    place = directory.resolve()
    while not place.exists():
        place = place.parent
    facts = [("directory", str(directory) if place == directory.resolve() else f"{directory}, not made yet")]
    found = [*_room(place, max_size, in_use, facts)]
    with suppress(OSError):
        mount = mount_of(str(place), Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace"))
        if mount is not None:
            facts.append(("mount", f"{mount.device} on {mount.point}, {mount.kind}"))
            found.extend(judge(mount))
    if not os.access(place, os.W_OK | os.X_OK):
        message = f"this user may not write to {place}, so flushing was not measured"
        severity = Severity.NOTE if place == directory.resolve() else Severity.WARNING
        found.append(
            Finding(severity, "buffer.path", message, "run doctor as the gateway's user, or give that one the right")
        )
    else:
        found.extend(_flushing(place, environ, facts))
    return Section("disk", found, facts)


def _room(place: Path, max_size: int, in_use: int, facts: list[tuple[str, str]]) -> Iterator[Finding]:
    usage = shutil.disk_usage(place)
    facts.append(("room", f"{_gb(usage.free)} of {_gb(usage.total)} free; the buffer may take {_gb(max_size)}"))
    missing = max_size - in_use + _SPARE - usage.free
    if missing > 0:
        message = f"the volume will be full before the buffer is: {_gb(missing)} are missing"
        fix = f"free space, or write `max_size: {max(10, (usage.free + in_use - _SPARE) // 10**6)} MB`"
        yield Finding(Severity.WARNING, "buffer.max_size", message, fix)


def _flushing(place: Path, environ: Mapping[str, str], facts: list[tuple[str, str]]) -> Iterator[Finding]:
    try:
        times = _flush_times(place)
    except OSError as error:
        message = f"writing to {place} fails: {error.strerror}"
        yield Finding(Severity.ERROR, "buffer.path", message, "free space, or choose another directory")
        return
    median_s, worst_s = statistics.median(times), max(times)
    facts.append(("flush", f"median {median_s * 1e3:.2f} ms, longest {worst_s * 1e3:.2f} ms of {len(times)}"))
    cache, is_rotating = _drive(place)
    if cache:
        facts.append(("drive's cache", cache))
    if "eatmydata" in environ.get("LD_PRELOAD", ""):
        message = "LD_PRELOAD has libeatmydata: nothing is ever flushed"
        yield Finding(Severity.ERROR, "LD_PRELOAD", message, "run the gateway without it")
    elif median_s < _TOO_FAST_S or (is_rotating and median_s < _TURN_S):
        message = (
            f"a flush takes {median_s * 1e6:.0f} us, faster than such a disk can: somebody only says that it is done"
        )
        fix = "look at the virtual machine's disk cache (not `unsafe`) and the controller's battery"
        yield Finding(Severity.WARNING, "buffer.path", message, fix)
    elif median_s > _SLOW_S:
        message = f"a flush takes {median_s * 1e3:.0f} ms: sources are acknowledged that much later"
        yield Finding(
            Severity.WARNING, "buffer.path", message, "use a better disk; SD cards and busy disks are slow at this"
        )


def _flush_times(place: Path) -> list[float]:
    flush = getattr(os, "fdatasync", os.fsync)
    times = []
    with tempfile.TemporaryFile(dir=place) as file:
        for _ in range(_FLUSHES):
            file.write(_PAGE)
            file.flush()
            began_s = time.perf_counter()
            flush(file.fileno())
            times.append(time.perf_counter() - began_s)
    return times


def _drive(place: Path) -> tuple[str, bool]:
    """Return what Linux says of the drive's write cache, and whether it turns; nothing where it does not say."""
    device = place.stat().st_dev
    drive = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}") if hasattr(os, "major") else place
    for queue in (drive / "queue", drive.resolve().parent / "queue"):
        with suppress(OSError):
            # a virtual disk calls itself rotating, whatever it lies on
            is_drive = queue.resolve().parent.name.startswith(("sd", "hd"))
            is_rotating = is_drive and (queue / "rotational").read_text(encoding="ascii").strip() == "1"
            return (queue / "write_cache").read_text(encoding="ascii").strip(), is_rotating
    return "", False


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
