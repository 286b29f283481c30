"""Signing in, and being known afterwards."""

import asyncio
import threading
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.bcrypt import BcryptHasher
from sqlalchemy import text

from cloud.app import create_app
from cloud.identity import rules, service
from cloud.identity.passwords import Passwords
from cloud.identity.schemas import Role

PASSWORD = "correct horse battery"


@pytest.fixture
async def username(app) -> str:
    name = f"ayse-{uuid.uuid4().hex[:8]}"
    async with app.state.database.transaction() as session:
        organization = await service.create_organization(session, f"org of {name}")
        await service.create_user(session, organization.id, name, Role.PLANNER, PASSWORD, app.state.passwords)
    return name


def stored_hash(url: str, username: str) -> str:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT password_hash FROM app_user WHERE username = %s", [username]).fetchone()[0]


def execute(url: str, statement: str, *values: object) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement, values)


async def test_a_user_signs_in_with_json_or_with_the_oauth2_form_on_both_faces(app_client, username):
    given = {"username": username, "password": PASSWORD}
    bare = (await app_client.post("/auth/login", json=given)).json()
    assert bare.keys() == {"access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"}
    assert (bare["token_type"], bare["expires_in"]) == ("bearer", 900)
    form = await app_client.post("/auth/login", data=given | {"grant_type": "password", "scope": ""})
    assert form.json().keys() == bare.keys()
    assert form.headers["Cache-Control"] == "no-store"
    versioned = (await app_client.post("/api/v1/auth/login", json=given)).json()
    assert versioned["data"].keys() == bare.keys()
    me = await app_client.get("/auth/me", headers={"Authorization": f"Bearer {bare['access_token']}"})
    assert (me.json()["username"], me.json()["role"]) == (username, "planner")
    assert "password_hash" not in me.json()


async def test_case_does_not_matter_in_a_user_name(app_client, username):
    given = {"username": username.upper(), "password": PASSWORD}
    assert (await app_client.post("/auth/login", json=given)).status_code == 200


@pytest.mark.parametrize("kind", ["wrong password", "unknown name"])
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(app_client, username, kind):
    name = username if kind == "wrong password" else f"nobody-{uuid.uuid4().hex[:8]}"
    answer = await app_client.post("/auth/login", json={"username": name, "password": "wrong horse battery"})
    assert answer.status_code == 401
    assert answer.json()["error_code"] == "LOGIN_FAILED"
    assert answer.json()["detail"] == "The user name or the password is wrong."


@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {}},
        {"json": {"username": "a"}},
        {"json": {"username": "a", "password": "b", "role": "admin"}},
        {"json": {"username": "a\x00b", "password": "b"}},
        {"json": {"username": "a", "password": "x" * 257}},
        {"json": {"username": "a", "password": 7}},
        {"content": b"{", "headers": {"Content-Type": "application/json"}},
        {"content": b"\xff", "headers": {"Content-Type": "application/json"}},
        {"data": {"username": "a"}},
    ],
    ids=str,
)
async def test_a_login_that_is_no_login_is_422_and_shows_no_password(app_client, request_of):
    answer = await app_client.post("/auth/login", **request_of)
    assert answer.status_code == 422
    assert answer.json()["error_code"] == "VALIDATION_ERROR"
    assert all(mistake["loc"][0] == "body" for mistake in answer.json()["errors"])
    assert "x" * 257 not in answer.text


async def test_a_login_in_another_form_is_415(app_client):
    answer = await app_client.post("/auth/login", content=b"<a/>", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 415


async def test_an_old_bcrypt_hash_is_replaced_at_the_first_login(app_client, database_url, username):
    old = BcryptHasher(rounds=4).hash(PASSWORD)
    execute(database_url, "UPDATE app_user SET password_hash = %s WHERE username = %s", old, username)
    assert (await app_client.post("/auth/login", json={"username": username, "password": PASSWORD})).status_code == 200
    assert stored_hash(database_url, username).startswith("$argon2id$")


async def test_after_ten_failures_even_the_right_password_must_wait(app_client, database_url, username):
    wrong = {"username": username, "password": "wrong horse battery"}
    right = {"username": username, "password": PASSWORD}
    for _ in range(rules.ACCOUNT_LIMIT):
        assert (await app_client.post("/auth/login", json=wrong)).status_code == 401
    answer = await app_client.post("/auth/login", json=right)
    assert answer.status_code == 429
    assert answer.json()["error_code"] == "LOGIN_THROTTLED"
    assert 0 < int(answer.headers["Retry-After"]) <= rules.WINDOW.total_seconds()
    over = datetime.now(UTC) - rules.WINDOW - timedelta(seconds=1)
    execute(database_url, "UPDATE login_failures SET since = %s", over)
    assert (await app_client.post("/auth/login", json=right)).status_code == 200
    assert (await app_client.post("/auth/login", json=wrong)).status_code == 401


async def test_of_guesses_made_at_once_no_more_are_answered_than_one_after_another(app_client, username):
    wrong = {"username": username, "password": "wrong horse battery"}
    assert (await app_client.post("/auth/login", json=wrong)).status_code == 401
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(app_client.post("/auth/login", json=wrong)) for _ in range(30)]
    answered = Counter(task.result().status_code for task in sent)
    assert answered == {401: rules.ACCOUNT_LIMIT - 1, 429: 31 - rules.ACCOUNT_LIMIT}
    right = {"username": username, "password": PASSWORD}
    assert (await app_client.post("/auth/login", json=right)).status_code == 429


async def test_many_devices_of_one_account_sign_in_at_once(app_client, username):
    right = {"username": username, "password": PASSWORD}
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(app_client.post("/auth/login", json=right)) for _ in range(15)]
    assert {task.result().status_code for task in sent} == {200}


class SlowHasher(BcryptHasher):
    """Takes as long as the test likes."""

    def __init__(self) -> None:
        super().__init__(rounds=4)
        self.begun, self.may_end = threading.Semaphore(0), threading.Event()

    def verify(self, password: str | bytes, hash: str | bytes) -> bool:
        self.begun.release()
        assert self.may_end.wait(90)
        return super().verify(password, hash)


async def test_a_login_holds_no_connection_while_its_password_is_hashed(app, app_client, database_url, username):
    slow = SlowHasher()
    execute(database_url, "UPDATE app_user SET password_hash = %s WHERE username = %s", slow.hash(PASSWORD), username)
    app.state.passwords = Passwords(PasswordHash((slow,)))
    async with asyncio.TaskGroup() as group:
        sent = group.create_task(app_client.post("/auth/login", json={"username": username, "password": PASSWORD}))
        try:
            assert await asyncio.to_thread(slow.begun.acquire, timeout=60)
            assert app.state.database.engine.pool.checkedout() == 0
        finally:
            slow.may_end.set()
    assert sent.result().status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Bearer x.y.z"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"}],
    ids=str,
)
async def test_nobody_known_is_401_with_how_to_become_known(app_client, headers):
    answer = await app_client.get("/auth/me", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_demotion_acts_on_tokens_already_given(app_client, app, tenant):
    machine = {"code": "M-1", "name": "M 1"}
    assert (await app_client.post("/machines", json=machine, headers=tenant.planner)).status_code == 201
    async with app.state.database.transaction() as session:
        demote = text("UPDATE app_user SET role = 'worker' WHERE id = :id")
        await session.execute(demote, {"id": tenant.callers[Role.PLANNER].user_id})
    answer = await app_client.post("/machines", json=machine, headers=tenant.planner)
    assert answer.status_code == 403
    assert answer.json()["required_permission"] == ["admin", "planner"]


async def test_a_deactivated_user_is_nobody_at_once(app_client, app, tenant):
    assert (await app_client.get("/auth/me", headers=tenant.worker)).status_code == 200
    async with app.state.database.transaction() as session:
        deactivate = text("UPDATE app_user SET is_active = false WHERE id = :id")
        await session.execute(deactivate, {"id": tenant.callers[Role.WORKER].user_id})
    assert (await app_client.get("/auth/me", headers=tenant.worker)).status_code == 401


async def test_failures_of_names_nobody_has_are_forgotten_in_time(app_client, database_url):
    wrong = {"username": f"nobody-{uuid.uuid4().hex[:8]}", "password": "wrong horse battery"}
    await app_client.post("/auth/login", json=wrong)
    over = datetime.now(UTC) - rules.WINDOW - timedelta(seconds=1)
    execute(database_url, "UPDATE login_failures SET since = %s", over)
    await app_client.post("/auth/login", json=wrong | {"username": "somebody.else"})
    with psycopg.connect(database_url) as connection:
        subjects = {row[0] for row in connection.execute("SELECT subject FROM login_failures")}
    assert f"user:{wrong['username']}" not in subjects
    assert "user:somebody.else" in subjects


async def test_who_is_asking_and_what_they_ask_for_need_one_connection(settings, tenant):
    one = {"database_pool_size": 1, "database_pool_overflow": 0, "database_timeout_s": 1}
    app = create_app(settings.model_copy(update=one))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://t") as client,
    ):
        assert (await client.get("/workorders/", headers=tenant.worker)).status_code == 200
