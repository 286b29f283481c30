"""Health answers of the running service."""


async def test_a_started_service_is_live_and_ready(app_client):
    assert (await app_client.get("/health/live")).json() == {"status": "ok"}
    ready = await app_client.get("/health/ready")
    assert ready.status_code == 200
    assert ready.json()["database"] == "ok"


async def test_me(app_client, tenant):
    answer = await app_client.get("/auth/me", headers=tenant.worker)
    assert answer.json()["role"] == "worker"
