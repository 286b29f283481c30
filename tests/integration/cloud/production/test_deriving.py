"""What machines did, derived from what their gateway sends: the same, whatever the order and the lateness of it."""

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from cloud.analytics.service.deriving import derive_all
from cloud.telemetry.dictionary import Dictionary
from cloud.telemetry.settling import settle_all
from shared.reading import Gap, GapCause, Quality, Readings, ReadingType, Tag, concatenate, from_rows
from tests.integration.cloud.telemetry.conftest import gateway, new_gateway
from tests.integration.cloud.telemetry.sender import NOON, SECOND, Sender

__all__ = ["gateway", "new_gateway"]

MINUTE, HOUR = 60 * SECOND, 3600 * SECOND
STATE, GOOD, REJECT, SHOTS, SPEED = range(5)
TAGS = (
    Tag("press", "state", "P-1", ReadingType.STATE),
    Tag("press", "good", "P-1", ReadingType.GOOD_COUNT),
    Tag("press", "reject", "P-1", ReadingType.REJECT_COUNT, rollover=1000.0),
    Tag("press", "shots", "P-2", ReadingType.SHOT_COUNT),
    Tag("press", "rpm", "P-2", ReadingType.SPEED, "/min"),
)
LATER = datetime(2026, 11, 20, 18, tzinfo=UTC)


def utc(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)


def says(tag: int, *said: tuple[float, object], quality: int = Quality.GOOD) -> Readings:
    """Return readings of one tag: minutes after noon, and what it says then."""
    times = [NOON + round(minute * MINUTE) for minute, _ in said]
    words = {index: value for index, (_, value) in enumerate(said) if isinstance(value, str)}
    values = [math.nan if isinstance(value, str) else float(value) for _, value in said]
    return from_rows(
        [tag] * len(said), times, [each + 2000 for each in times], values, quality=[quality] * len(said), text=words
    )


@pytest.fixture(autouse=True)
async def machines(app_client, tenant) -> dict[str, str]:
    ids = {}
    for code, more in {"P-1": {"ideal_cycle_s": 10}, "P-2": {"active_cavities": 4}}.items():
        body = {"code": code, "name": code, **more}
        ids[code] = (await app_client.post("/machines", json=body, headers=tenant.admin)).json()["id"]
    return ids


@pytest.fixture
def ask(app_client, tenant):
    async def send(method: str, path: str, body: object = None, *, who: str = "planner", status: int = 200):
        answer = await app_client.request(method, path, json=body, headers=getattr(tenant, who))
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return send


async def derived(gateway: Sender, now: datetime = LATER) -> None:
    # a live minute is settled when it is over
    await settle_all(gateway.database, now + timedelta(minutes=2))
    await derive_all(gateway.database, now)


OWN = "machine_id IN (SELECT machine.id FROM machine JOIN gateway USING (organization_id) WHERE gateway.id = :gateway)"


async def states(gateway: Sender, machine: str = "P-1") -> list[tuple]:
    found = await gateway.query(
        "SELECT state, from_at, to_at FROM machine_state JOIN machine ON machine.id = machine_id "
        "JOIN gateway ON gateway.organization_id = machine.organization_id "
        "WHERE gateway.id = :gateway AND code = :code AND replaced_at IS NULL ORDER BY from_at",
        code=machine,
    )
    return [(row.state, minutes(row.from_at), row.to_at and minutes(row.to_at)) for row in found]


async def facts(gateway: Sender) -> list[tuple]:
    """Return every figure that is kept, but not how often it came out otherwise."""
    found = []
    for table, key in (("fact_hour", "bucket"), ("fact_shift", "starts_at")):
        rows = await gateway.query(
            f"SELECT {table}.* FROM {table} JOIN machine ON machine.id = machine_id "
            "JOIN gateway ON gateway.organization_id = machine.organization_id "
            f"WHERE gateway.id = :gateway ORDER BY code, {key}"
        )
        found += [tuple(value for name, value in row._mapping.items() if name not in IDENTITIES) for row in rows]
    return found


IDENTITIES = {"revision", "machine_id", "occurrence_id"}


async def counted(gateway: Sender) -> dict[tuple[str, str], int]:
    rows = await gateway.query(
        "SELECT code, kind, sum(quantity) AS quantity FROM piece_count JOIN machine ON machine.id = machine_id "
        "JOIN gateway ON gateway.organization_id = machine.organization_id "
        "WHERE gateway.id = :gateway GROUP BY 1, 2 HAVING sum(quantity) <> 0"
    )
    return {(row.code, row.kind): int(row.quantity) for row in rows}


def minutes(at: datetime) -> float:
    return (at - utc(NOON)) / timedelta(minutes=1)


async def test_states_are_half_open_and_the_last_one_is_open(gateway):
    await gateway.send(says(STATE, (0, "producing"), (5, "producing"), (7.5, "faulted"), (9, "producing")), tags=TAGS)
    await derived(gateway)
    assert await states(gateway) == [("producing", 0, 7.5), ("faulted", 7.5, 9), ("producing", 9, None)]


async def test_bad_quality_unknown_words_and_gaps_are_no_data(gateway):
    said = [
        says(STATE, (0, "producing"), (10, "no such state"), (20, "idle")),
        says(STATE, (25, math.nan), quality=Quality.BAD),
        says(STATE, (30, "producing")),
    ]
    hole = Gap(GapCause.COMMUNICATION_LOST, NOON + 35 * MINUTE, NOON + 40 * MINUTE, "press")
    await gateway.send(concatenate(said), [hole], tags=TAGS)
    await derived(gateway)
    assert await states(gateway) == [
        ("producing", 0, 10),
        ("no_data", 10, 20),
        ("idle", 20, 25),
        ("no_data", 25, 30),
        ("producing", 30, 35),
        ("no_data", 35, 40),
        ("producing", 40, None),
    ]


async def test_a_late_reading_corrects_what_was_believed_and_the_belief_stays_readable(gateway, ask):
    await gateway.send(says(STATE, (0, "producing"), (30, "idle")), tags=TAGS)
    await derived(gateway)
    await gateway.send(says(STATE, (10, "faulted"), (20, "producing")), tags=TAGS)
    await derived(gateway)
    assert await states(gateway) == [
        ("producing", 0, 10),
        ("faulted", 10, 20),
        ("producing", 20, 30),
        ("idle", 30, None),
    ]
    window = "from=2026-11-20T00:00:00Z&to=2026-11-21T00:00:00Z"
    all_of_it = await ask("GET", f"/machines/P-1/states?corrected=true&{window}")
    [believed] = [
        each for each in all_of_it if each["start"] == "2026-11-20T12:00:00Z" and each["end"] == "2026-11-20T12:30:00Z"
    ]
    now = await ask("GET", f"/machines/P-1/states?{window}")
    assert [each["revision"] for each in now] == [2, 2, 2, 1]
    assert [each["replaces_id"] for each in now] == [believed["id"]] * 3 + [None]


async def test_an_end_is_no_correction(gateway, ask):
    await gateway.send(says(STATE, (0, "producing")), tags=TAGS)
    await derived(gateway)
    await gateway.send(says(STATE, (30, "idle")), tags=TAGS)
    await derived(gateway)
    rows = await gateway.query(f"SELECT revision, replaced_at FROM machine_state WHERE {OWN} ORDER BY from_at")
    assert [tuple(row) for row in rows] == [(1, None), (1, None)]


async def test_counters_are_counted_between_neighbours_by_reset_and_rollover(gateway):
    said = [
        says(GOOD, (0, 100), (1, 105), (2, 110), (3, 3), (4, 8)),
        says(REJECT, (0, 990), (1, 4)),
        says(SHOTS, (0, 10), (2, 13)),
    ]
    await gateway.send(concatenate(said), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 18, ("P-1", "scrap"): 14, ("P-2", "made"): 12}


async def test_a_late_sample_splits_a_count_and_adds_nothing(gateway):
    await gateway.send(says(GOOD, (0, 100), (20, 120)), tags=TAGS)
    await derived(gateway)
    await gateway.send(says(GOOD, (10, 110)), tags=TAGS)
    await derived(gateway)
    rows = await gateway.query(
        f"SELECT at, sum(quantity) AS quantity, count(*) AS events FROM piece_count WHERE {OWN} GROUP BY 1 ORDER BY 1"
    )
    assert [(minutes(row.at), row.quantity, row.events) for row in rows] == [(10, 10, 1), (20, 10, 2)]


async def test_a_bad_sample_counts_nothing_and_loses_nothing(gateway):
    await gateway.send(says(GOOD, (0, 100), (20, 120)), tags=TAGS)
    await gateway.send(says(GOOD, (10, math.nan), quality=Quality.BAD), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 20}
    # also when only what comes after the bad one is touched
    await gateway.send(says(GOOD, (15, 115)), tags=TAGS)
    await derived(gateway)
    assert await counted(gateway) == {("P-1", "good"): 20}


def a_day(seed: int) -> list[Readings]:
    """Return what a machine said in six hours, in pieces of some readings."""
    chance = random.Random(seed)
    good = reject = 0
    pieces = []
    for minute in range(0, 350, 7):
        state = chance.choice(["producing", "producing", "faulted", "idle", "setup", "off"])
        good, reject = good + chance.randrange(9), reject + chance.randrange(2)
        shift = chance.random()
        pieces += [
            says(STATE, (minute + shift, state)),
            says(GOOD, (minute + shift, good)),
            says(REJECT, (minute + shift, reject)),
        ]
    return pieces


async def test_shuffled_repeated_and_late_deliveries_come_to_the_same(new_gateway, new_tenant, app_client):
    outcomes = []
    for mixed in (False, True):
        tenant = await new_tenant()
        body = {"code": "P-1", "name": "Press", "ideal_cycle_s": 10}
        assert (await app_client.post("/machines", json=body, headers=tenant.admin)).status_code == 201
        sender = await new_gateway(tenant.organization_id)
        pieces = a_day(7)
        chance = random.Random(1)
        if mixed:
            pieces += chance.choices(pieces, k=20)
            chance.shuffle(pieces)
        for number in range(0, len(pieces), 10):
            await sender.send(concatenate(pieces[number : number + 10]), tags=TAGS)
            if mixed:
                await derived(sender)
        await derived(sender)
        outcomes.append((await states(sender), await counted(sender), await facts(sender)))
    assert outcomes[0] == outcomes[1]
    assert len(outcomes[0][0]) > 20
    assert sum(outcomes[0][1].values()) > 50


async def test_an_operator_and_a_reason_count_before_readings_and_stay_with_the_time(gateway, ask):
    await gateway.send(says(STATE, (0, "producing"), (10, "idle"), (40, "producing")), tags=TAGS)
    await derived(gateway)
    for code, more in {"jam": {"is_failure": True}, "lunch": {"is_planned": True}}.items():
        await ask("POST", "/reasons", {"code": code, "label_en": code, "label_tr": code, **more}, status=201)
    window = "from=2026-11-20T12:00:00Z&to=2026-11-20T13:00:00Z"
    [stop] = await ask("GET", f"/machines/P-1/stops?needs_reason=true&{window}", who="worker")
    assert (stop["start"], stop["end"], stop["duration_s"]) == ("2026-11-20T12:10:00Z", "2026-11-20T12:40:00Z", 1800)
    parts = [
        {"from": "2026-11-20T12:10:00Z", "to": "2026-11-20T12:25:00Z", "reason": "jam"},
        {"from": "2026-11-20T12:25:00Z", "to": "2026-11-20T12:40:00Z", "reason": "lunch"},
    ]
    await ask("POST", "/machines/P-1/stops/classify", {"parts": parts}, who="worker", status=201)
    await derived(gateway)
    split = await ask("GET", f"/machines/P-1/stops?{window}")
    assert [(each["reason"], each["duration_s"], each["needs_reason"]) for each in split] == [
        ("jam", 900, False),
        ("lunch", 900, False),
    ]
    # a late reading moves the stop's beginning; the reasons stay with their time
    await gateway.send(says(STATE, (15, "producing"), (18, "starved")), tags=TAGS)
    await derived(gateway)
    late = await ask("GET", f"/machines/P-1/stops?{window}")
    assert [(each["state"], each["reason"], each["duration_s"]) for each in late] == [
        ("idle", "jam", 300),
        ("starved", "jam", 420),
        ("starved", "lunch", 900),
    ]
    told = {"state": "maintenance", "from": "2026-11-20T12:00:00Z", "to": "2026-11-20T12:12:00Z"}
    said = await ask("POST", "/machines/P-1/states", told, who="worker", status=201)
    await derived(gateway)
    assert (await states(gateway))[:2] == [("maintenance", 0, 10), ("maintenance", 10, 12)]
    await ask("DELETE", f"/machines/P-1/statements/{said['id']}", status=204)
    await derived(gateway)
    assert (await states(gateway))[0] == ("producing", 0, 10)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            {
                "parts": [
                    {"from": "2026-11-20T12:00:00Z", "to": "2026-11-20T12:30:00Z", "reason": "jam"},
                    {"from": "2026-11-20T12:29:00Z", "to": "2026-11-20T12:40:00Z", "reason": "jam"},
                ]
            },
            "PARTS_OVERLAP",
        ),
        (
            {"parts": [{"from": "2026-11-20T12:00:00Z", "to": "2099-11-20T12:30:00Z", "reason": "jam"}]},
            "TOLD_IN_THE_FUTURE",
        ),
        (
            {"parts": [{"from": "2026-11-20T12:00:00Z", "to": "2026-11-20T12:30:00Z", "reason": "none"}]},
            "REASON_NOT_FOUND",
        ),
    ],
)
async def test_a_classification_that_cannot_be_is_refused(ask, body, code):
    await ask("POST", "/reasons", {"code": "jam", "label_en": "jam", "label_tr": "sıkışma"}, status=201)
    status = 404 if code == "REASON_NOT_FOUND" else 422
    assert (await ask("POST", "/machines/P-1/stops/classify", body, status=status))["error_code"] == code


async def test_rules_tell_the_state_of_a_machine_without_a_state_tag(gateway, ask):
    model = {
        "rules": [
            {"state": "producing", "when": [{"tag": "rpm", "above": 100}]},
            {"state": "setup", "when": [{"tag": "rpm", "above": 0}]},
        ],
        "otherwise": "idle",
    }
    await ask("PUT", "/machines/P-2/states/model", model)
    assert (await ask("GET", "/machines/P-2/states/model"))["otherwise"] == "idle"
    await gateway.send(says(SPEED, (0, 0), (5, 50), (6, 500), (7, 600), (9, 0)), tags=TAGS)
    await derived(gateway)
    assert await states(gateway, "P-2") == [
        ("idle", 0, 5),
        ("setup", 5, 6),
        ("producing", 6, 9),
        ("idle", 9, None),
    ]


async def test_a_standards_codes_are_read_by_its_preset(gateway, ask):
    await ask("PUT", "/machines/P-1/states/model", {"preset": "PackML", "codes": {"42": "planned_stop"}})
    await gateway.send(says(STATE, (0, 6), (5, 9), (8, 42), (9, "Execute")), tags=TAGS)
    await derived(gateway)
    assert [each[0] for each in await states(gateway)] == ["producing", "faulted", "planned_stop", "producing"]


async def test_runtime_status_follows_rules_presets_people_and_files(gateway, ask, machines):
    now = datetime.now(UTC)
    first = round((now - timedelta(minutes=10)).timestamp() * 1e6) - NOON

    async def doing(machine: str) -> tuple:
        told = await ask("GET", f"/machines/{machine}/status")
        listed = {each["code"]: each["runtime_status"] for each in await ask("GET", "/machines")}
        one = await ask("GET", f"/machines/{machine}")
        assert told["runtime_status"] == listed[machine] == one["runtime_status"]
        return told["runtime_status"], told["state"], told["unknown_because"]

    assert await doing("P-2") == ("unknown", None, "no_state_tag")
    rule = {"state": "producing", "when": [{"tag": "rpm", "above": 100}]}
    await ask("PUT", "/machines/P-2/states/model", {"rules": [rule], "otherwise": "setup"})
    await ask("PUT", "/machines/P-1/states/model", {"preset": "packml"})
    said = [says(SPEED, (first / MINUTE, 0), (first / MINUTE + 1, 500)), says(STATE, (first / MINUTE, 9))]
    await gateway.send(concatenate(said), tags=TAGS)
    # at once, by what is newest; and since when, as far as that is derived
    assert await doing("P-2") == ("running", "producing", None)
    assert await doing("P-1") == ("down", "faulted", None)
    await derived(gateway, now)
    since = (await ask("GET", "/machines/P-2/status"))["since"]
    assert datetime.fromisoformat(since) == utc(NOON + round((first / MINUTE + 1) * MINUTE))
    # a person's word counts before readings, as long as it holds
    words = {"from": (now - timedelta(minutes=5)).isoformat(), "to": now.isoformat(), "state": "maintenance"}
    told = await ask("POST", "/machines/P-2/states", words, status=201)
    await gateway.query(
        "UPDATE state_told SET to_at = :later WHERE id = :it AND :gateway IS NOT NULL RETURNING 1",
        later=now + timedelta(hours=1),
        it=told["id"],
    )
    await derived(gateway, now)
    assert await doing("P-2") == ("maintenance", "maintenance", None)
    await ask("DELETE", f"/machines/P-2/statements/{told['id']}", status=204)
    await derived(gateway, now)
    assert await doing("P-2") == ("running", "producing", None)


async def test_a_machine_without_tags_does_what_people_say_until_its_tags_speak(gateway, ask):
    now = datetime.now(UTC)
    begin = now - timedelta(minutes=30)
    await ask("POST", "/machines/P-1/states", {"from": begin.isoformat(), "state": "setup"}, status=201)
    await derived(gateway, now)
    told = await ask("GET", "/machines/P-1/status")
    assert (told["runtime_status"], told["state"], told["unknown_because"]) == ("setup", "setup", None)
    assert datetime.fromisoformat(told["since"]) == begin
    first = (now - timedelta(minutes=10)).timestamp() * 1e6 - NOON
    await gateway.send(says(STATE, (first / MINUTE, "producing")), tags=TAGS)
    await derived(gateway, now)
    assert [each[0] for each in await states(gateway)] == ["setup", "producing"]
    assert (await ask("GET", "/machines/P-1/status"))["runtime_status"] == "running"


async def test_orphans_are_moved_to_a_stage_after_a_look_at_what_that_would_do(gateway, ask, machines):
    order = {
        "product_code": "K",
        "lot_no": "1",
        "qty": 100,
        "planned_start": "2026-11-20T08:00:00Z",
        "planned_end": "2026-11-20T20:00:00Z",
        "stages": [
            {
                "stage_name": "mould",
                "machine": "P-1",
                "planned_start": "2026-11-20T08:00:00Z",
                "planned_end": "2026-11-20T20:00:00Z",
            }
        ],
    }
    made = await ask("POST", "/workorders/", order, status=201)
    [stage] = await ask("GET", f"/workorders/{made['id']}/stages")
    await gateway.send(says(GOOD, (0, 100), (10, 110), (20, 130)), tags=TAGS)
    await derived(gateway)
    window = "from=2026-11-20T12:00:00Z&to=2026-11-20T13:00:00Z"
    assert (await ask("GET", f"/machines/P-1/counts/orphans?{window}"))["counts"] == [
        {"stage_id": None, "kind": "good", "quantity": 30}
    ]
    claim = {"from": "2026-11-20T12:15:00Z", "to": "2026-11-20T12:30:00Z", "stage_id": stage["id"]}
    preview = await ask("POST", "/machines/P-1/counts/claim", claim | {"preview": True})
    assert preview["moved"] == [{"stage_id": None, "kind": "good", "quantity": 20}]
    await derived(gateway)
    assert len(await ask("GET", f"/machines/P-1/counts?{window}")) == 1
    await ask("POST", "/machines/P-1/counts/claim", claim)
    await derived(gateway)
    assert await ask("GET", f"/machines/P-1/counts?{window}") == [
        {"stage_id": None, "kind": "good", "quantity": 10},
        {"stage_id": stage["id"], "kind": "good", "quantity": 20},
    ]
    # a late sample splits the count, and each part goes where its time belongs
    await gateway.send(says(GOOD, (14, 121)), tags=TAGS)
    await derived(gateway)
    assert {each["stage_id"]: each["quantity"] for each in await ask("GET", f"/machines/P-1/counts?{window}")} == {
        None: 21,
        stage["id"]: 9,
    }


async def an_order(ask, qty: int = 100) -> tuple[int, int]:
    """Plan an order of one stage on P-1; return its id and the stage's."""
    window = {"planned_start": "2026-11-20T08:00:00Z", "planned_end": "2026-11-20T20:00:00Z"}
    stage = {"stage_name": "mould", "machine": "P-1", **window}
    order = {"product_code": "K", "lot_no": "1", "qty": qty, "stages": [stage], **window}
    made = await ask("POST", "/workorders/", order, status=201)
    [stage] = await ask("GET", f"/workorders/{made['id']}/stages")
    return made["id"], stage["id"]


async def ran(gateway: Sender, stage_id: int, start: float, end: float | None = None) -> None:
    """Have a stage run from some minutes after noon on, as if somebody had started it then."""
    await gateway.query(
        "UPDATE work_order_stage SET status = CAST(:status AS stagestatus), actual_start = :start, "
        "actual_end = :until, updated_at = '2026-11-20T08:00Z' "
        "WHERE id = :stage AND :gateway IS NOT NULL RETURNING 1",
        status="in_progress" if end is None else "done",
        start=utc(NOON + round(start * MINUTE)),
        until=None if end is None else utc(NOON + round(end * MINUTE)),
        stage=stage_id,
    )


async def test_what_counters_counted_is_in_the_stages_quantities_once(gateway, ask):
    order, stage = await an_order(ask)
    await ran(gateway, stage, 5)

    async def quantities() -> tuple:
        [shown] = await ask("GET", f"/workorders/{order}/stages")
        metrics = await ask("GET", f"/stages/{stage}/metrics")
        whole = await ask("GET", f"/workorders/{order}/metrics")
        assert metrics["quantities"] == whole["quantities"] == shown["quantities"]
        assert metrics["completion_percent"] == whole["completion_percent"] == shown["quantities"]["good"]
        return tuple(shown["quantities"].values())

    assert await quantities() == (0, 0, 0, 0, "reported")
    said = [says(GOOD, (0, 100), (4, 104), (10, 110), (20, 130)), says(REJECT, (0, 10), (20, 13))]
    await gateway.send(concatenate(said), tags=TAGS)
    await derived(gateway)
    assert await quantities() == (26, 3, 0, 0, "counted")
    # told again, and derived again
    await gateway.send(concatenate(said), tags=TAGS)
    window = {"from": "2026-11-20T12:00:00Z", "to": "2026-11-20T12:01:00Z"}
    await ask("POST", "/machines/P-1/states", window | {"state": "setup"}, status=201)
    await derived(gateway)
    assert await quantities() == (26, 3, 0, 0, "counted")
    # a late sample: two of the six before minute 10 were made before the stage began
    await gateway.send(says(GOOD, (4.9, 106)), tags=TAGS)
    await derived(gateway)
    assert await quantities() == (24, 3, 0, 0, "counted")
    # people tell the same pieces again, and judge some of them
    await ask("POST", f"/stages/{stage}/production", {"quantity": 24}, status=201)
    told = await ask("POST", f"/stages/{stage}/production", {"kind": "rework", "quantity": 4}, status=201)
    assert await quantities() == (20, 3, 4, 0, "counted")
    summary = await ask("GET", f"/stages/{stage}/production")
    assert (summary["reported"], summary["remaining"], len(summary["events"])) == (24, 76, 2)
    await ask("POST", f"/stages/{stage}/production/{told['id']}/reverse", status=201)
    assert await quantities() == (24, 3, 0, 0, "counted")
    # the stage ended earlier than was known: what came after is nobody's
    await ran(gateway, stage, 5, 15)
    await ask("POST", "/machines/P-1/states", window | {"state": "idle"}, status=201)
    later = {"from": "2026-11-20T12:14:00Z", "to": "2026-11-20T12:30:00Z", "state": "idle"}
    await ask("POST", "/machines/P-1/states", later, status=201)
    await derived(gateway)
    assert await quantities() == (4, 0, 0, 0, "counted")
    claim = {"from": "2026-11-20T12:14:00Z", "to": "2026-11-20T12:30:00Z", "stage_id": stage}
    await ask("POST", "/machines/P-1/counts/claim", claim)
    await derived(gateway)
    assert await quantities() == (24, 3, 0, 0, "counted")
    # the figures have the same pieces as the stage
    told = await ask("GET", "/machines/P-1/oee?by=hour&from=2026-11-20T12:00:00Z&to=2026-11-20T13:00:00Z")
    assert (told["total"]["pieces"]["good"], told["total"]["pieces"]["scrap"]) == (30, 3)
    changes = await gateway.query(
        "SELECT actor, after FROM change WHERE entity = 'stage' AND entity_id = :stage AND actor = 'counter' "
        "AND :gateway IS NOT NULL ORDER BY id",
        stage=str(stage),
    )
    assert changes[0].after == {"good_qty": 26, "scrap_qty": 3}


async def test_facts_add_up_to_the_time_that_has_gone(gateway):
    await gateway.send(says(STATE, (-30, "producing"), (15, "faulted"), (45, "producing")), tags=TAGS)
    await derived(gateway)
    names = "run_unassigned_us, breakdown_unassigned_us, unknown_us"
    rows = await gateway.query(f"SELECT bucket, {names} FROM fact_hour WHERE {OWN} ORDER BY bucket")
    assert [tuple(each // MINUTE for each in row[1:]) for row in rows[:2]] == [(30, 0, 0), (30, 30, 0)]
    assert len(rows) == 7
    assert all(sum(row[1:]) == HOUR for row in rows[1:])
    assert await gateway.query(f"SELECT machine_id FROM mark WHERE {OWN}") == []


async def test_of_a_machine_whose_gateway_is_silent_nothing_is_known(gateway):
    await gateway.send(says(STATE, (0, "producing")), tags=TAGS)
    await gateway.query(
        "UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1", at=utc(NOON + 20 * MINUTE)
    )
    await derived(gateway, utc(NOON + 60 * MINUTE))
    [row] = await gateway.query(f"SELECT run_unassigned_us, unknown_us FROM fact_hour WHERE {OWN}")
    assert tuple(each // MINUTE for each in row) == (20, 40)


async def test_what_goes_on_is_brought_up_to_the_present(gateway):
    await gateway.send(says(STATE, (0, "producing")), tags=TAGS)
    await derived(gateway, utc(NOON + 10 * MINUTE))
    await derived(gateway, utc(NOON + 90 * MINUTE))
    rows = await gateway.query(f"SELECT run_unassigned_us FROM fact_hour WHERE {OWN} ORDER BY bucket")
    assert [row[0] // MINUTE for row in rows] == [60, 30]


async def test_an_hour_that_ended_in_a_stop_is_looked_at_again_when_more_is_said(gateway):
    # short when the hour ends, and nobody has heard of its last minute yet
    await gateway.send(says(STATE, (0, "producing"), (57, "idle")), tags=TAGS)
    heard = "UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1"
    await gateway.query(heard, at=utc(NOON + 59 * MINUTE))
    await derived(gateway, utc(NOON + 60 * MINUTE))
    names = "run_unassigned_us, minor_unassigned_us, idle_unassigned_us, unknown_us"
    hour = f"SELECT {names} FROM fact_hour WHERE {OWN} ORDER BY bucket"
    assert [each // MINUTE for each in (await gateway.query(hour))[0]] == [57, 2, 0, 1]
    # it stands on, and something else is said of the hour after
    await gateway.send(says(GOOD, (69, 1)), tags=TAGS)
    await gateway.query(heard, at=utc(NOON + 70 * MINUTE))
    await derived(gateway, utc(NOON + 70 * MINUTE))
    assert [[each // MINUTE for each in row] for row in await gateway.query(hour)] == [[57, 0, 3, 0], [0, 0, 10, 0]]


async def test_what_was_said_before_its_machine_was_registered_is_what_the_machine_did(gateway, ask):
    tags = (Tag("late", "state", "P-9", ReadingType.STATE),)
    await gateway.send(says(0, (0, "producing"), (30, "idle")), tags=tags)
    await derived(gateway)
    assert await states(gateway, "P-9") == []
    await ask("POST", "/machines", {"code": "P-9", "name": "registered later"}, status=201)
    # the ingest remembers its tags for a minute; another process, or a later one, sees the machine at once
    again = Dictionary(gateway.database)
    await again.ids(gateway.caller, tags, utc(NOON))
    await derived(gateway)
    assert await states(gateway, "P-9") == [("producing", 0, 30), ("idle", 30, None)]
