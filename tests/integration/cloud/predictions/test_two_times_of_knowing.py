"""An imported past has two times of knowing, whatever is imported and in what order: as a property, in PostgreSQL."""

import asyncio
import uuid
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from cloud import loop
from cloud.db import Database
from cloud.predictions import past
from cloud.predictions.exports import TableVerdict, Verdict
from cloud.predictions.history import HOUR, MINUTE, Events, History, Spans, Stops
from cloud.predictions.imported import bringing
from cloud.production.service.moments import us

# machine, hours before now, hours until it was known, a word
EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 500), st.integers(0, 700), st.sampled_from(["mech", "elec", "W1"])),
    max_size=6,
    unique_by=lambda row: (row[0], row[1], row[3]),
)
SPANS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 200), st.integers(0, 300), st.floats(0, 60)),
    max_size=6,
    unique_by=lambda row: row[:2],
)
IMPORTS = st.lists(st.tuples(EVENTS, EVENTS, SPANS), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner(loop_factory=loop.new_event_loop) as own:
        yield own


@pytest.fixture(scope="module")
def database(database_url, runner):
    opened = Database(database_url, pool_size=2)
    yield opened
    runner.run(opened.close())


def history(given_rows, now):
    """What a directory would say; what it says of later than now is known to nobody yet."""
    told, warned, counted = given_rows

    def columns(rows):
        machine, hours, late = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
        at = us(now) - hours * HOUR
        return machine.astype(np.int32), at, at + late * HOUR

    def words(rows):
        kinds = tuple(dict.fromkeys(row[3] for row in rows))
        return np.array([kinds.index(row[3]) for row in rows], np.int16), kinds

    machine, at, known = columns(told)
    stops = Stops(machine, at, known, *words(told), at + 30 * MINUTE, np.maximum(at + 30 * MINUTE, known))
    values = {"run": np.array([row[3] for row in counted], np.float64)}
    alarms, nothing = Events(*columns(warned), *words(warned)), Events(*columns([]), *words([]))
    made = History(
        [f"M-{number}" for number in range(4)],
        stops,
        alarms,
        nothing,
        Spans(*columns(counted), values),
        nothing_measured(),
    )
    tables = [("stops", stops), ("alarms", alarms), ("work", made.work)]
    return made, Verdict([TableVerdict(name, name, len(rows), len(rows)) for name, rows in tables])


def nothing_measured():
    none = np.empty(0, np.int64)
    return Spans(none.astype(np.int32), none, none, {})


def content(known, places):
    """All of a past, to the bit, of the machines that are told of."""
    told = known.history
    arrays = [
        getattr(of, name).tobytes()
        for of in (told.stops, told.alarms, told.maintenance, told.work, told.measured)
        for name in ("machine", "at", "known", "kind", "end", "end_known")
        if hasattr(of, name)
    ]
    arrays += [each.tobytes() for of in (told.work, told.measured) for each in of.columns.values()]
    kinds = [of.kinds for of in (told.stops, told.alarms, told.maintenance)]
    return arrays, kinds, known.since, known.unknown, known.heard, known.machines[:places]


async def played(database, imports):
    async with database.transaction() as session:
        made = text("INSERT INTO organization (name) VALUES (:name) RETURNING id, clock_timestamp()")
        whose, now = (await session.execute(made, {"name": str(uuid.uuid4())})).one()

    async def read(as_of):
        async with database.transaction() as session:
            return await past.read(session, whose, as_of, None)

    moments, seen = [now], [await read(now)]
    for each in imports:
        async with database.transaction() as session:
            told = history(each, now)
            await bringing.bring(session, whose, "logs", told, lambda *_: None, is_dry_run=False)
        async with database.transaction() as session:
            moments.append(await session.scalar(text("SELECT clock_timestamp()")))
        seen.append(await read(moments[-1]))
    later = [await read(moment) for moment in moments]
    return now, moments, seen, later, await read(now + timedelta(days=60))


@settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(imports=IMPORTS)
def test_a_row_is_seen_from_its_arrival_on_and_from_when_the_plant_knew_it(database, runner, imports):
    now, moments, seen, later, in_two_months = runner.run(played(database, imports))
    # what was known at an instant stays, whatever came since
    assert len(seen[0].history.stops) == 0
    for then, again in zip(seen, later, strict=True):
        # a machine that came later has a place behind, and shifts none
        told_of = len(then.since)
        assert content(then, told_of) == content(again, told_of)
    # of rows that say otherwise of the same stop the first that came stays
    first: dict = {}
    for told, _, _ in imports:
        for machine, hours, late, word in told:
            first.setdefault((machine, us(now) - hours * HOUR, word), us(now) - (hours - late) * HOUR)
    for known, at in ((later[-1], moments[-1]), (in_two_months, now + timedelta(days=60))):
        stops = known.history.stops
        codes = [known.codes[known.machines[place]] for place in stops.machine]
        words = [stops.kinds[place] for place in stops.kind]
        assert sorted(zip(codes, stops.at.tolist(), stops.known.tolist(), words, strict=True)) == sorted(
            (f"M-{machine}", begin, when, word) for (machine, begin, word), when in first.items() if when <= us(at)
        )
        for each in (known.history.alarms, known.history.work, stops):
            assert (each.at <= each.known).all()
            assert (each.known <= us(at)).all()
