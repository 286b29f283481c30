"""The command line as a user meets it: run in this process, with what it printed where, and its exit code."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from edge.cli import app as cli
from tests.fakes.terminal import SOUND, Done, Tezgah


@pytest.fixture
def tezgah(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Tezgah]:
    """Runs the entry point with these arguments."""
    monkeypatch.setenv("TOKEN", "t0p-secret")

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["tezgah-edge", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        code = caught.value.code
        return Done(code if isinstance(code, int) else 0, *capsys.readouterr())

    handlers, level, configuration = logging.root.handlers[:], logging.root.level, structlog.get_config()
    yield run
    # `run` sends the log of the whole process to a stream that ends with this test
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.configure(**configuration)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text(SOUND, encoding="utf-8")
    return path
