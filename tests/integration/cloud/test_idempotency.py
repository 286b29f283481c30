"""Requests that are sent again, over real transactions."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from fastapi import FastAPI, Request

from cloud.app import create_app
from cloud.idempotency import REPLAYED, Fingerprints
from tests.integration.cloud.waiting import until_waiting

ORDER = {
    "product_code": "P-1",
    "lot_no": "L-1",
    "qty": 5,
    "planned_start": "2026-03-02T08:00:00Z",
    "planned_end": "2026-03-02T16:00:00Z",
}
MACHINE = {"code": "PRESS-01", "name": "Press 1"}


def keyed(who: dict[str, str], key: str | None = None) -> dict[str, str]:
    return who | {"Idempotency-Key": key or uuid.uuid4().hex}


async def count(client: httpx.AsyncClient, who: dict[str, str], path: str) -> int:
    answer = await client.get(path, params={"with_total": True}, headers=who)
    return answer.json()["meta"]["total"]


@pytest.mark.parametrize("prefix", ["", "/api/v1"])
async def test_a_repeat_gets_the_first_answer_and_does_nothing(app_client, tenant, prefix):
    headers = keyed(tenant.planner)
    first = await app_client.post(f"{prefix}/workorders/", json=ORDER, headers=headers)
    again = await app_client.post(f"{prefix}/workorders/", json=ORDER, headers=headers)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert await count(app_client, tenant.planner, "/api/v1/workorders/") == 1


async def test_a_keyed_answer_is_the_same_as_one_without_a_key(app_client, tenant):
    plain = (await app_client.post("/workorders/", json=ORDER, headers=tenant.planner)).json()
    with_key = (await app_client.post("/workorders/", json=ORDER, headers=keyed(tenant.planner))).json()
    for each in (plain, with_key):
        del each["id"], each["created_at"], each["updated_at"]
    assert with_key == plain


async def test_without_a_key_it_is_done_again(app_client, tenant):
    for _ in range(2):
        assert (await app_client.post("/workorders/", json=ORDER, headers=tenant.planner)).status_code == 201
    assert await count(app_client, tenant.planner, "/api/v1/workorders/") == 2


@pytest.mark.parametrize(
    ("path", "body"), [("/workorders/", ORDER | {"qty": 6}), ("/api/v1/workorders/", ORDER), ("/machines", MACHINE)]
)
async def test_another_request_under_a_used_key_is_refused(app_client, tenant, path, body):
    headers = keyed(tenant.planner)
    await app_client.post("/workorders/", json=ORDER, headers=headers)
    refused = await app_client.post(path, json=body, headers=headers)
    assert (refused.status_code, refused.json()["error_code"]) == (422, "IDEMPOTENCY_KEY_REUSED")


async def test_the_same_key_of_another_caller_is_another_key(app_client, tenant, new_tenant):
    other = await new_tenant()
    first = await app_client.post("/workorders/", json=ORDER, headers=keyed(tenant.planner, "k"))
    for who in (tenant.admin, other.planner):
        theirs = await app_client.post("/workorders/", json=ORDER, headers=keyed(who, "k"))
        assert theirs.status_code == 201
        assert theirs.json()["id"] != first.json()["id"]


async def test_a_refused_request_does_not_use_its_key_up(app_client, tenant):
    await app_client.post("/machines", json=MACHINE, headers=tenant.planner)
    headers = keyed(tenant.planner)
    assert (await app_client.post("/machines", json=MACHINE, headers=headers)).status_code == 409
    again = await app_client.post("/machines", json=MACHINE, headers=headers)
    assert (again.status_code, again.json()["error_code"]) == (409, "MACHINE_CODE_TAKEN")
    corrected = await app_client.post("/machines", json=MACHINE | {"code": "PRESS-02"}, headers=headers)
    assert corrected.status_code == 201


async def test_an_answer_with_a_secret_is_not_kept_and_the_work_not_done_twice(app_client, tenant, database_url):
    headers = keyed(tenant.admin)
    first = await app_client.post("/gateways", json={"name": "hall-1"}, headers=headers)
    assert first.status_code == 201
    again = await app_client.post("/gateways", json={"name": "hall-1"}, headers=headers)
    assert (again.status_code, again.json()["error_code"]) == (409, "IDEMPOTENCY_ANSWER_NOT_KEPT")
    with psycopg.connect(database_url) as connection:
        kept = connection.execute(
            "SELECT body, fingerprint FROM idempotency_key WHERE key = %s", [headers["Idempotency-Key"]]
        ).fetchone()
    assert kept is not None
    assert kept[0] is None


@pytest.mark.parametrize("key", ["", '""', "two words", "x" * 256, "ş".encode()])
async def test_what_cannot_be_a_key_is_refused(app_client, tenant, key):
    answer = await app_client.post("/workorders/", json=ORDER, headers=tenant.planner | {"Idempotency-Key": key})
    assert answer.status_code in {400, 422}


async def test_the_drafts_quoted_key_is_the_same_as_the_bare_one(app_client, tenant):
    key = uuid.uuid4().hex
    first = await app_client.post("/workorders/", json=ORDER, headers=keyed(tenant.planner, key))
    again = await app_client.post("/workorders/", json=ORDER, headers=keyed(tenant.planner, f'"{key}"'))
    assert again.content == first.content


@pytest.fixture
async def workers(settings, app: FastAPI) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two applications over one database, as two worker processes are."""
    other = create_app(settings)
    async with other.router.lifespan_context(other):
        transports = [httpx.ASGITransport(each) for each in (app, other)]
        clients = [httpx.AsyncClient(transport=each, base_url="http://cloud.test") for each in transports]
        yield clients
        for each in clients:
            await each.aclose()


async def test_of_twenty_repeats_at_once_at_two_workers_one_is_done(workers, tenant):
    headers = keyed(tenant.planner)
    sent = [workers[turn % 2].post("/workorders/", json=ORDER, headers=headers) for turn in range(20)]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in sent]
    answers = [task.result() for task in tasks]
    assert {each.status_code for each in answers} <= {201, 409}
    done = [each for each in answers if each.status_code == 201]
    assert len({each.content for each in done}) == 1
    assert sum(REPLAYED not in each.headers for each in done) == 1
    for refused in (each for each in answers if each.status_code == 409):
        assert refused.json()["error_code"] == "IDEMPOTENCY_KEY_IN_USE"
        assert refused.headers["Retry-After"] == "1"
    assert await count(workers[0], tenant.planner, "/api/v1/workorders/") == 1


async def test_while_the_first_runs_a_repeat_is_told_to_wait_and_not_kept_waiting(
    app_client, tenant, database, database_url
):
    headers = keyed(tenant.planner)
    # who holds the table of orders keeps the first request in the middle of its work
    async with await psycopg.AsyncConnection.connect(database_url) as holder:
        await holder.execute("LOCK TABLE work_order IN SHARE ROW EXCLUSIVE MODE")
        async with asyncio.TaskGroup() as group:
            first = group.create_task(app_client.post("/workorders/", json=ORDER, headers=headers))
            await until_waiting(database, 1)
            again = await app_client.post("/workorders/", json=ORDER, headers=headers)
            await holder.rollback()
    assert (again.status_code, again.json()["error_code"]) == (409, "IDEMPOTENCY_KEY_IN_USE")
    assert first.result().status_code == 201


async def test_after_a_week_an_answer_is_forgotten_and_its_key_free(app_client, tenant, database_url):
    headers = keyed(tenant.planner)
    first = await app_client.post("/workorders/", json=ORDER, headers=headers)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE idempotency_key SET kept_at = kept_at - interval '7 days 1 minute'")
        again = await app_client.post("/workorders/", json=ORDER | {"qty": 9}, headers=headers)
        assert again.status_code == 201
        assert again.json()["id"] != first.json()["id"]
        await app_client.post("/workorders/", json=ORDER, headers=keyed(tenant.planner))
        assert connection.execute("SELECT count(*) FROM idempotency_key").fetchone() == (2,)


async def test_a_form_that_is_sent_again_is_recognized():
    def upload(content: bytes) -> Request:
        body = (
            b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n' + content + b"\r\n--b--\r\n"
        )
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/x",
            "query_string": b"",
            "headers": [(b"content-type", b"multipart/form-data; boundary=b"), (b"host", b"h")],
        }

        async def receive() -> dict:
            return {"type": "http.request", "body": body}

        return Request(scope, receive)

    prints = Fingerprints("s" * 32)
    one, same, other = [await prints.claim(upload(content), "user:1", "k") for content in (b"one", b"one", b"two")]
    assert one == same
    assert one != other


async def test_a_photo_that_is_sent_again_is_kept_once(app_client, tenant):
    order = (await app_client.post("/workorders/", json=ORDER, headers=tenant.planner)).json()["id"]
    stage = (await app_client.get(f"/workorders/{order}/stages", headers=tenant.planner)).json()[0]["id"]
    given = {"type": "quality", "description": "x"}
    issue = (await app_client.post(f"/stages/{stage}/issue", json=given, headers=tenant.planner)).json()["id"]
    headers = keyed(tenant.planner)
    photo = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"

    async def send(content: bytes) -> httpx.Response:
        files = {"file": ("a.jpg", content, "image/jpeg")}
        return await app_client.post(f"/issues/{issue}/attachments", files=files, headers=headers)

    first, again = await send(photo), await send(photo)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert (await send(photo + b"more")).status_code == 422
    kept = await app_client.get(f"/issues/{issue}/attachments", headers=tenant.planner)
    assert len(kept.json()) == 1


async def test_an_answer_without_a_body_is_repeated_too(app_client, tenant):
    headers = keyed(tenant.worker)
    first, again = [await app_client.post("/auth/logout", headers=headers) for _ in range(2)]
    assert (first.status_code, again.status_code) == (204, 204)
    assert (again.content, again.headers[REPLAYED]) == (b"", "true")
