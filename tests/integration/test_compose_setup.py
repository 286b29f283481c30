"""docker compose's `setup`, run as compose runs it, against a PostgreSQL."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
PLANT = ROOT / "deploy" / "compose" / "plant.json"
GATEWAY = json.loads(PLANT.read_text(encoding="utf-8"))["gateways"][0]["id"]


def setup(database_url: str, token: Path, password: str = "correct horse battery") -> subprocess.CompletedProcess[str]:
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("TEZGAH_")},
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
        "TEZGAH_DATABASE_URL": database_url,
        "ADMIN_PASSWORD": password,
    }
    command = [sys.executable, str(ROOT / "deploy" / "compose" / "setup.py"), str(PLANT), str(token)]
    return subprocess.run(command, env=environment, cwd=token.parent, capture_output=True, text=True, check=False)


def rows(database_url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(statement).fetchall()  # type: ignore[arg-type]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    return tmp_path / "edge-token"


def test_the_plant_is_made_once_and_a_lost_token_is_replaced(empty_database_url: str, token: Path) -> None:
    first = setup(empty_database_url, token)
    assert first.returncode == 0, first.stderr
    given = token.read_text(encoding="ascii")
    assert given.startswith("tzg_")
    page = token.with_name("page-token").read_text(encoding="ascii")
    assert len(page) >= 24
    assert os.name == "nt" or stat.S_IMODE(token.stat().st_mode) == 0o400
    assert rows(empty_database_url, "SELECT username, role FROM app_user") == [("admin", "admin")]
    assert rows(empty_database_url, "SELECT count(*) FROM machine") == [(12,)]

    again = setup(empty_database_url, token)
    assert again.returncode == 0, again.stderr
    assert token.read_text(encoding="ascii") == given
    assert token.with_name("page-token").read_text(encoding="ascii") == page
    assert rows(empty_database_url, "SELECT count(*) FROM machine") == [(12,)]

    token.unlink()
    lost = setup(empty_database_url, token)
    assert lost.returncode == 0, lost.stderr
    assert f"The token of {GATEWAY} is lost" in lost.stderr
    assert token.read_text(encoding="ascii").startswith("tzg_")
    assert token.read_text(encoding="ascii") != given


def test_a_password_that_is_too_short_is_refused_and_nothing_is_half_done(empty_database_url: str, token: Path) -> None:
    refused = setup(empty_database_url, token, password="short")
    assert refused.returncode == 1
    assert "short" not in refused.stderr.split()
    assert not token.exists()
    assert rows(empty_database_url, "SELECT count(*) FROM organization") == [(0,)]


def test_a_database_that_is_not_there_is_said_in_a_sentence(token: Path) -> None:
    missing = setup("postgresql://nobody@127.0.0.1:1/none", token)
    assert missing.returncode == 69
    assert "Traceback" not in missing.stderr
