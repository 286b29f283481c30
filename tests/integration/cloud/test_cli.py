"""The command line, as a person or a program calls it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

SEED: dict[str, Any] = {
    "organization": "Acme",
    "users": [{"username": "ayse", "role": "admin", "password": "correct horse"}],
    "machines": [{"code": "PRESS-01", "name": "Press 1"}, {"code": "PRESS-02", "name": "Press 2"}],
    "work_orders": [
        {
            "product_code": "P-1",
            "lot_no": "L-1",
            "qty": 5,
            "planned_start": "2026-03-02T08:00:00Z",
            "planned_end": "2026-03-02T10:00:00Z",
        }
    ],
    "gateways": [{"id": "hall-1"}],
}

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(url: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TEZGAH_", "SECRET_KEY"))}
    return kept | {"TEZGAH_DATABASE_URL": url, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8"}


def runner(url: str, directory: object) -> Run:
    def run(*words: str, say: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cloud", *words],
            env=environment(url),
            cwd=str(directory),
            input=say,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def run(fresh_database_url, tmp_path) -> Run:
    return runner(fresh_database_url, tmp_path)


def test_a_seed_is_loaded_once_however_often(run):
    first = run("seed", "-", "--json", say=json.dumps(SEED))
    assert first.returncode == 0, first.stderr
    loaded = json.loads(first.stdout)
    assert [machine["code"] for machine in loaded["machines"]] == ["PRESS-01", "PRESS-02"]
    assert loaded["users"][0].keys() == {"id", "username", "role"}
    assert loaded["gateways"][0]["token"]
    again = json.loads(run("seed", "-", "--json", say=json.dumps(SEED)).stdout)
    assert again.pop("gateways") == [{"id": "hall-1"}]
    loaded.pop("gateways")
    assert again == loaded


def test_a_seed_with_a_mistake_loads_nothing_and_says_where(run):
    wrong = SEED | {"machines": [{"code": "A", "name": "A"}, {"code": "", "name": "B"}]}
    failed = run("seed", "-", say=json.dumps(wrong))
    assert failed.returncode == 1
    assert "machines.1.code" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert json.loads(run("organization", "list", "--json").stdout) == []


def test_an_operator_sets_up_an_organization_and_its_admin(run):
    created = run("organization", "create", "Acme", "--time-zone", "Europe/Istanbul", "--json")
    assert json.loads(created.stdout)["time_zone"] == "Europe/Istanbul"
    made = run(
        "user", "create", "Ayse", "-o", "Acme", "--role", "admin", "--password-stdin", "--json", say="correct horse\n"
    )
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["username"] == "ayse"
    assert "correct horse" not in made.stdout + made.stderr
    assert "ayse" in run("user", "list").stdout
    assert run("user", "passwd", "ayse", "--password-stdin", say="another horse\n").returncode == 0
    last = run("user", "deactivate", "ayse")
    assert (last.returncode, "only active admin" in last.stderr) == (1, True)
    run("user", "create", "mehmet", "-o", "Acme", "--password-stdin", say="correct horse\n")
    assert json.loads(run("user", "role", "mehmet", "admin", "--json").stdout)["role"] == "admin"
    assert json.loads(run("user", "deactivate", "ayse", "--json").stdout)["is_active"] is False
    assert json.loads(run("user", "reactivate", "Ayse", "--json").stdout)["is_active"] is True
    assert [each["username"] for each in json.loads(run("user", "list", "-o", "Acme", "--json").stdout)] == [
        "ayse",
        "mehmet",
    ]
    assert json.loads(run("machine", "create", "M-1", "-o", "Acme", "--json").stdout)["code"] == "M-1"
    assert [row["code"] for row in json.loads(run("machine", "list", "-o", "Acme", "--json").stdout)] == ["M-1"]


@pytest.mark.parametrize(
    ("words", "say", "code", "sentence"),
    [
        (("organization", "create", "A", "B"), "", 2, "unexpected extra argument"),
        (("user", "create", "ayse", "-o", "X", "--password-stdin"), "correct horse\n", 1, "no organization named X"),
        (("user", "create", "ayse", "-o", "None", "--password-stdin"), "", 1, "no password on standard input"),
        (("user", "create", "a b", "-o", "None"), "", 1, "'a b' cannot be a user name"),
        (("organization", "create", " "), "", 1, "cannot be an organization's name"),
        (("organization", "create", "A", "--time-zone", "Mars"), "", 1, "Mars"),
        (("machine", "create", "", "-o", "None"), "", 1, "cannot be a machine"),
        (("user", "create", "ayse", "-o", "None"), "", 1, "give --password-stdin"),
        (("user", "passwd", "nobody", "--password-stdin"), "correct horse\n", 1, "no user named nobody"),
        (("seed", "no-such-file.json"), "", 1, "no-such-file.json"),
        (("serve",), "", 78, "SECRET_KEY: it is not set"),
        (("migrate", "--to", "zzz"), "", 1, "no revision zzz"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_what_is_refused_is_one_sentence_and_an_exit_code(run, words, say, code, sentence):
    failed = run(*words, say=say)
    assert failed.returncode == code, failed.stderr
    assert sentence in " ".join(failed.stderr.split())
    assert "Traceback" not in failed.stderr


def test_with_debug_the_trace_is_shown(run):
    assert "Traceback" in run("--debug", "seed", "no-such-file.json").stderr


def test_a_database_that_is_not_there_is_exit_code_69(tmp_path):
    failed = runner("postgresql://nobody@127.0.0.1:1/none", tmp_path)("user", "list")
    assert failed.returncode == 69
    assert "does not answer" in failed.stderr


def test_a_schema_is_migrated_and_checked(empty_database_url, tmp_path):
    run = runner(empty_database_url, tmp_path)
    refused = run("migrate", "--check")
    assert refused.returncode == 78
    assert "tezgah-cloud migrate" in refused.stderr
    assert run("user", "list").returncode == 78
    assert run("migrate").returncode == 0
    assert run("migrate", "--check").returncode == 0


def test_the_api_is_described_without_a_database(tmp_path):
    run = runner("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    snapshot = tmp_path / "openapi.json"
    assert run("openapi", "--output", str(snapshot)).returncode == 0
    assert json.loads(snapshot.read_bytes())["openapi"].startswith("3.1")
    assert run("openapi", "--check", str(snapshot)).returncode == 0
    grown = json.loads(snapshot.read_bytes())
    grown["paths"]["/gone"] = {"get": {}}
    snapshot.write_text(json.dumps(grown))
    failed = run("openapi", "--check", str(snapshot))
    assert failed.returncode == 1
    assert "GET /gone is gone" in failed.stderr


def test_help_names_the_commands(tmp_path):
    shown = runner("", tmp_path)("--help").stdout
    for command in ("serve", "migrate", "seed", "openapi", "organization", "user", "machine", "gateway"):
        assert command in shown
