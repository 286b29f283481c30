import pytest

from edge.doctor.mounts import Mount, judge, mount_of
from edge.drivers.inspection import Severity

MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
tmpfs /run tmpfs rw,nosuid 0 0
/dev/sdb1 /var/lib ext4 rw,nobarrier 0 0
nas:/data /mnt/my\\040disk nfs4 rw 0 0
/dev/sdc1 /var/lib ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "device"),
    [
        ("/var/lib/tezgah", "/dev/sdc1"),
        ("/var/library", "/dev/sda1"),
        ("/var/lib", "/dev/sdc1"),
        ("/mnt/my disk/x", "nas:/data"),
        ("/run/x", "tmpfs"),
    ],
)
def test_a_path_lies_on_its_deepest_and_last_mount(path: str, device: str) -> None:
    mount = mount_of(path, MOUNTS)
    assert mount is not None
    assert mount.device == device


def test_without_mounts_there_is_none() -> None:
    assert mount_of("/a", "broken line\n") is None


@pytest.mark.parametrize(
    ("kind", "options", "severity", "words"),
    [
        ("tmpfs", "rw", Severity.ERROR, "which is memory"),
        ("nfs4", "rw", Severity.ERROR, "network share"),
        ("overlay", "rw", Severity.WARNING, "container"),
        ("ext4", "ro", Severity.ERROR, "read-only"),
        ("ext4", "rw,barrier=0", Severity.ERROR, "power cut"),
    ],
)
def test_a_home_that_loses_readings_is_named(kind: str, options: str, severity: Severity, words: str) -> None:
    (found,) = judge(Mount("d", "/m", kind, frozenset(options.split(","))))
    assert found.severity is severity
    assert words in found.message
    assert found.fix


def test_an_ordinary_disk_is_fine() -> None:
    assert list(judge(Mount("/dev/sda1", "/", "ext4", frozenset({"rw", "relatime"})))) == []
