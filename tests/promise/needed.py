"""What some tests need of the machine: where it is missing they are left out openly, and in CI they fail instead."""

import os
import shutil
import subprocess

import pytest


def needs(program: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs a program.

    With `TEZGAH_TEST_NOTHING_SKIPPED=1` nothing is left out, so that CI cannot lose a test by losing a package.
    """
    must_run = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1"
    is_missing = shutil.which(program) is None
    return pytest.mark.skipif(is_missing and not must_run, reason=f"{program} is not installed")


def needs_mounts() -> pytest.MarkDecorator:
    """Return the mark of a test that mounts a disk of its own: it needs a root who may, which a container's may not."""
    may = (
        hasattr(os, "geteuid")
        and os.geteuid() == 0
        and all(map(_works, (["losetup", "-f"], ["unshare", "-m", "true"])))
    )
    return pytest.mark.skipif(not may, reason="nobody here may mount a disk")


def _works(words: list[str]) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False
