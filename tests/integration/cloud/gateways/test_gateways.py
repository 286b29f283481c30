"""Gateways are registered by admins, known by their tokens, and nobody else's business."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.errors import Unauthenticated
from cloud.gateways import enrolment, service, tokens
from cloud.identity.schemas import Role

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def create(app_client, tenant, name: str = "hall-2"):
    return await app_client.post("/api/v1/gateways", json={"name": name}, headers=tenant.admin)


async def test_an_admin_registers_a_gateway_and_sees_its_token_once(app_client, tenant):
    answer = await create(app_client, tenant)
    assert answer.status_code == 201
    created = answer.json()["data"]
    assert tokens.read(created.pop("token")).gateway_id.hex == created["id"].replace("-", "")
    listed = (await app_client.get("/api/v1/gateways", headers=tenant.admin)).json()["data"]
    assert listed == [created]
    assert (created["name"], created["revoked_at"], created["last_seen"]) == ("hall-2", None, None)


@pytest.mark.parametrize("role", ["planner", "worker"])
async def test_only_an_admin_may(app_client, tenant, role):
    headers = getattr(tenant, role)
    assert (await app_client.post("/gateways", json={"name": "g"}, headers=headers)).status_code == 403
    assert (await app_client.get("/gateways", headers=headers)).status_code == 403


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\u2028b", "x" * 201, None])
async def test_a_name_that_a_batch_cannot_carry_is_refused(app_client, tenant, name):
    assert (await create(app_client, tenant, name)).status_code == 422


async def test_a_name_is_taken_once_in_an_organization_and_free_in_another(app_client, tenant, new_tenant):
    other = await new_tenant()
    answers = [await create(app_client, who) for who in (tenant, tenant, other)]
    assert [answer.status_code for answer in answers] == [201, 409, 201]
    assert answers[1].json()["error_code"] == "GATEWAY_NAME_TAKEN"
    assert len((await app_client.get("/gateways", headers=other.admin)).json()) == 1


async def test_registering_one_and_giving_it_another_token_are_in_the_audit_log(app_client, tenant):
    token = (await create(app_client, tenant)).json()["data"]["token"]
    await app_client.post("/gateways/hall-2/revoke", headers=tenant.admin)
    assert (await create(app_client, tenant)).status_code == 201
    rows = (await app_client.get("/audit?entity=gateway", headers=tenant.admin)).json()
    admin = tenant.callers[Role.ADMIN].actor
    assert [(row["actor"], row["kind"]) for row in rows] == [(admin, "updated"), (admin, "updated"), (admin, "created")]
    assert token.rpartition("_")[2] not in str(rows)
    assert "[redacted]" not in str(rows[0]["after"])


async def test_only_a_hash_of_the_token_is_kept(session, tenant):
    created = await service.create(session, tenant.callers[Role.ADMIN], "g")
    row = await session.get_one(service.Gateway, created.id)
    secret = created.token.rpartition("_")[2]
    assert secret.encode() not in row.token_hash
    assert secret not in repr(tokens.read(created.token))


async def test_a_token_proves_its_gateway_until_it_is_revoked(session, tenant):
    created = await service.create(session, tenant.callers[Role.ADMIN], "g")
    caller = await service.authenticate(session, created.token)
    assert (caller.gateway_id, caller.organization_id, caller.name) == (created.id, tenant.organization_id, "g")
    await enrolment.revoke(session, tenant.callers[Role.ADMIN], "g")
    with pytest.raises(Unauthenticated, match="revoked"):
        await service.authenticate(session, created.token)
    renewed = await service.create(session, tenant.callers[Role.ADMIN], "g")
    assert renewed.id == created.id
    assert (await service.authenticate(session, renewed.token)).gateway_id == created.id
    with pytest.raises(Unauthenticated):
        await service.authenticate(session, created.token)


async def test_a_token_of_another_gateway_or_none_proves_nothing(session, tenant):
    one, other = [await service.create(session, tenant.callers[Role.ADMIN], name) for name in ("one", "other")]
    mixed = f"tzg_{one.id.hex}_{tokens.read(other.token).secret}"
    unknown = f"tzg_{'0' * 32}_{tokens.read(one.token).secret}"
    for token in (mixed, unknown, "", "tzg_"):
        with pytest.raises(Unauthenticated):
            await service.authenticate(session, token)


async def test_when_a_gateway_was_heard_is_kept_to_within_ten_seconds(session, tenant):
    created = await service.create(session, tenant.callers[Role.ADMIN], "g")
    heard = []
    for seconds in (0, 5, 10, 11, 12):
        await service.authenticate(session, created.token, NOW + timedelta(seconds=seconds))
        [gateway] = (await service.by_ids(session, [created.id])).values()
        heard.append((gateway.last_seen - NOW).total_seconds())
    assert heard == [0, 0, 0, 11, 11]


async def test_a_new_buffer_is_news_once_and_an_older_one_that_speaks_again_an_alarm(session, tenant):
    one, other = [await service.create(session, tenant.callers[Role.ADMIN], name) for name in ("one", "other")]
    first, second = one.id, other.id
    speakers = [(one, first), (one, first), (one, second), (one, second), (other, first), (one, first), (one, second)]
    judged = [(await service.note_epoch(session, gateway.id, epoch)).name for gateway, epoch in speakers]
    assert judged == ["FIRST", "KNOWN", "ANOTHER", "KNOWN", "FIRST", "CONFLICTING", "KNOWN"]
    told = await service.by_ids(session, [one.id, other.id])
    assert f"buffer {first} speaks after the newer buffer {second}" in told[one.id].conflict
    assert (told[one.id].conflict_at is None, told[other.id].conflict_at is None) == (False, True)


async def alive(app_client, token: str, path: str = "/api/v1/gateways/alive", **how):
    return await app_client.post(path, headers={"Authorization": f"Bearer {token}"}, **how)


async def shown(app_client, tenant, name: str = "hall-2"):
    listed = (await app_client.get("/gateways", headers=tenant.admin)).json()
    return next(gateway for gateway in listed if gateway["name"] == name)


@pytest.mark.parametrize("path", ["/gateways/alive", "/api/v1/gateways/alive"])
@pytest.mark.parametrize("how", [{}, {"json": {}}, {"json": {"version": None, "waiting": None}}])
async def test_a_gateway_with_nothing_to_send_is_heard(app_client, tenant, path, how):
    created = (await create(app_client, tenant)).json()["data"]
    answer = await alive(app_client, created["token"], path, **how)
    assert (answer.status_code, answer.content) == (204, b"")
    gateway = await shown(app_client, tenant)
    assert datetime.now(UTC) - datetime.fromisoformat(gateway["last_seen"]) < timedelta(minutes=1)
    assert (gateway["version"], gateway["waiting"]) == (None, None)


async def test_what_a_gateway_says_of_itself_is_kept_until_it_says_otherwise(app_client, tenant):
    token = (await create(app_client, tenant)).json()["data"]["token"]
    kept = []
    for told in ({"version": "1.2.0", "waiting": 7}, {"waiting": 0}, {}, {"version": "1.3.0"}):
        assert (await alive(app_client, token, json=told)).status_code == 204
        gateway = await shown(app_client, tenant)
        kept.append((gateway["version"], gateway["waiting"]))
    assert kept == [("1.2.0", 7), ("1.2.0", 0), ("1.2.0", 0), ("1.3.0", 0)]


@pytest.mark.parametrize(
    "told",
    [
        {"waiting": -1},
        {"waiting": 2**53 + 1},
        {"waiting": 1.5},
        {"version": "a\0b"},
        {"version": "x" * 65},
        {"x": 1},
        5,
    ],
)
async def test_a_sign_of_life_that_says_nonsense_is_refused(app_client, tenant, told):
    token = (await create(app_client, tenant)).json()["data"]["token"]
    assert (await alive(app_client, token, json=told)).status_code == 422


async def test_only_a_gateway_gives_a_sign_of_life(app_client, tenant, database):
    token = (await create(app_client, tenant)).json()["data"]["token"]
    assert (await app_client.post("/gateways/alive", json={})).status_code == 401
    assert (await app_client.post("/gateways/alive", json={}, headers=tenant.admin)).status_code == 401
    async with database.transaction() as opened:
        await enrolment.revoke(opened, tenant.callers[Role.ADMIN], "hall-2")
    assert (await alive(app_client, token)).status_code == 401
    assert (await shown(app_client, tenant))["last_seen"] is None
