"""Ninety days of a made-up plant, held against its own truth, however its readings were delivered.

The truth is counted second by second (`cloud/seed_plant.py`, `cloud/seed_work.py`); the house comes to its figures by
batches, rollups, derived states and facts. States must agree to the second, counts exactly, OEE to 1e-9: those of
machines by shift, and those of operators, jobs and parts.
"""

import os
import random
import uuid
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from cloud import seed_history, seed_plant, seed_work
from cloud.analytics.schemas import Grain
from cloud.analytics.service import figuring, performing, sharing
from cloud.analytics.service.figuring import Asked
from cloud.db import Database
from cloud.identity.schemas import Caller, Role
from cloud.joblogs.service import performance
from cloud.kpi.facts import Facts, total
from cloud.kpi.policy import PRESETS
from cloud.kpi.worked import Bucket
from cloud.reports.schemas import Dimension, Metric, ReportIn
from cloud.reports.service import groups as grouping
from cloud.seed_plant import Plant
from cloud.seed_work import Task, Work
from shared.reading import MachineState

LAST = date(2026, 10, 7)
_STATES = text("""
    SELECT from_at, to_at, state FROM machine_state JOIN machine ON machine.id = machine_id
    WHERE organization_id = :organization AND code = :code AND replaced_at IS NULL ORDER BY from_at
""")


async def loaded(database: Database, plant: Plant, mixed: random.Random | None) -> uuid.UUID:
    now = plant.at(plant.seconds)
    async with database.transaction() as session:
        gateway = await seed_history.prepare(session, f"plant-{uuid.uuid4().hex[:6]}", plant, now)
    told = list(seed_history.batches(plant, gateway, uuid.uuid4()))
    if mixed is None:
        await seed_history.deliver(database, gateway, told, plant)
        return gateway.organization_id
    # each day's batch comes up to three days late, some come twice, and figures are derived in between
    late = sorted(range(len(told)), key=lambda number: number + mixed.uniform(0, 3))
    order = [told[number] for number in late]
    order += mixed.choices(told, k=len(told) // 5)
    third = len(order) // 3
    for part in (order[:third], order[third : 2 * third], order[2 * third :]):
        await seed_history.deliver(database, gateway, part, plant)
    return gateway.organization_id


async def compare(database: Database, plant: Plant, organization_id: uuid.UUID) -> None:
    asked = Asked(Grain.SHIFT, plant.begin - timedelta(days=1), plant.at(plant.seconds))
    for machine in plant.machines:
        async with database.reading() as session:
            rows = await session.execute(_STATES, {"organization": organization_id, "code": machine.code})
            found = [((row.from_at - plant.begin).total_seconds(), row.state) for row in rows]
            assert found == seed_plant.state_changes(machine), machine.code
            now = plant.at(plant.seconds)
            answer = await figuring.of_machine(session, organization_id, machine.code, asked, now)
        by_start = {bucket.start: bucket for bucket in answer.buckets}
        for shift in plant.shifts:
            truth, bucket = plant.truth(machine, shift), by_start[plant.at(shift.start)]
            where = f"{machine.code} {shift.business_date} {shift.name}"
            assert bucket.elements.pbt_s == truth.pbt_s, where
            assert bucket.elements.apt_s == truth.running_s, where
            assert (bucket.pieces.good, bucket.pieces.scrap) == (truth.good, truth.scrap), where
            assert bucket.pieces.without_ideal_cycle == 0
            if truth.oee is not None:
                assert bucket.oee == pytest.approx(truth.oee, rel=0, abs=1e-9), where
            assert bucket.coverage == 1.0


async def compare_work(database: Database, plant: Plant, organization_id: uuid.UUID) -> None:
    """Hold all operators, jobs and parts against what their orders were: in a report, and the first of each in full."""
    window = plant.begin, plant.at(plant.seconds)
    off = seed_work.unplanned(plant)
    dimensions = {
        Dimension.OPERATOR: lambda task: seed_work.emp_id(task.operator),
        Dimension.JOB: lambda task: task.job,
        Dimension.PART: lambda task: seed_work.product(task.run.product),
    }
    done: dict[Dimension, dict[str, list[Task]]] = {each: defaultdict(list) for each in dimensions}
    for task in seed_work.tasks(plant):
        for dimension, key in dimensions.items():
            done[dimension][key(task)].append(task)
    truth = {
        dimension: {key: seed_work.truth(plant, tasks, off) for key, tasks in of_it.items()}
        for dimension, of_it in done.items()
    }
    report = ReportIn(metrics=[Metric.OEE], group_by=list(dimensions))

    async def told(_: float) -> None:
        pass

    async with database.reading() as session:
        groups = await grouping.groups(session, organization_id, report, window, told)
    for number, dimension in enumerate(dimensions):
        facts: dict[str, list[Facts]] = defaultdict(list)
        for keys, each in groups:
            if keys[number] is not None:
                facts[keys[number]].append(each)
        assert facts.keys() == truth[dimension].keys()
        for key, several in facts.items():
            found = sharing.shown(total(several), PRESETS["iso22400"], 0)
            times = found.elements.pbt_s, found.elements.apt_s
            assert_same(key, truth[dimension][key], times, found.pieces, found.oee)
    await compare_performance(database, plant, organization_id, done, truth)


async def compare_performance(
    database: Database,
    plant: Plant,
    organization_id: uuid.UUID,
    done: dict[Dimension, dict[str, list[Task]]],
    truth: dict[Dimension, dict[str, Work]],
) -> None:
    end = plant.at(plant.seconds)
    caller, asked = Caller(0, organization_id, Role.ADMIN), performance.Asked(PRESETS["iso22400"], plant.begin, end)
    ways = {Dimension.OPERATOR: performing.of_operator, Dimension.JOB: performing.of_job}
    for dimension, of_it in done.items():
        key = min(of_it)
        async with database.reading() as session:
            told = await ways.get(dimension, performing.of_part)(session, caller, key, asked, None, end)
        assert told.source == "ledger"
        times = told.times_s
        assert_same(key, truth[dimension][key], (times.pbt, times.apt), told.pieces, told.oee)
    days: Counter[date] = Counter()
    for lot in (lot for task in done[Dimension.PART][key] for lot in seed_work.lots(task)):
        days[seed_work.business_date(plant, lot.at)] += lot.good + lot.scrap
    async with database.reading() as session:
        history = await performing.history(session, caller, key, asked, Bucket.DAY, None, end)
    assert {each.period: each.parts_produced for each in history.periods if each.parts_produced} == dict(days)


def assert_same(key: str, truth: Work, times_s: tuple[float, float], pieces: Any, oee: float | None) -> None:
    assert times_s == (truth.pbt_s, truth.running_s), key
    assert (pieces.good, pieces.scrap, pieces.overtime) == (truth.good, truth.scrap, truth.overtime), key
    assert oee == (None if truth.oee is None else pytest.approx(truth.oee, rel=0, abs=1e-9)), key


@pytest.mark.timeout(600)
@pytest.mark.parametrize("mixed", [False, True], ids=["in order", "shuffled, repeated and late"])
async def test_the_past_of_a_plant_is_what_it_was(database, mixed):
    # TEZGAH_TEST_PLANT_DAYS=90 for all of them; a part, with the change of a month, is enough to find a mistake
    days = int(os.environ.get("TEZGAH_TEST_PLANT_DAYS", "14" if not mixed else "8"))
    plant = seed_plant.plant(LAST, days)
    assert (len(plant.machines), len(plant.cycles)) == (12, 40)
    organization_id = await loaded(database, plant, random.Random(3) if mixed else None)
    await compare(database, plant, organization_id)
    await compare_work(database, plant, organization_id)


def test_the_truth_knows_every_state_and_every_product():
    plant = seed_plant.plant(LAST, 10)
    states = {state for machine in plant.machines for _, state in seed_plant.state_changes(machine)}
    assert {MachineState.PRODUCING, MachineState.FAULTED, MachineState.SETUP, MachineState.PLANNED_STOP} <= states
    assert len({run.product for machine in plant.machines for run in machine.runs}) == 40
    truths = [plant.truth(machine, shift) for machine in plant.machines for shift in plant.shifts]
    assert all(truth.oee is None or 0 < truth.oee < 1 for truth in truths)
    assert len({truth.oee for truth in truths}) > len(truths) / 2


def test_the_same_seed_gives_the_same_past():
    one, two, other = (seed_plant.plant(LAST, 2, seed) for seed in (1, 1, 2))
    assert [machine.lots for machine in one.machines] == [machine.lots for machine in two.machines]
    assert [machine.lots for machine in one.machines] != [machine.lots for machine in other.machines]


async def test_a_plant_is_loaded_once(database):
    now = datetime.now(UTC)
    await seed_history.load(database, "Made up", 1, 1, now)
    with pytest.raises(Exception, match="There is an organization Made up already"):
        await seed_history.load(database, "Made up", 1, 1, now)
