"""The README's curl lines, run as they are printed."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from simulators.demo.stack import Stack

HEADINGS = ["Run an order through"]
if shutil.which("curl") is None and os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") != "1":
    HEADINGS = []  # left out, openly: the lines are curl's
README = Path(__file__).parents[2] / "README.md"


def block(heading: str) -> str:
    """The first shell block under a heading."""
    found = re.search(
        rf"^### {heading}\n.*?```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found, f"the README has no {heading!r}"
    return found[1]


@pytest.mark.parametrize("heading", HEADINGS)
def test_an_order_is_run_through_by_the_lines_of_the_readme(
    stack: Stack, database: psycopg.Connection[tuple[object, ...]], heading: str
) -> None:
    lines = block(heading)
    for printed, here in (
        ("http://127.0.0.1:8400", f"http://127.0.0.1:{stack.ports.api}"),
        (".demo/run/password.secret", str(stack.workspace.root / "run" / "password.secret")),
    ):
        assert printed in lines
        lines = lines.replace(printed, here)
    ended = subprocess.run(
        # -e: the first line that fails ends it; and each answer on a line of its own
        ["bash", "-e", "-o", "pipefail", "-c", lines.replace("curl -sf", "curl -sf -w '\\n'") + "\necho $ORDER $STAGE"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    *answers, ids = ended.stdout.strip().splitlines()
    order_id, stage_id = map(int, ids.split())
    assigned, started, pieces, issue, done, found, metrics, issues = map(json.loads, answers)
    assert assigned["stage_id"] == stage_id
    assert (started["status"], pieces["quantity"], done["status"]) == ("in_progress", 100, "done")
    assert order_id in [order["id"] for order in found]
    assert (metrics["work_order_id"], metrics["stages_done"]) == (order_id, 1)
    assert issue["id"] in [each["id"] for each in issues]
    row = database.execute("SELECT status, good_qty FROM work_order_stage WHERE id = %s", (stage_id,)).fetchone()
    assert row == ("done", 100)
