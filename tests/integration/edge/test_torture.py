"""`tezgah-edge torture` as a buyer runs it: it says what it did, it can fail, and it leaves nothing behind."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.torture import life
from edge.torture.run import EndedByItself, torture
from simulators.demo.children import script


def test_it_kills_and_accounts_and_leaves_nothing_behind(tmp_path: Path) -> None:
    words = [script("tezgah-edge"), "torture", "--kills", "6", "--seed", "5", "--directory", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 kills" in done.stdout
    assert "seed 5" in done.stdout
    assert "flush: median" in done.stdout
    assert "the promise was kept" in done.stdout
    assert int(re.search(r"([\d,]+)  were acknowledged: they", done.stdout)[1].replace(",", "")) > 100  # type: ignore[index]
    assert re.search(r"the readings lost \d+, and was found out", done.stdout)
    assert list(tmp_path.iterdir()) == []


async def test_a_gateway_that_acknowledges_too_early_is_found_out(tmp_path: Path) -> None:
    report = await torture(tmp_path, 5, 1, SystemClock(), manner=life.Manner.HASTY)
    assert report.verdict.lost > 0
    assert not report.verdict.is_kept


async def test_a_life_that_fails_is_no_life_that_was_killed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / life.BUFFER).mkdir()
    with pytest.raises(EndedByItself):
        async with asyncio.timeout(60):
            await torture(tmp_path, 20, 1, SystemClock())
    assert "a life ended by itself" in capfd.readouterr().err


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    words = [script("tezgah-edge"), "torture", "--directory", str(tmp_path / "nowhere")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "nowhere cannot be written" in done.stderr
