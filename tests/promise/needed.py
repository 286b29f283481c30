"""What some tests need of the machine: where it is missing they have no cases, and in CI they fail instead."""

import os
import shutil
import subprocess

NOTHING_SKIPPED = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1"


def with_program(*programs: str) -> list[str]:
    """Return the one case of a test that needs these programs; none where one is missing and that is allowed."""
    return [" and ".join(programs)] if NOTHING_SKIPPED or all(map(shutil.which, programs)) else []


def with_mounts(*programs: str) -> list[str]:
    """Return the same for a test that also mounts a disk: only a root who may has it, and a container's may not."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    may = is_root and _works("losetup", "-f") and _works("unshare", "-m", "true")
    return with_program(*programs) if may else []


def _works(*words: str) -> bool:
    try:
        return subprocess.run(words, capture_output=True, check=False, timeout=10).returncode == 0
    except OSError:
        return False
