"""docs/promise.md names the tests that hold each promise: they exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_promise_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)`", (ROOT / "docs" / "promise.md").read_text(encoding="utf-8"))
    assert len(set(named)) > 15
    assert [path for path in named if not (ROOT / path).exists()] == []
