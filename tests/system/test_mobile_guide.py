"""The mobile guide's curl lines, run as they are printed, one block after the other."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from simulators.demo.stack import Stack

GUIDE = Path(__file__).parents[2] / "docs" / "mobile_guide.md"
GUIDES = [GUIDE]
if shutil.which("curl") is None and os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") != "1":
    GUIDES = []  # left out, openly: the lines are curl's


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_lines_of_the_guide_work(stack: Stack, tmp_path: Path, guide: Path) -> None:
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL))
    for printed, here in (
        ("http://127.0.0.1:8400", f"http://127.0.0.1:{stack.ports.api}"),
        (".demo/run/password.secret", str(stack.workspace.root / "run" / "password.secret")),
    ):
        assert printed in lines
        lines = lines.replace(printed, here)
    ended = subprocess.run(
        # -e: the first line that fails ends it
        ["bash", "-e", "-c", lines],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for said in (
        "STAGE_INVALID_TRANSITION",
        "PRECONDITION_FAILED",
        '"status":"duplicate"',
        "event: ready",
        "image/png",
    ):
        assert said in ended.stdout
