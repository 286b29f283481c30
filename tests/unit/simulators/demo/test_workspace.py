import socket
import stat
import sys
from pathlib import Path

import pytest

from simulators.demo.workspace import Ports, Workspace
from simulators.errors import DemoError


def test_a_second_demo_in_the_same_place_is_told_what_to_do(tmp_path: Path) -> None:
    first = Workspace(tmp_path / "demo")
    with pytest.raises(DemoError, match="another demo is running") as refusal:
        Workspace(tmp_path / "demo")
    assert "--dir" in refusal.value.message
    first.release()
    Workspace(tmp_path / "demo").release()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match="cannot be written"):
        Workspace(tmp_path / "file" / "demo")


def test_a_taken_port_is_named_with_its_use_and_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DemoError, match=f"port {port}, meant for the cloud API, is taken"):
            Ports.from_first(port)


def test_a_secret_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    secret = workspace.secret("key")
    assert len(secret) >= 32
    assert workspace.secret("key") == secret
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "run" / "key.secret").stat().st_mode) == 0o600
    workspace.release()
