"""What is no batch of the gateway that sends it is refused with the right word, and nothing of it stays."""

import asyncio
import struct
import zlib

import pytest
from sqlalchemy import text

from cloud.errors import Unavailable
from cloud.telemetry.intake import Limits
from cloud.telemetry.store import take_turn
from shared.wire.batch import MAX_BODY
from tests.integration.cloud.telemetry.sender import NOON, SECOND, rows
from tests.integration.cloud.waiting import until_waiting

PLACES = Limits().places


def other_version(body: bytes) -> bytes:
    changed = body[:4] + b"\x02" + body[5:]
    return changed[:8] + struct.pack("<I", zlib.crc32(changed[12:])) + changed[12:]


@pytest.mark.parametrize(
    ("spoil", "status", "code"),
    [
        (lambda body: b"", 400, "BATCH_INVALID"),
        (lambda body: b"garbage", 400, "BATCH_INVALID"),
        (lambda body: body[:-1], 400, "BATCH_INVALID"),
        (lambda body: body[:60], 400, "BATCH_INVALID"),
        (lambda body: body + b"\0", 400, "BATCH_INVALID"),
        (lambda body: body[:70] + bytes([body[70] ^ 1]) + body[71:], 400, "BATCH_INVALID"),
        (other_version, 426, "BATCH_VERSION_UNSUPPORTED"),
    ],
    ids=["nothing", "garbage", "cut", "header only", "run on", "flipped", "version"],
)
async def test_bytes_that_are_no_batch_are_refused(gateway, spoil, status, code):
    answer = await gateway.post(spoil(gateway.batch(rows(1.0))))
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert await gateway.count("batch") == 0


async def test_a_body_over_the_limit_is_refused(gateway):
    answer = await gateway.post(bytes(MAX_BODY + 1))
    assert answer.status_code == 413


async def test_the_largest_body_reaches_the_decoder(gateway):
    answer = await gateway.post(bytes(MAX_BODY))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "BATCH_INVALID")


@pytest.mark.parametrize("kind", ["application/json", "", "application/octet-stream"])
async def test_another_kind_of_body_is_refused(gateway, kind):
    answer = await gateway.post(gateway.batch(rows(1.0)), Content_Type=kind)
    assert answer.status_code == 415


async def test_another_gateways_batch_is_refused(gateway, new_gateway, tenant):
    other = await new_gateway(tenant.organization_id)
    answer = await gateway.post(gateway.batch(rows(1.0), gateway=other.caller.name))
    assert (answer.status_code, answer.json()["error_code"]) == (403, "GATEWAY_MISMATCH")
    assert await gateway.count("tag") == await other.count("tag") == 0


async def test_a_batch_without_a_gateways_token_is_refused(gateway, tenant):
    body = gateway.batch(rows(1.0))
    users = tenant.admin["Authorization"]
    forged = gateway.token[:-1] + ("A" if gateway.token[-1] != "A" else "B")
    for authorization in ("", "Basic abc", "Bearer ", "Bearer nonsense", users, f"Bearer {forged}"):
        answer = await gateway.post(body, Authorization=authorization)
        assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHORIZED"), authorization
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert (await gateway.post(body)).status_code == 200


async def test_a_gateways_token_opens_nothing_else(gateway):
    for path in ("/machines", "/gaps", "/auth/me", "/gateways"):
        answer = await gateway.client.get(path, headers={"Authorization": f"Bearer {gateway.token}"})
        assert answer.status_code == 401, path


async def test_a_revoked_token_is_worthless_from_the_next_batch_on(gateway):
    await gateway.send(rows(1.0))
    await gateway.query("UPDATE gateway SET revoked_at = now() WHERE id = :gateway RETURNING 1")
    answer = await gateway.post(gateway.batch(rows(2.0)))
    assert (answer.status_code, answer.json()["error_code"]) == (401, "TOKEN_REVOKED")
    assert [content[2] for content in await gateway.stored()] == [1.0]


async def test_who_comes_when_all_places_are_taken_is_asked_to_come_again(app, gateway):
    async with app.state.database.transaction() as holder:
        # a batch needs the ledger, so all that come now stay where they are
        await holder.execute(text("LOCK TABLE batch IN ACCESS EXCLUSIVE MODE"))
        async with asyncio.TaskGroup() as group:
            sent = [
                group.create_task(gateway.post(gateway.batch(rows(1.0, ts=NOON + index * SECOND))))
                for index in range(PLACES + 3)
            ]
            refused = [await answer for answer in await _first(sent, 3)]
            await holder.rollback()
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused] == [(503, "1")] * 3
    assert sum(task.result().status_code == 200 for task in sent) == PLACES


async def test_a_body_for_which_there_is_no_memory_is_asked_to_come_again_unread(app):
    intake = app.state.intake
    half = Limits().memory_bytes // 2
    with intake.place(half), intake.place(half), pytest.raises(Unavailable) as refused, intake.place(1):
        pass
    assert refused.value.facts["retry_after_s"] == 1
    # and one is always taken, or it would never come in
    with intake.place(3 * half):
        pass


async def test_no_more_batches_than_there_are_turns_are_stored_at_once_in_the_whole_database(database):
    async with asyncio.TaskGroup() as group:

        async def another() -> None:
            async with database.transaction() as session:
                await take_turn(session, 2)

        async with database.transaction() as first:
            await take_turn(first, 2)
            async with database.transaction() as second:
                await take_turn(second, 2)
                third = group.create_task(another())
                await until_waiting(database, 1)
                assert not third.done()


async def _first(tasks, count):
    done = set()
    while len(done) < count:
        finished, _ = await asyncio.wait(set(tasks) - done, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        assert finished, "nobody was refused"
        done |= finished
    return done
