"""What unit tests share: patience with property tests, and command lines that say whether they take a command."""

import importlib
import os
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import HealthCheck, settings

# Property tests are judged by what they find, not by how fast a shared machine was: on a fresh clone hypothesis builds
# its table of characters within the first example that needs one, which takes seconds and would fail that test.
# They take the same examples on every run, so that a change is judged by what it changes. Others, and more, when asked:
# `TEZGAH_EXAMPLES=2000 make test ARGS=tests/unit`.
EXAMPLES = int(os.environ.get("TEZGAH_EXAMPLES", "0"))
settings.register_profile(
    "patient",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=not EXAMPLES,
    max_examples=EXAMPLES or 100,
    database=None,
)
settings.load_profile("patient")

ROOT = Path(__file__).parents[2]
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]


def _parsed(words: Sequence[str]) -> dict[str, Any]:
    module, main = SCRIPTS[words[0]].split(":")
    home = getattr(importlib.import_module(module), main).__module__
    command = typer.main.get_command(importlib.import_module(home).app)
    context = command.make_context(words[0], list(words[1:]))
    while rest := [*getattr(context, "_protected_args", ()), *context.args]:
        name, command, rest = context.command.resolve_command(context, rest)  # type: ignore[attr-defined]
        context = command.make_context(name, rest, parent=context)
    return dict(context.params)


@pytest.fixture
def parsed() -> Callable[[Sequence[str]], dict[str, Any]]:
    """Parse a command as its own command line would, without running it; return what its options came to.

    An unknown script, command or option raises, and so does a command that wants more words.
    """
    return _parsed
