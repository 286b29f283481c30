"""A gateway's way to its token, to the next one, and out: codes, rotation, revocation, and the alarm for clones."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from cloud.errors import Unauthenticated
from cloud.gateways import enrolment, service, tokens
from cloud.gateways.models import POSTED, Enrolment
from cloud.identity.schemas import Role

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def offered(app_client, tenant, name: str = "hall-2") -> str:
    answer = await app_client.post(f"/api/v1/gateways/{name}/enrolment", headers=tenant.admin)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]["code"]


async def enrolled(app_client, tenant, name: str = "hall-2") -> str:
    answer = await app_client.post("/gateways/enrol", json={"code": await offered(app_client, tenant, name)})
    assert answer.status_code == 201, answer.text
    return answer.json()["token"]


async def is_let_in(app_client, token: str) -> bool:
    status = (await app_client.post("/gateways/alive", headers=bearer(token))).status_code
    assert status in {204, 401}
    return status == 204


async def shown(app_client, tenant, name: str = "hall-2") -> dict:
    answer = await app_client.get(f"/gateways/{name}", headers=tenant.admin)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_code_is_traded_for_a_token_once(app_client, tenant):
    code = await offered(app_client, tenant)
    assert (await shown(app_client, tenant))["token_issued_at"] is None
    answers = [await app_client.post("/gateways/enrol", json={"code": code}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 401]
    assert answers[1].json()["error_code"] == "ENROLMENT_CODE_INVALID"
    assert answers[0].headers["Cache-Control"] == "no-store"
    assert await is_let_in(app_client, answers[0].json()["token"])
    assert (await shown(app_client, tenant))["token_issued_at"] is not None


async def test_a_code_may_be_typed_as_people_type(app_client, tenant):
    code = await offered(app_client, tenant)
    typed = " " + code.lower().replace("-", " ").replace("0", "o").replace("1", "l") + " "
    assert (await app_client.post("/gateways/enrol", json={"code": typed})).status_code == 201


async def test_a_code_is_good_for_a_quarter_of_an_hour(session, tenant):
    code = (await enrolment.offer(session, tenant.callers[Role.ADMIN], "g", NOW)).code
    with pytest.raises(Unauthenticated):
        await enrolment.enrol(session, code, NOW + timedelta(minutes=15))
    assert (await enrolment.enrol(session, code, NOW + timedelta(minutes=14, seconds=59))).gateway == "g"


async def test_only_a_hash_of_a_code_is_kept(session, tenant):
    code = (await enrolment.offer(session, tenant.callers[Role.ADMIN], "g", NOW)).code
    [row] = (await session.scalars(select(Enrolment).where(Enrolment.expires_at == NOW + enrolment.VALID_FOR))).all()
    assert code.encode() not in row.code_hash
    assert code.replace("-", "").encode() not in row.code_hash


async def test_a_second_code_makes_the_first_one_void_and_the_token_stays_until_it_is_used(app_client, tenant):
    token = await enrolled(app_client, tenant)
    first, second = await offered(app_client, tenant), await offered(app_client, tenant)
    assert await is_let_in(app_client, token)
    assert (await app_client.post("/gateways/enrol", json={"code": first})).status_code == 401
    new = (await app_client.post("/gateways/enrol", json={"code": second})).json()["token"]
    assert [await is_let_in(app_client, each) for each in (token, new)] == [False, True]


@pytest.mark.parametrize("code", ["AAAA-AAAA-AAAA-AAAA-AAAA", "x", "İ" * 20])
async def test_a_code_that_was_never_given_out_is_refused(app_client, code):
    assert (await app_client.post("/gateways/enrol", json={"code": code})).status_code == 401


async def test_the_next_token_takes_the_others_place_when_it_is_first_used(app_client, tenant):
    old = await enrolled(app_client, tenant)
    # the answer to the first one is lost; it is asked for again
    lost, new = [(await app_client.post("/gateways/rotate", headers=bearer(old))).json()["token"] for _ in range(2)]
    assert not await is_let_in(app_client, lost)
    assert await is_let_in(app_client, old)
    assert await is_let_in(app_client, new)
    assert [await is_let_in(app_client, each) for each in (old, lost, new)] == [False, False, True]


async def test_a_gateway_is_told_to_renew_its_token_until_it_has(app_client, tenant):
    token = await enrolled(app_client, tenant)
    assert "Tezgah-Rotate-Token" not in (await app_client.post("/gateways/alive", headers=bearer(token))).headers
    assert (await app_client.post("/gateways/hall-2/rotation", headers=tenant.admin)).status_code == 200
    assert (await app_client.post("/gateways/alive", headers=bearer(token))).headers["Tezgah-Rotate-Token"] == "1"
    new = (await app_client.post("/gateways/rotate", headers=bearer(token))).json()["token"]
    assert "Tezgah-Rotate-Token" not in (await app_client.post("/gateways/alive", headers=bearer(new))).headers


async def test_a_revoked_gateway_is_let_in_with_no_token_until_it_enrols_again(app_client, tenant):
    token = await enrolled(app_client, tenant)
    following = (await app_client.post("/gateways/rotate", headers=bearer(token))).json()["token"]
    answers = [await app_client.post("/gateways/hall-2/revoke", headers=tenant.admin) for _ in range(2)]
    assert answers[0].json()["revoked_at"] == answers[1].json()["revoked_at"] is not None
    assert [await is_let_in(app_client, each) for each in (token, following)] == [False, False]
    assert await is_let_in(app_client, await enrolled(app_client, tenant))


async def test_what_it_says_of_itself_is_shown(app_client, tenant):
    token = await enrolled(app_client, tenant)
    behind = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    told = {"version": "1.0", "waiting": 7, "buffer_bytes": 4096, "oldest_waiting_at": "2026-11-20T12:00:00Z"}
    told["device_clock_skew_s"] = {"press-1": -3600.5, "oven": 0.001}
    told["sent_at"] = behind
    assert (await app_client.post("/gateways/alive", json=told, headers=bearer(token))).status_code == 204
    gateway = await shown(app_client, tenant)
    assert gateway["clock_skew_s"] == pytest.approx(-3600, abs=30)
    del told["sent_at"]
    assert {name: gateway[name] for name in told} == told
    await app_client.post("/gateways/alive", json={"waiting": 0}, headers=bearer(token))
    assert (await shown(app_client, tenant))["oldest_waiting_at"] is None


async def test_an_alarm_for_clones_is_taken_back_by_an_admin(app_client, app, tenant):
    await enrolled(app_client, tenant)
    gateway = await shown(app_client, tenant)
    async with app.state.database.transaction() as session:
        await service.note_conflict(session, gateway["id"], "two of them")
    assert (await shown(app_client, tenant))["conflict"] == "two of them"
    assert (await app_client.delete("/gateways/hall-2/conflict", headers=tenant.admin)).status_code == 200
    assert (await shown(app_client, tenant))["conflict_at"] is None


async def test_each_step_is_in_the_audit_log_without_its_secret(app_client, app, tenant):
    code = await offered(app_client, tenant)
    token = (await app_client.post("/gateways/enrol", json={"code": code})).json()["token"]
    await app_client.post("/gateways/rotate", headers=bearer(token))
    await app_client.post("/gateways/hall-2/revoke", headers=tenant.admin)
    async with app.state.database.transaction() as session:
        found = await session.execute(
            text(
                "SELECT actor, kind, concat(before, after) AS what FROM change "
                "WHERE organization_id = :organization AND entity = 'gateway' ORDER BY id"
            ),
            {"organization": tenant.organization_id},
        )
        rows = found.all()
    admin = tenant.callers[Role.ADMIN].actor
    assert [(row.actor, row.kind) for row in rows] == [
        (admin, "created"),
        (admin, "updated"),
        ("gateway:hall-2", "updated"),
        ("gateway:hall-2", "updated"),
        (admin, "updated"),
    ]
    everything = " ".join(row.what for row in rows)
    assert code not in everything
    assert token.rpartition("_")[2] not in everything


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "/revoke"), ("POST", "/rotation"), ("DELETE", "/conflict"), ("GET", "/configuration")],
)
async def test_another_organizations_gateway_is_not_found(app_client, tenant, new_tenant, method, path):
    await enrolled(app_client, tenant)
    stranger = await new_tenant()
    known = await shown(app_client, tenant)
    for name in ("hall-2", known["id"], "nobody"):
        answer = await app_client.request(method, f"/gateways/{name}{path}", headers=stranger.admin)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "GATEWAY_NOT_FOUND")


async def test_a_gateway_is_found_by_its_id_too(app_client, tenant):
    await enrolled(app_client, tenant)
    known = await shown(app_client, tenant)
    assert (await shown(app_client, tenant, known["id"])) == known


async def test_nobody_enrols_as_the_one_in_whose_name_people_post(app_client, app, tenant):
    async with app.state.database.transaction() as session:
        await service.for_posted(session, tenant.organization_id, NOW)
    for path, body in (
        (f"/{POSTED}/enrolment", None),
        (f"/{POSTED}/revoke", None),
        (f"/{POSTED}/rotation", None),
        ("", {"name": POSTED}),
    ):
        answer = await app_client.post(f"/gateways{path}", json=body, headers=tenant.admin)
        assert (answer.status_code, answer.json()["error_code"]) == (409, "GATEWAY_NAME_RESERVED")


async def test_nobody_takes_that_name_before_anybody_posts(app_client, new_tenant):
    newcomer = await new_tenant()
    answer = await app_client.post("/gateways", json={"name": POSTED}, headers=newcomer.admin)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "GATEWAY_NAME_RESERVED")


async def test_revoking_makes_a_code_void_that_was_not_used_yet(app_client, tenant):
    await enrolled(app_client, tenant)
    code = await offered(app_client, tenant)
    await app_client.post("/gateways/hall-2/revoke", headers=tenant.admin)
    assert (await app_client.post("/gateways/enrol", json={"code": code})).status_code == 401


async def test_giving_out_codes_and_using_them_at_once_never_block_each_other(app_client, tenant):
    code = await offered(app_client, tenant)

    async def act(number: int) -> int:
        if number % 2:
            return (await app_client.post("/gateways/enrol", json={"code": code})).status_code
        return (await app_client.post("/gateways/hall-2/enrolment", headers=tenant.admin)).status_code

    statuses = await asyncio.gather(*(act(number) for number in range(20)))
    assert set(statuses) <= {201, 401}, statuses


async def test_a_look_at_a_gateway_does_not_wait_for_its_batch(app_client, app, tenant):
    await enrolled(app_client, tenant)
    gateway = await shown(app_client, tenant)
    async with app.state.database.transaction() as session:
        await session.get_one(service.Gateway, uuid.UUID(gateway["id"]), with_for_update=True)
        assert await asyncio.wait_for(shown(app_client, tenant), 60) == gateway


async def test_a_token_that_was_given_out_meanwhile_is_not_overwritten(app_client, app, tenant):
    token = await enrolled(app_client, tenant)
    following = (await app_client.post("/gateways/rotate", headers=bearer(token))).json()["token"]
    async with app.state.database.transaction() as late:
        claim = tokens.read(following)
        await late.get(service.Gateway, claim.gateway_id)  # as it was: the next token is the next one
        renewed = await enrolled(app_client, tenant)
        with pytest.raises(Unauthenticated):
            await service.authenticate(late, following)
    assert await is_let_in(app_client, renewed)
