"""`init`: a first configuration without a terminal to ask at, and never over another."""

from pathlib import Path

import pytest

from tests.fakes.terminal import Tezgah

ANSWERS = ("--gateway", "hall-2", "--cloud", "https://cloud.example.com", "--timezone", "Europe/Istanbul")


@pytest.mark.parametrize("url", ["opc.tcp://h:4840", "mqtt://h:1883", "modbus://h:502", "-"])
def test_what_is_written_is_taken_by_check(tezgah: Tezgah, tmp_path: Path, url: str) -> None:
    file = tmp_path / "edge.yaml"
    done = tezgah("init", file, *ANSWERS, "--token-env", "TOKEN", "--connection", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"tezgah-edge doctor {file}" in done.stdout
    assert tezgah("check", file).returncode == 0


def test_a_token_that_is_not_there_yet_is_the_next_step(tezgah: Tezgah, tmp_path: Path) -> None:
    done = tezgah("init", tmp_path / "edge.yaml", *ANSWERS, "--token-file", "edge-token")
    assert done.returncode == 0
    assert f"1. tezgah-edge enrol {tmp_path / 'edge.yaml'} CODE" in done.stdout
    assert "tezgah-cloud gateway enrol hall-2" in done.stdout
    assert "edge-token gets the token" in done.stdout


def test_a_file_that_is_there_stays(tezgah: Tezgah, config: Path) -> None:
    before = config.read_text(encoding="utf-8")
    done = tezgah("init", config, *ANSWERS)
    assert done.returncode == 1
    assert "--force" in done.stderr
    assert config.read_text(encoding="utf-8") == before
    assert tezgah("init", config, *ANSWERS, "--force").returncode == 0
    assert "hall-2" in config.read_text(encoding="utf-8")


def test_without_a_terminal_what_is_needed_must_be_said(tezgah: Tezgah, tmp_path: Path) -> None:
    done = tezgah("init", tmp_path / "edge.yaml")
    assert done.returncode == 64
    assert "--cloud" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--cloud", "cloud.example.com"), "https://cloud.example.com"),
        (("--timezone", "Europe/Istanbull"), "Europe/Istanbul"),
        (("--connection", "http://h"), "opc.tcp://HOST"),
        (("--token-file", "a", "--token-env", "B"), "not both"),
    ],
)
def test_a_wrong_answer_is_told_and_nothing_is_written(
    tezgah: Tezgah, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    done = tezgah("init", tmp_path / "edge.yaml", *ANSWERS, *options)
    assert done.returncode == 78
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_commands_that_are_shown_can_be_copied_whatever_the_names(tezgah: Tezgah, tmp_path: Path) -> None:
    asked = ("--cloud", "https://cloud", "--connection", "modbus://h", "--name", "line a")
    done = tezgah("init", tmp_path / "my edge.yaml", *asked)
    assert done.returncode == 0
    assert f"tezgah-edge browse '{tmp_path}/my edge.yaml' 'line a' " in done.stdout
    assert f"tezgah-edge run '{tmp_path}/my edge.yaml'" in done.stdout
