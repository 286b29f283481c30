"""Who may be in, and as what."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from cloud.app import create_app
from cloud.identity import rules, service
from cloud.identity.schemas import Role

PASSWORD = "correct horse battery"


@pytest.fixture
async def open_client(settings, app) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application at which people may register."""
    name = f"org-{uuid.uuid4().hex[:8]}"
    async with app.state.database.transaction() as session:
        await service.create_organization(session, name)
    application = create_app(settings.model_copy(update={"registration_organization": name}))
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://cloud.test") as client,
    ):
        yield client


def newcomer(**more) -> dict:
    return {"username": f"mehmet-{uuid.uuid4().hex[:8]}", "password": PASSWORD, **more}


@pytest.mark.parametrize("sent", [{}, {"role": "admin"}, {"role": 7}, {"role": None}], ids=str)
async def test_who_registers_is_a_worker_whatever_they_say(open_client, sent):
    who = newcomer(**sent)
    answer = await open_client.post("/auth/register", json=who)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["username"], answer.json()["role"]) == (who["username"], "worker")
    signed_in = await open_client.post("/auth/login", json={"username": who["username"], "password": PASSWORD})
    me = await open_client.get("/auth/me", headers={"Authorization": f"Bearer {signed_in.json()['access_token']}"})
    assert me.json() == answer.json()


async def test_a_name_is_taken_once_whatever_its_case(open_client):
    who = newcomer()
    assert (await open_client.post("/auth/register", json=who)).status_code == 201
    again = await open_client.post("/auth/register", json=who | {"username": who["username"].upper()})
    assert (again.status_code, again.json()["error_code"]) == (409, "USERNAME_TAKEN")


async def test_where_registration_is_not_opened_nobody_registers_and_is_told_who_helps(app_client):
    answer = await app_client.post("/auth/register", json=newcomer())
    assert (answer.status_code, answer.json()["error_code"]) == (403, "REGISTRATION_CLOSED")
    assert "admin" in answer.json()["detail"]


@pytest.mark.parametrize(
    "changed",
    [{"password": "short"}, {"password": "password1"}, {"username": "a"}, {"username": "ali veli"}, {"is_admin": True}],
    ids=str,
)
async def test_a_registration_that_cannot_be_is_422(open_client, changed):
    answer = await open_client.post("/auth/register", json=newcomer() | changed)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "VALIDATION_ERROR")


async def test_the_own_name_is_no_password(open_client):
    answer = await open_client.post("/auth/register", json={"username": "mehmet.yilmaz", "password": "Mehmet.Yilmaz"})
    assert answer.status_code == 422


async def test_an_address_registers_a_hundred_times_in_a_quarter_of_an_hour_and_no_more(open_client, database_url):
    # names that are taken count as well, or one could ask for every name there is
    taken = newcomer()
    await open_client.post("/auth/register", json=taken)
    await _have_registered(database_url, rules.ADDRESS_LIMIT - 1)
    assert (await open_client.post("/auth/register", json=taken)).status_code == 409
    answer = await open_client.post("/auth/register", json=newcomer())
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    await _have_registered(database_url, 0)


async def _have_registered(url: str, times: int) -> None:
    import psycopg

    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("UPDATE login_failures SET failures = %s WHERE subject LIKE 'register:%%'", [times])


async def test_an_admin_makes_lists_and_sees_users_of_the_own_organization_only(app_client, tenant, new_tenant):
    other = await new_tenant()
    made = await app_client.post("/auth/users", json=newcomer(role="PLANNER"), headers=tenant.admin)
    assert (made.status_code, made.json()["role"]) == (201, "planner")
    listed = await app_client.get("/auth/users", headers=tenant.admin)
    assert len(listed.json()) == 4
    assert {each["organization_id"] for each in listed.json()} == {str(tenant.organization_id)}
    planners = await app_client.get("/auth/users", params={"role": "planner", "limit": 1}, headers=tenant.admin)
    assert [each["role"] for each in planners.json()] == ["planner"]
    assert "next" in planners.links
    one = await app_client.get(f"/auth/users/{made.json()['id']}", headers=tenant.admin)
    assert one.json() == made.json()
    assert (await app_client.get(f"/auth/users/{made.json()['id']}", headers=other.admin)).status_code == 404


def path(tenant, role: Role, what: str) -> str:
    return f"/auth/users/{tenant.callers[role].user_id}/{what}"


async def test_a_promotion_and_a_demotion_act_on_tokens_already_given(app_client, tenant):
    machine = {"code": "M-1", "name": "M 1"}
    assert (await app_client.post("/machines", json=machine, headers=tenant.worker)).status_code == 403
    raised = await app_client.patch(path(tenant, Role.WORKER, "role"), json={"role": "planner"}, headers=tenant.admin)
    assert (raised.status_code, raised.json()["role"]) == (200, "planner")
    assert (await app_client.post("/machines", json=machine, headers=tenant.worker)).status_code == 201
    await app_client.patch(path(tenant, Role.WORKER, "role"), json={"role": "worker"}, headers=tenant.admin)
    assert (await app_client.post("/machines", json=machine, headers=tenant.worker)).status_code == 403


async def test_a_role_that_is_none_is_refused_with_those_there_are(app_client, tenant):
    answer = await app_client.patch(path(tenant, Role.WORKER, "role"), json={"role": "boss"}, headers=tenant.admin)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["valid_values"] == ["admin", "planner", "worker"]


async def test_who_is_deactivated_is_out_at_once_and_comes_back_when_let_in(app_client, app, tenant):
    who = newcomer()
    user_id = (await app_client.post("/auth/users", json=who, headers=tenant.admin)).json()["id"]
    credentials = {"username": who["username"], "password": PASSWORD}
    tokens = (await app_client.post("/auth/login", json=credentials)).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    out = await app_client.post(f"/auth/users/{user_id}/deactivate", headers=tenant.admin)
    assert (out.status_code, out.json()["is_active"]) == (200, False)
    assert (await app_client.get("/auth/me", headers=bearer)).status_code == 401
    assert (await app_client.post("/auth/login", json=credentials)).status_code == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    assert (await app_client.post("/auth/refresh", json=refresh)).status_code == 401
    back = await app_client.post(f"/auth/users/{user_id}/reactivate", headers=tenant.admin)
    assert back.json()["is_active"] is True
    # what was signed in before stays out; the password opens again
    assert (await app_client.get("/auth/me", headers=bearer)).status_code == 401
    assert (await app_client.post("/auth/refresh", json=refresh)).status_code == 401
    assert (await app_client.post("/auth/login", json=credentials)).status_code == 200


async def test_a_change_from_an_old_look_is_refused(app_client, tenant):
    one = f"/auth/users/{tenant.callers[Role.WORKER].user_id}"
    seen = (await app_client.get(one, headers=tenant.admin)).headers["ETag"]
    conditional = tenant.admin | {"If-Match": seen}
    first = await app_client.patch(f"{one}/role", json={"role": "planner"}, headers=conditional)
    assert first.status_code == 200
    second = await app_client.post(f"{one}/deactivate", headers=conditional)
    assert (second.status_code, second.json()["error_code"]) == (412, "PRECONDITION_FAILED")
    assert second.headers["ETag"] == first.headers["ETag"]
    now = await app_client.get(f"/api/v1{one}", headers=tenant.admin)
    assert (now.json()["data"]["is_active"], now.headers["ETag"]) == (True, first.headers["ETag"])


async def test_the_last_admin_cannot_be_lost(app_client, tenant):
    demotion = await app_client.patch(path(tenant, Role.ADMIN, "role"), json={"role": "worker"}, headers=tenant.admin)
    assert (demotion.status_code, demotion.json()["error_code"]) == (409, "LAST_ADMIN")
    removal = await app_client.post(path(tenant, Role.ADMIN, "deactivate"), headers=tenant.admin)
    assert (removal.status_code, removal.json()["error_code"]) == (409, "LAST_ADMIN")
    again = await app_client.patch(path(tenant, Role.ADMIN, "role"), json={"role": "admin"}, headers=tenant.admin)
    assert again.status_code == 200


async def test_of_two_admins_who_demote_each_other_at_once_one_stays(app_client, tenant):
    await app_client.patch(path(tenant, Role.PLANNER, "role"), json={"role": "admin"}, headers=tenant.admin)
    for _ in range(5):
        async with asyncio.TaskGroup() as group:
            sent = [
                group.create_task(app_client.patch(path(tenant, victim, "role"), json={"role": "worker"}, headers=by))
                for victim, by in ((Role.PLANNER, tenant.admin), (Role.ADMIN, tenant.planner))
            ]
        statuses = sorted(task.result().status_code for task in sent)
        # the second one is refused as no admin any more, or because nobody would be left
        assert statuses in ([200, 403], [200, 409])
        who = tenant.admin if sent[0].result().status_code == 200 else tenant.planner
        for role in (Role.ADMIN, Role.PLANNER):
            answer = await app_client.patch(path(tenant, role, "role"), json={"role": "admin"}, headers=who)
            assert answer.status_code == 200
