from pathlib import Path

import pytest

from edge.doctor import secrets
from edge.drivers.inspection import Severity


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text("version: 1\ncloud: {url: 'http://h', token: '${file:token}', x: '${env:A}'}\n", encoding="utf-8")
    path.chmod(0o644)
    (tmp_path / "token").write_text("t0p", encoding="utf-8")
    (tmp_path / "token").chmod(0o600)
    return path


def test_a_secret_of_its_owner_alone_is_fine(config: Path) -> None:
    section = secrets.examine(config, {"A": "b"})
    assert section.worst is None
    assert dict(section.facts) == {"${file:token}": "-rw-------"}


@pytest.mark.parametrize(("mode", "who"), [(0o644, "everybody"), (0o640, "its whole group")])
def test_a_secret_that_others_may_read_is_told_with_the_command(config: Path, mode: int, who: str) -> None:
    (config.parent / "token").chmod(mode)
    (found,) = secrets.examine(config, {"A": "b"}).findings
    assert found.severity is Severity.WARNING
    assert who in found.message
    assert found.fix.startswith("chmod 600 ")


def test_a_configuration_that_everybody_may_change_is_an_error(config: Path) -> None:
    config.chmod(0o666)
    assert secrets.examine(config, {"A": "b"}).worst is Severity.ERROR
