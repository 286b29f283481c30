import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge.errors import AlreadyRunning, ConfigError
from edge.state import StateDirectory

HOLD = """
import sys
from pathlib import Path
from edge.state import StateDirectory
with StateDirectory(Path(sys.argv[1])).held():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_daemon_is_told_who_holds_the_directory_and_may_have_it_after_a_kill(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning) as caught, StateDirectory(tmp_path).held():
            pass
        assert f"process {other.pid}" in caught.value.message
        assert str(tmp_path) in caught.value.message
        other.kill()
    with StateDirectory(tmp_path).held():
        assert (tmp_path / "edge.pid").read_text() == f"{os.getpid()}\n"


def test_the_directory_is_made_and_left_clean(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "a" / "b")
    with state.held():
        state.tell_port(4711)
        assert state.health_port() == 4711
    assert state.health_port() is None
    assert {path.name for path in state.path.iterdir()} <= {"edge.lock"}


def test_a_place_that_cannot_be_written_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    state = StateDirectory(tmp_path / "file" / "state")
    with pytest.raises(ConfigError) as caught, state.held():
        pass
    assert f"{state.path} cannot be written" in caught.value.message
    assert "choose another buffer.path or --state-dir" in caught.value.message


def test_a_disk_too_full_for_two_small_files_does_not_keep_the_daemon_from_draining_it(tmp_path: Path) -> None:
    # writing fails as on a full disk: with an OSError
    (tmp_path / "edge.new").mkdir()
    (tmp_path / "health.new").mkdir()
    state = StateDirectory(tmp_path)
    with state.held():
        state.tell_port(4711)
        assert state.health_port() is None
        with pytest.raises(AlreadyRunning), StateDirectory(tmp_path).held():
            pass
