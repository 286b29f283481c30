"""What operators ask of the running service, with PostgreSQL there and away."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cloud import schema
from cloud.app import create_app
from cloud.errors import SchemaMismatch
from cloud.postgres import embedded
from cloud.settings import Settings


async def test_a_started_service_is_live_and_ready(app_client):
    assert (await app_client.get("/health/live")).json() == {"status": "ok"}
    ready = await app_client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["database"] == "ok"
    shown = (await app_client.get("/health/schema")).json()
    assert shown["revision"] == shown["head"]


async def test_figures_are_in_prometheus_form(app_client, tenant):
    await app_client.get("/machines", headers=tenant.worker)
    figures = await app_client.get("/metrics")
    assert figures.headers["Content-Type"].startswith("text/plain")
    assert 'tezgah_http_requests_total{method="GET",route="/machines",status="200"} 1.0' in figures.text


async def test_the_service_refuses_to_start_on_a_schema_that_is_not_its_own(empty_database_url):
    app = create_app(Settings(_env_file=None, secret_key="k" * 32, database_url=empty_database_url))
    with pytest.raises(SchemaMismatch, match="run `tezgah-cloud migrate`"):
        async with app.router.lifespan_context(app):
            pass


async def test_without_its_database_the_service_starts_lives_and_is_not_ready():
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    app = create_app(Settings(_env_file=None, secret_key="k" * 32, database_url=nowhere))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/health/ready")
        login = await client.post("/auth/login", json={"username": "a", "password": "b"})
    for answer in (ready, login):
        assert answer.status_code == 503
        assert answer.json()["error_code"] == "DATABASE_UNAVAILABLE"
        assert int(answer.headers["Retry-After"]) == answer.json()["retry_after_s"] >= 1
        assert "127.0.0.1" not in answer.text


async def test_when_its_database_goes_the_service_is_not_ready_and_whole_again_when_it_comes():
    with tempfile.TemporaryDirectory(prefix="tz-", ignore_cleanup_errors=True) as directory:
        with embedded(Path(directory)) as url:
            schema.migrate(url)
        app = create_app(Settings(_env_file=None, secret_key="k" * 32, database_url=url))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client,
        ):

            async def statuses() -> list[int]:
                paths = ("/health/live", "/health/ready", "/auth/me")
                token = {"Authorization": f"Bearer {app.state.tokens.issue(1, datetime.now(UTC))}"}
                return [(await client.get(path, headers=token)).status_code for path in paths]

            assert await statuses() == [200, 503, 503]
            for _ in range(2):
                with embedded(Path(directory)):
                    # 401: that user does not exist, which only the database can tell
                    assert await statuses() == [200, 200, 401]
                assert await statuses() == [200, 503, 503]
