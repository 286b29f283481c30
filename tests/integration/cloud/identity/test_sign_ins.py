"""Staying signed in, and the end of it."""

import asyncio
import uuid

import psycopg
import pytest

from cloud.identity import service
from cloud.identity.schemas import Role

PASSWORD = "correct horse battery"


@pytest.fixture
async def username(app) -> str:
    name = f"ayse-{uuid.uuid4().hex[:8]}"
    async with app.state.database.transaction() as session:
        organization = await service.create_organization(session, f"org of {name}")
        await service.create_user(session, organization.id, name, Role.WORKER, PASSWORD, app.state.passwords)
    return name


@pytest.fixture
def sign_in(app_client, username):
    async def signed_in(password: str = PASSWORD) -> dict:
        answer = await app_client.post("/auth/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    return signed_in


def bearer(tokens: dict) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def refreshed(client, tokens: dict):
    return await client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def long_ago(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE refresh_token SET used_at = used_at - interval '11 seconds'")


def kinds(url: str, username: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT kind FROM change JOIN app_user ON app_user.id::text = entity_id AND entity = 'user'"
            " WHERE username = %s ORDER BY change.id",
            [username],
        )
        return [row[0] for row in found]


async def test_a_refresh_token_is_exchanged_for_the_next_pair(app_client, sign_in):
    tokens = await sign_in()
    for _ in range(3):
        answer = await refreshed(app_client, tokens)
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
        assert answer.json()["refresh_token"] != tokens["refresh_token"]
        tokens = answer.json()
        assert (await app_client.get("/auth/me", headers=bearer(tokens))).status_code == 200


async def test_a_lost_answer_is_given_again_for_ten_seconds_and_is_the_same(app_client, sign_in):
    tokens = await sign_in()
    first, again = await refreshed(app_client, tokens), await refreshed(app_client, tokens)
    assert first.json()["refresh_token"] == again.json()["refresh_token"]
    assert (await refreshed(app_client, again.json())).status_code == 200


async def test_many_at_once_with_one_token_get_one_next_token(app_client, sign_in):
    tokens = await sign_in()
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(refreshed(app_client, tokens)) for _ in range(8)]
    assert {task.result().status_code for task in sent} == {200}
    assert len({task.result().json()["refresh_token"] for task in sent}) == 1


async def test_a_token_used_twice_ends_the_whole_sign_in_at_once(app_client, sign_in, database_url, username):
    stolen = await sign_in()
    other_device = await sign_in()
    newest = (await refreshed(app_client, stolen)).json()
    long_ago(database_url)
    reuse = await refreshed(app_client, stolen)
    assert (reuse.status_code, reuse.json()["error_code"]) == (401, "REFRESH_TOKEN_REUSED")
    assert (await refreshed(app_client, newest)).status_code == 401
    assert (await app_client.get("/auth/me", headers=bearer(newest))).status_code == 401
    assert (await app_client.get("/auth/me", headers=bearer(other_device))).status_code == 200
    assert kinds(database_url, username)[-1] == "token_reused"


@pytest.mark.parametrize("token", ["x", "tzr_" + "a" * 43, "ş" * 200])
async def test_what_is_no_refresh_token_opens_nothing(app_client, token):
    answer = await app_client.post("/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "REFRESH_TOKEN_INVALID")
    assert token not in answer.text


async def test_a_refresh_token_is_no_access_token_and_not_in_the_database(app_client, sign_in, database_url):
    tokens = await sign_in()
    assert (
        await app_client.get("/auth/me", headers={"Authorization": f"Bearer {tokens['refresh_token']}"})
    ).status_code == 401
    with psycopg.connect(database_url) as connection:
        kept = connection.execute("SELECT hash FROM refresh_token").fetchall()
    assert all(tokens["refresh_token"].encode() not in row[0] for row in kept)


async def test_signing_out_ends_this_device_at_once_and_no_other(app_client, sign_in, database_url, username):
    here, there = await sign_in(), await sign_in()
    assert (await app_client.post("/auth/logout", headers=bearer(here))).status_code == 204
    assert (await app_client.get("/auth/me", headers=bearer(here))).status_code == 401
    assert (await refreshed(app_client, here)).status_code == 401
    assert (await app_client.get("/auth/me", headers=bearer(there))).status_code == 200
    assert kinds(database_url, username) == ["created", "logged_in", "logged_in", "logged_out"]


async def test_signing_out_everywhere_ends_every_device(app_client, sign_in):
    here, there = await sign_in(), await sign_in()
    answer = await app_client.post("/auth/logout", json={"everywhere": True}, headers=bearer(here))
    assert answer.status_code == 204
    for tokens in (here, there):
        assert (await app_client.get("/auth/me", headers=bearer(tokens))).status_code == 401


async def test_another_password_ends_every_other_device(app_client, sign_in):
    here, there = await sign_in(), await sign_in()
    change = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert (await app_client.post("/auth/password", json=change, headers=bearer(here))).status_code == 204
    assert (await app_client.get("/auth/me", headers=bearer(here))).status_code == 200
    assert (await refreshed(app_client, here)).status_code == 200
    assert (await app_client.get("/auth/me", headers=bearer(there))).status_code == 401
    assert (await refreshed(app_client, there)).status_code == 401
    await sign_in("another horse battery")


@pytest.mark.parametrize("new", ["short", "password1", "12345678"])
async def test_a_password_that_is_not_good_enough_is_refused_with_a_reason(app_client, sign_in, new):
    change = {"current_password": PASSWORD, "new_password": new}
    answer = await app_client.post("/auth/password", json=change, headers=bearer(await sign_in()))
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("The password")
    assert PASSWORD not in answer.text


async def test_guessing_the_current_password_is_counted_like_a_login(app_client, sign_in):
    here = await sign_in()
    guess = {"current_password": "a wrong horse", "new_password": "another horse battery"}
    for _ in range(10):
        assert (await app_client.post("/auth/password", json=guess, headers=bearer(here))).status_code == 401
    assert (await app_client.post("/auth/password", json=guess, headers=bearer(here))).status_code == 429
    right = guess | {"current_password": PASSWORD}
    assert (await app_client.post("/auth/password", json=right, headers=bearer(here))).status_code == 429


async def test_a_login_that_failed_is_on_record_without_the_password(app_client, username, database_url):
    await app_client.post("/auth/login", json={"username": username, "password": "a secret guess"})
    assert kinds(database_url, username)[-1] == "login_failed"
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT before::text, after::text FROM change").fetchall()
    assert all("a secret guess" not in (text or "") and "argon2" not in (text or "") for row in rows for text in row)


async def test_a_sign_in_lapses_when_it_was_not_used_for_long(app_client, sign_in, database_url):
    tokens = await sign_in()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE sign_in SET expires_at = now() - interval '1 second'")
    assert (await refreshed(app_client, tokens)).status_code == 401
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE sign_in SET expires_at = now() - interval '31 days'")
        await sign_in()
        assert connection.execute("SELECT count(*) FROM sign_in").fetchone() == (1,)
