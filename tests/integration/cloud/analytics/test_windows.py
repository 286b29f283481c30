"""Any window is right to the microsecond: it is what its ledger says, and windows that touch add up."""

import random
from datetime import datetime
from urllib.parse import urlencode

import pytest

from cloud.analytics.schemas import Grain
from cloud.analytics.service import summing
from cloud.kpi.facts import Facts, total
from cloud.kpi.ledger import draw_up
from cloud.kpi.spans import Span
from cloud.machines import service as machine_service
from cloud.production.service import layers, moments
from shared.reading import concatenate
from tests.integration.cloud.predictions.plants import statements
from tests.integration.cloud.production.test_deriving import (
    GOOD,
    MINUTE,
    REJECT,
    SHOTS,
    SPEED,
    STATE,
    TAGS,
    ask,
    derived,
    gateway,
    machines,
    new_gateway,
    says,
    utc,
)
from tests.integration.cloud.telemetry.sender import NOON

__all__ = ["ask", "gateway", "machines", "new_gateway"]

# edges at no full hour, a break across one, a night into the next date, and time in no shift; UTC
PATTERN = {
    "name": "odd",
    "cycle_days": 1,
    "anchor": "2026-11-16",
    "is_default": True,
    "shifts": [
        {"name": "early", "start": "05:50", "end": "13:20", "breaks": [{"start": "09:45", "end": "10:15"}]},
        {"name": "night", "start": "20:30", "end": "03:15", "breaks": [{"start": "20:40", "end": "20:50"}]},
    ],
}
BEGIN, LAST = -900, 1_000
NOW = utc(NOON + LAST * MINUTE)
DOING = ("producing", "idle", "faulted", "setup", "producing", "off", "maintenance", "planned_stop")


def _said():
    """Return what a machine said in two days, minutes from noon: it does something else every while, and counts on."""
    rng = random.Random(7)
    states, good, reject = [], [(BEGIN, 0)], [(BEGIN, 0)]
    at = float(BEGIN)
    while at < LAST:
        states.append((at, rng.choice(DOING)))
        at += rng.choice((0.4, 3.7, 11, 45.25, 130))
    for minute in range(BEGIN + 1, LAST, 7):
        good.append((minute, good[-1][1] + rng.randrange(9)))
        reject.append((minute, min(999, reject[-1][1] + rng.randrange(2))))
    turning = [(minute, rng.choice((0, 900))) for minute in range(BEGIN + 40, LAST, 31)]
    shots = [(minute, minute - BEGIN) for minute in range(BEGIN + 40, LAST, 13)]
    told = [says(STATE, *states), says(GOOD, *good), says(REJECT, *reject), says(SPEED, *turning), says(SHOTS, *shots)]
    return concatenate(told)


@pytest.fixture(params=["shifts", "always"])
async def run(gateway, ask, request):
    if request.param == "shifts":
        await ask("POST", "/shifts/patterns", PATTERN, status=201)
    rules = [{"state": "producing", "when": [{"tag": "rpm", "above": 100}]}]
    await ask("PUT", "/machines/P-2/states/model", {"rules": rules, "otherwise": "idle"})
    await gateway.send(_said(), tags=TAGS)
    await gateway.query("UPDATE gateway SET last_seen = :at WHERE id = :gateway RETURNING 1", at=NOW)
    await derived(gateway, NOW)
    return gateway


def _plain(facts: Facts) -> tuple:
    several = (facts.time_us, facts.pieces, facts.ideal_us)
    counted = (facts.without_ideal, facts.overtime_pieces, facts.failures, facts.repair_us)
    return (*({key.value: count for key, count in each.items() if count} for each in several), counted)


def _moments(rng: random.Random) -> list[datetime]:
    """Return three moments in order, of which some lie at edges of shifts, hours and minutes, and some anywhere."""
    edges = [350, 585, 600, 615, 800, 1230, 1240, 1250, 195 + 1440, 720]
    found = set()
    while len(found) < 3:
        minute = rng.choice([rng.choice(edges) - 720 - rng.choice((0, 1440)), rng.randrange(BEGIN - 200, LAST + 60)])
        found.add(utc(NOON + minute * MINUTE + rng.choice((0, 0, 1, rng.randrange(MINUTE)))))
    return sorted(found)


async def test_any_window_is_what_its_ledger_says_and_windows_that_touch_add_up(run):
    rng = random.Random(11)
    async with run.database.reading() as session:
        organization_id = run.caller.organization_id
        machine = await machine_service.resolve(session, organization_id, "P-1")
        since = await layers.since(session, machine.id)

        async def facts(start: datetime, end: datetime, by: Grain) -> Facts:
            found = await summing.summed(session, organization_id, [machine], (start, end), by)
            periods = [each.facts for each in found.periods]
            assert all(start <= each.start < each.end <= end for each in found.periods)
            between = [found.between] if found.between is not None else []
            [(whole, _)] = found.of_machine.values() or [(Facts(), 0)]
            assert _plain(total([*periods, *between])) == _plain(whole)
            return whole

        async def ledger(start: datetime, end: datetime) -> Facts:
            window = Span(moments.us(max(start, since)), moments.us(min(end, NOW)))
            if not window.length:
                return Facts()
            start, end = moments.utc(window.start), moments.utc(window.end)
            around = await layers.around(session, organization_id, machine, start, end, NOW)
            return draw_up(window, around).facts

        for number in range(15):
            first, middle, last = _moments(rng)
            by = list(Grain)[number % len(Grain)]
            one, two, both = [await facts(*span, by) for span in ((first, middle), (middle, last), (first, last))]
            said = f"{first} {middle} {last} by {by}"
            assert _plain(one + two) == _plain(both), said
            assert _plain(both) == _plain(await ledger(first, last)), said
            assert _plain(one) == _plain(await ledger(first, middle)), said


async def test_a_line_is_the_sum_of_its_machines_in_any_window(run):
    rng = random.Random(5)
    async with run.database.reading() as session:
        organization_id = run.caller.organization_id
        line = [await machine_service.resolve(session, organization_id, code) for code in ("P-1", "P-2")]
        for number in range(10):
            first, _, last = _moments(rng)
            by = list(Grain)[number % len(Grain)]
            both = await summing.summed(session, organization_id, line, (first, last), by)
            for machine in line:
                alone = await summing.summed(session, organization_id, [machine], (first, last), by)
                [(whole, revision)] = alone.of_machine.values() or [(Facts(), 0)]
                together, same_revision = both.of_machine.get(machine.id, (Facts(), 0))
                assert (_plain(together), same_revision) == (_plain(whole), revision), f"{machine.code} {first} {last}"


async def test_a_window_cut_at_minutes_asks_as_much_of_a_hall_as_of_a_machine(run, ask, app):
    doing = {"from": utc(NOON - 600 * MINUTE).isoformat(), "to": utc(NOON + 600 * MINUTE).isoformat()}
    for number, place in enumerate(["alone", *["hall"] * 5]):
        machine = {"code": f"H-{number}", "name": "hall", "location": place}
        await ask("POST", "/machines", machine, who="admin", status=201)
        await ask("POST", f"/machines/H-{number}/states", {**doing, "state": "producing"}, status=201)
    await derived(run, NOW)
    window = {"from": utc(NOON - 411 * MINUTE).isoformat(), "to": utc(NOON + 77 * MINUTE).isoformat()}
    for by in ("shift", "day", "hour"):
        asked, elements = [], []
        for place, count in (("alone", 1), ("hall", 5)):
            with statements(app.state.database.engine.sync_engine) as said:
                found = await ask("GET", f"/oee?{urlencode(window | {'by': by, 'location': place})}")
            elements += [each["elements"] for each in found["machines"]]
            assert len(found["machines"]) == count
            asked.append(len(said))
        assert elements == [elements[0]] * 6
        assert elements[0]["apt_s"] > 0
        assert asked[0] == asked[1], by
