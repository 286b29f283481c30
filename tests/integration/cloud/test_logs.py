"""The log of a run that used secrets everywhere: who asked for what, and never a secret."""

import json
import logging
import secrets
from pathlib import Path

import httpx
import pytest

from cloud.app import create_app
from cloud.settings import Settings
from shared import logs

KEY = secrets.token_hex(32)


@pytest.fixture
def log(tmp_path: Path, database_url: str):
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    path = tmp_path / "cloud.log"
    settings = Settings(
        _env_file=None,
        secret_key=KEY,
        database_url=database_url,
        database_pool_size=4,
        log_file=path,
        log_level="DEBUG",
    )
    settings.configure_logs()
    yield settings, path
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def settings(log) -> Settings:
    return log[0]


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def test_each_request_leaves_a_line_with_who_what_and_how_it_ended(log, app_client, tenant):
    await app_client.get("/machines/NOPE?q=1", headers=tenant.worker | {"X-Request-ID": "r-77"})
    await app_client.get("/auth/me")
    of = {line["request_id"]: line for line in lines(log[1]) if line["event"] == "request"}
    line = of["r-77"]
    assert (line["method"], line["route"], line["path"]) == ("GET", "/machines/{machine_id}", "/machines/NOPE")
    assert (line["status"], line["organization"]) == (404, str(tenant.organization_id))
    assert isinstance(line["user"], int)
    assert line["ms"] > 0
    stranger = next(each for each in of.values() if each["path"] == "/auth/me")
    # nobody is signed in, and the last request's user is not theirs
    assert "user" not in stranger
    assert "organization" not in stranger


async def test_no_secret_reaches_the_log(log, app, app_client, tenant, database_url):
    _, path = log
    hidden = {name: secrets.token_hex(12) for name in ("password", "other", "query", "cookie", "bearer", "trace", "db")}
    login = {"username": "somebody", "password": hidden["password"]}
    await app_client.post("/auth/login", json=login)
    await app_client.post("/auth/login", data=login)
    await app_client.post("/auth/login", json=login | {"password": [hidden["other"]]})
    await app_client.post("/auth/register", json=login)
    await app_client.get(
        f"/machines?access_token={hidden['query']}&token={hidden['query']}",
        headers={"Authorization": f"Bearer {hidden['bearer']}", "Cookie": f"session={hidden['cookie']}"},
    )
    await app_client.post("/ingest/batches", content=b"x", headers={"Authorization": f"Bearer tzg_{hidden['bearer']}"})
    await app_client.get("/machines", headers=tenant.admin)

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError(f"cannot send {{'password': '{hidden['trace']}'}} to http://me:{hidden['db']}@host/")

    answer = await app_client.get("/broken")
    assert (answer.status_code, answer.json()["error_code"]) == (500, "INTERNAL")
    assert "RuntimeError" not in answer.text
    nowhere = create_app(
        Settings(_env_file=None, secret_key=KEY, database_url=f"postgresql://me:{hidden['db']}@127.0.0.1:1/none")
    )
    async with (
        nowhere.router.lifespan_context(nowhere),
        httpx.AsyncClient(transport=httpx.ASGITransport(nowhere), base_url="http://t") as client,
    ):
        assert (await client.get("/health/ready")).status_code == 503
    text = path.read_text(encoding="utf-8")
    trace = next(line for line in lines(path) if line["event"] == "unexpected_error")
    assert trace["exception"][0]["exc_type"] == "RuntimeError"
    assert logs.BLANK in json.dumps(trace)
    tokens = [headers["Authorization"].split()[1] for headers in (tenant.admin, tenant.worker)]
    for secret in (*hidden.values(), *tokens, KEY):
        assert secret not in text
    assert len(lines(path)) > 8
