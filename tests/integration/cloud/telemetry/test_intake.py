"""Batches come in over HTTP and are in PostgreSQL once, whatever else comes at the same time."""

import asyncio
import math
import random
import uuid
from collections import Counter

import pytest
from structlog.testing import capture_logs

from shared.reading import Flag, Gap, GapCause, Quality, Readings, Tag, concatenate, empty, from_rows
from shared.wire.batch import MAX_TIME_US
from tests.integration.cloud.telemetry.sender import COUNT, NOON, SECOND, TAGS, TEMP, rows, states

# ---- what is stored


async def test_every_column_of_a_reading_comes_into_its_row(gateway):
    block = concatenate(
        [
            rows(20.5, 21.25, quality=Quality.UNCERTAIN, flags=Flag.OUT_OF_RANGE, status=0x40920000),
            rows(math.nan, tag=COUNT, quality=Quality.BAD, status=0x80AB0000),
            rows(2.0**60, tag=COUNT, ts=NOON + SECOND, text={0: "1152921504606846977"}),
            states("producing"),
        ]
    )
    receipt = await gateway.send(block)
    assert receipt == {"epoch": str(gateway.epoch), "seq": 1, "outcome": "stored", "rows": 5, "repeated": 0}
    found = await gateway.query(
        "SELECT name, value, text, quality, flags, status, (extract(epoch FROM received_at - ts) * 1000000)::int "
        "FROM reading JOIN tag ON tag.id = tag_id WHERE gateway_id = :gateway ORDER BY name, ts"
    )
    assert [tuple(row) for row in found] == [
        ("count", None, None, 2, 0, 0x80AB0000, 2000),
        ("count", 2.0**60, "1152921504606846977", 0, 0, None, 2000),
        ("mode", None, "producing", 0, 0, None, 2000),
        ("temp", 20.5, None, 1, 1, 0x40920000, 2000),
        ("temp", 21.25, None, 1, 1, 0x40920000, 2000),
    ]


async def test_a_receipt_on_the_unversioned_face_is_bare(gateway):
    body = gateway.batch(rows(1.0))
    headers = {"Content-Type": "application/vnd.tezgah.batch.v1", "Authorization": f"Bearer {gateway.token}"}
    answer = await gateway.client.post("/ingest/batches", content=body, headers=headers)
    assert answer.json() == {"epoch": str(gateway.epoch), "seq": 1, "outcome": "stored", "rows": 1, "repeated": 0}


async def test_gaps_come_with_their_batch_once(gateway):
    holes = [Gap(GapCause.OVERFLOW, NOON, NOON + 5, "press", "temp", "queue"), Gap(GapCause.GATEWAY_DOWN, 7, 3)]
    body = gateway.batch(empty(), holes)
    assert [(await gateway.post(body)).json()["data"]["outcome"] for _ in range(2)] == ["stored", "duplicate"]
    found = await gateway.query("SELECT cause, device, tag, detail FROM gap WHERE gateway_id = :gateway ORDER BY tag")
    assert [tuple(row) for row in found] == [("overflow", "press", "temp", "queue"), ("gateway_down", None, None, "")]


# ---- exactly once


async def test_a_batch_sent_again_is_answered_the_same_and_stored_once(gateway):
    await gateway.send(rows(1.0))
    body = gateway.batch(rows(1.0, 2.0))
    first, second = [(await gateway.post(body)).json()["data"] for _ in range(2)]
    assert (first["outcome"], second["outcome"]) == ("stored", "duplicate")
    assert (first["rows"], first["repeated"]) == (second["rows"], second["repeated"]) == (2, 1)
    assert len(await gateway.stored()) == 2


async def test_of_twenty_copies_at_once_one_is_stored(gateway):
    body = gateway.batch(rows(*range(500)))
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(gateway.post(body)) for _ in range(20)]
    assert Counter(task.result().json()["data"]["outcome"] for task in sent) == {"stored": 1, "duplicate": 19}
    assert len(await gateway.stored()) == 500


async def test_another_content_under_the_same_identity_is_refused(gateway):
    await gateway.post(gateway.batch(rows(1.0), seq=7))
    answer = await gateway.post(gateway.batch(rows(2.0, tag=COUNT), [Gap(GapCause.OVERFLOW, 1, 2)], seq=7))
    assert (answer.status_code, answer.json()["error_code"]) == (409, "BATCH_CONFLICT")
    assert [content[2] for content in await gateway.stored()] == [1.0]
    assert await gateway.count("gap") == 0


async def test_readings_that_several_batches_bring_are_stored_once(gateway):
    receipts = [
        await gateway.send(rows(*range(100))),
        await gateway.send(rows(*range(50, 150), ts=NOON + 50 * SECOND)),
        await gateway.send(rows(*range(150))),
    ]
    assert [receipt["repeated"] for receipt in receipts] == [0, 50, 150]
    assert [content[2] for content in await gateway.stored()] == list(range(150))


async def test_another_value_at_the_same_time_is_kept_beside_the_first(gateway):
    receipts = [await gateway.send(rows(value)) for value in (1.0, 2.0, 1.0, math.nan, math.nan, 3.0)]
    assert [receipt["repeated"] for receipt in receipts] == [0, 0, 1, 0, 1, 0]
    assert [content[2] for content in await gateway.stored()] == [1.0, 2.0, None, 3.0]


async def test_quality_and_text_make_another_reading_flags_and_status_do_not(gateway):
    blocks = [states("off"), states("off", quality=1), states("setup"), states("off", flags=1, status=9)]
    assert [(await gateway.send(block))["repeated"] for block in blocks] == [0, 0, 0, 1]
    assert [(text, quality) for _, _, _, text, quality in await gateway.stored()] == [
        ("off", 0),
        ("off", 1),
        ("setup", 0),
    ]


async def test_a_batch_that_repeats_itself_is_sorted_out_in_the_order_taken(gateway):
    block = rows(5.0, 4.0, 5.0, 3.0, 4.0, step=0)
    assert (await gateway.send(block))["repeated"] == 2
    assert [content[2] for content in await gateway.stored()] == [5.0, 4.0, 3.0]


async def test_a_tag_stuck_at_one_time_may_say_more_than_a_small_number_can_count(gateway):
    many = 40_000
    assert (await gateway.send(rows(*range(many), step=0)))["repeated"] == 0
    [[count, top]] = await gateway.query(
        "SELECT count(*), max(n) FROM reading JOIN tag ON tag.id = tag_id WHERE gateway_id = :gateway"
    )
    assert (count, top) == (many, many - 1)


@pytest.mark.parametrize("seed", range(4))
async def test_overlapping_batches_at_once_leave_each_reading_once(gateway, seed):
    random.seed(seed)
    # the first half of the batches repeat nothing within themselves, so they take the fast way
    blocks = [draw(is_plain=index < 12) for index in range(24)]
    random.shuffle(blocks)
    async with asyncio.TaskGroup() as group:
        sent = [group.create_task(gateway.send(rows_at(block))) for block in blocks]
    wanted = {content for block in blocks for content in block}
    found = [(ts - NOON, value) for _, ts, value, _, _ in await gateway.stored()]
    assert len(found) == len(set(found))
    assert set(found) == wanted
    assert sum(task.result()["rows"] - task.result()["repeated"] for task in sent) == len(wanted)


def draw(*, is_plain: bool) -> list[tuple[int, float]]:
    """Draw readings of forty times and three values; a plain block has one reading of a time."""
    if is_plain:
        return [(ts, random.choice((1.0, 2.0, 3.0))) for ts in random.sample(range(40), 30)]
    return [(random.randrange(40), random.choice((1.0, 2.0, 3.0))) for _ in range(120)]


def rows_at(block: list[tuple[int, float]]) -> Readings:
    return from_rows([TEMP] * len(block), [NOON + ts for ts, _ in block], NOON, [value for _, value in block])


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_in_whatever_order_the_rules_decide_what_is_stored(gateway, seed):
    random.seed(seed)
    kept: dict[tuple[str, int], list[tuple[float | None, str | None, int]]] = {}
    repeated = 0
    for _ in range(8):
        # few times and few values, so that much is said twice; NaN is no number, and equal to none
        count = random.randrange(60)
        tag, ts = random.choices((TEMP, COUNT), k=count), random.choices(range(15), k=count)
        value, quality = random.choices((math.nan, -0.0, 1.5), k=count), random.choices((0, 0, 2), k=count)
        text = {row: random.choice(("a", "b")) for row in range(count) if random.random() < 0.2}
        before = repeated
        for row in range(count):
            content = (None if math.isnan(value[row]) else value[row], text.get(row), quality[row])
            contents = kept.setdefault((TAGS[tag[row]].name, NOON + ts[row]), [])
            if content in contents:
                repeated += 1
            else:
                contents.append(content)
        receipt = await gateway.send(from_rows(tag, [NOON + each for each in ts], NOON, value, quality, text=text))
        assert (receipt["rows"], receipt["repeated"]) == (count, repeated - before)
    found: dict[tuple[str, int], list[tuple[float | None, str | None, int]]] = {}
    for name, time, number, words, trust in await gateway.stored():
        found.setdefault((name, time), []).append((number, words, trust))
    # of one time, in the order of their coming; those of one batch in the order they were taken
    assert found == kept


async def test_the_same_readings_of_two_gateways_are_two(gateway, new_gateway, tenant):
    other = await new_gateway(tenant.organization_id)
    assert [(await each.send(rows(1.0)))["repeated"] for each in (gateway, other)] == [0, 0]
    assert await gateway.stored() == await other.stored()


async def test_a_second_buffer_of_a_gateway_is_noticed_and_not_taken_for_the_first(gateway):
    with capture_logs() as logs:
        await gateway.send(rows(1.0), seq=1)
        await gateway.send(rows(2.0), seq=2)
        assert not [entry for entry in logs if entry["event"] == "gateway_speaks_from_another_buffer"]
        gateway.epoch = uuid.uuid4()
        assert (await gateway.send(rows(3.0), seq=1))["outcome"] == "stored"
        [noticed] = [entry for entry in logs if entry["event"] == "gateway_speaks_from_another_buffer"]
    assert noticed["epoch"] == str(gateway.epoch)
    assert await gateway.count("gateway_epoch") == 2


# ---- the newest value


async def latest(gateway) -> dict[str, tuple[float | None, str | None]]:
    found = await gateway.query(
        "SELECT name, value, text FROM latest JOIN tag ON tag.id = tag_id WHERE gateway_id = :gateway"
    )
    return {row.name: (row.value, row.text) for row in found}


async def test_the_newest_reading_of_each_tag_is_its_latest_value(gateway):
    await gateway.send(concatenate([rows(1.0, 2.0), states("setup", "producing"), rows(9.0, tag=COUNT)]))
    assert await latest(gateway) == {"temp": (2.0, None), "mode": (None, "producing"), "count": (9.0, None)}


async def test_a_batch_that_comes_late_does_not_replace_what_is_newer(gateway):
    await gateway.send(rows(5.0, ts=NOON + 60 * SECOND))
    await gateway.send(rows(1.0, 2.0))
    assert (await latest(gateway))["temp"] == (5.0, None)
    await gateway.send(rows(6.0, ts=NOON + 61 * SECOND))
    assert (await latest(gateway))["temp"] == (6.0, None)


async def test_a_bad_reading_becomes_the_latest_and_the_last_good_one_is_not_repeated(gateway):
    await gateway.send(rows(5.0))
    await gateway.send(rows(math.nan, ts=NOON + SECOND, quality=Quality.BAD, status=3))
    [[value, quality, status]] = await gateway.query(
        "SELECT value, quality, status FROM latest JOIN tag ON tag.id = tag_id WHERE gateway_id = :gateway"
    )
    assert (value, quality, status) == (None, 2, 3)


async def test_batches_at_once_leave_the_newest_value(gateway):
    bodies = [gateway.batch(rows(float(index), ts=NOON + index * SECOND)) for index in range(20)]
    random.seed(3)
    random.shuffle(bodies)
    async with asyncio.TaskGroup() as group:
        for body in bodies:
            group.create_task(gateway.post(body))
    assert (await latest(gateway))["temp"] == (19.0, None)


# ---- anything a batch may hold can be stored


@pytest.mark.parametrize(
    "block",
    [
        rows(math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308),
        rows(1.0, ts=0),
        rows(1.0, ts=MAX_TIME_US - 2001),
        rows(1.0, flags=255, status=2**32 - 1, quality=2),
        rows(math.nan, text={0: ""}),
        rows(math.nan, text={0: "\x01\t\r\n\\N\\. ' \" \U0001f600 İıŞş ﷽"}),
        rows(math.nan, text={0: "ü" * 2048}),
        rows(*range(10), text={2: "2", 7: "7"}, status=[0, 1] * 5),
        empty(),
    ],
    ids=["numbers", "1970", "2099", "codes", "empty text", "characters", "long text", "mixed", "nothing"],
)
async def test_whatever_the_wire_can_carry_is_stored_and_shown(gateway, tenant, block):
    await gateway.client.post("/machines", json={"code": "P-1", "name": "Press"}, headers=tenant.admin)
    receipt = await gateway.send(block)
    assert receipt["rows"] == len(block)
    answer = await gateway.client.get("/machines/P-1/readings", headers=tenant.worker)
    assert answer.status_code == 200
    assert len(answer.json()) == len(block) - receipt["repeated"]
    assert (await gateway.client.get("/machines/P-1/status", headers=tenant.worker)).status_code == 200


@pytest.mark.parametrize("seq", [0, 2**63 - 1])
async def test_the_least_and_the_greatest_batch_number_are_stored(gateway, seq):
    body = gateway.batch(rows(1.0), seq=seq)
    assert [(await gateway.post(body)).json()["data"]["outcome"] for _ in range(2)] == ["stored", "duplicate"]


async def test_a_dictionary_that_names_a_tag_twice_means_one_tag(gateway):
    block = from_rows([0, 1], [NOON, NOON], NOON, [1.0, 1.0])
    assert (await gateway.send(block, tags=[Tag("d", "t", unit="a"), Tag("d", "t", unit="b")]))["repeated"] == 1
    assert await gateway.count("tag") == 1


async def test_a_machine_nobody_registered_does_not_hold_up_its_readings(gateway):
    assert (await gateway.send(rows(1.0), tags=[Tag("press", "temp", "NOBODY'S")]))["outcome"] == "stored"
    [[code, machine_id]] = await gateway.query("SELECT machine_code, machine_id FROM tag WHERE gateway_id = :gateway")
    assert (code, machine_id) == ("NOBODY'S", None)


async def test_more_tags_than_a_statement_takes_parameters_are_made(gateway):
    many = 66_000
    block = from_rows(range(many), [NOON] * many, NOON, [0.0] * many)
    # as short as a label can be, for all of them must fit into one batch
    described = [Tag("d", f"{index:x}", "M") for index in range(many)]
    assert (await gateway.send(block, tags=described))["outcome"] == "stored"
    assert await gateway.count("tag") == many
