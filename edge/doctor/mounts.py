"""Which mount a path lies on and what is to be thought of it as a home for a buffer; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from edge.drivers.inspection import Finding, Severity

_IN_MEMORY = {"tmpfs", "ramfs", "devtmpfs"}
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "glusterfs", "ceph", "virtiofs"}
# nothing but the flush of the disk's own cache makes a commit survive a power cut
_UNSAFE = {"nobarrier", "barrier=0"}


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mounts."""

    device: str
    point: str
    kind: str
    options: frozenset[str]


def mount_of(path: str, mounts: str) -> Mount | None:
    """Return the mount that a path lies on: of those that contain it the deepest, and of equal ones the last.

    Args:
        path: Absolute, without links.
        mounts: The text of /proc/self/mounts.
    """
    found: Mount | None = None
    for line in mounts.splitlines():
        words = [re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), word) for word in line.split(" ")]
        if len(words) < 4:
            continue
        mount = Mount(words[0], words[1], words[2], frozenset(words[3].split(",")))
        is_above = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if is_above and (found is None or len(mount.point) >= len(found.point)):
            found = mount
    return found


def judge(mount: Mount) -> Iterator[Finding]:
    """Yield what is wrong with keeping the buffer there."""
    about = "buffer.path"
    if mount.kind in _IN_MEMORY:
        message = f"it lies on {mount.point}, which is memory ({mount.kind}): a restart of the machine loses what waits"
        yield Finding(Severity.ERROR, about, message, "put it on a disk")
    elif mount.kind in _NETWORK:
        message = f"it lies on {mount.point}, a network share ({mount.kind}): SQLite's locks and log do not work there"
        yield Finding(Severity.ERROR, about, message, "put it on a local disk")
    elif mount.kind == "overlay":
        message = f"it lies in a container's own layer ({mount.point}): it goes when the container is replaced"
        yield Finding(Severity.WARNING, about, message, "give the container a volume, and put the buffer there")
    if "ro" in mount.options:
        message = f"{mount.point} is mounted read-only"
        yield Finding(Severity.ERROR, about, message, "mount it for writing, or look why the system made it read-only")
    if unsafe := sorted(mount.options & _UNSAFE):
        message = f"{mount.point} is mounted with {unsafe[0]}: a power cut can lose what was acknowledged"
        yield Finding(Severity.ERROR, about, message, "mount it without that option")
