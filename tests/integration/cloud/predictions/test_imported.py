"""A plant's past from its own logs, in PostgreSQL: brought once, seen from its arrival on, and learned from."""

import uuid
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from cloud import tomlfile
from cloud.errors import BadRequest
from cloud.predictions import watching
from cloud.predictions.features import Instants
from cloud.predictions.files import read_history
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.imported import bringing
from cloud.predictions.mapping import Mapping
from cloud.predictions.unseen import unseen
from cloud.production.service.moments import us, utc
from tests.integration.cloud.predictions import exports, plants
from tests.integration.cloud.predictions.plants import NOW

UNTIL = NOW - timedelta(hours=3)


@pytest.fixture
def bring(app, tenant):
    async def brought(directory, *, is_dry_run: bool = False, now=NOW):
        read = read_history(directory, tomlfile.read(directory / "mapping.toml", Mapping), now=now)
        async with app.state.database.transaction() as session:
            return await bringing.bring(
                session, tenant.organization_id, "exports", read, lambda *_: None, is_dry_run=is_dry_run
            )

    return brought


def counts(verdict) -> dict[str, tuple[int, int]]:
    return {each.table: (each.imported, each.already_here) for each in verdict.tables}


def rows(history, names) -> dict[str, list[tuple]]:
    """By table what a past says, machines by their names."""

    def said(of) -> list[tuple]:
        columns = {name: getattr(of, name) for name in ("at", "known", "end", "end_known") if hasattr(of, name)}
        whose = [names[place] for place in of.machine]
        words = [[of.kinds[place] for place in of.kind]] if hasattr(of, "kinds") else []
        values = [each.tolist() for each in (*columns.values(), *getattr(of, "columns", {}).values())]
        return sorted(zip(whose, *values, *words, strict=True))

    return {name: said(getattr(history, name)) for name in ("stops", "alarms", "maintenance", "work", "measured")}


async def test_a_directory_is_in_the_database_as_it_is_in_the_files(bring, known, moment, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    verdict = await bring(directory)
    assert all(each.is_whole for each in verdict.tables)
    assert (verdict.machines, verdict.machines_added, verdict.is_new) == (4, 4, True)
    there, _ = read_history(directory, tomlfile.read(directory / "mapping.toml", Mapping), now=NOW)
    here = await known(await moment())
    codes = [here.codes[each] for each in here.machines]
    assert sorted(codes) == sorted(there.machines)

    assert rows(here.history, codes) == rows(there, there.machines)
    assert all(rows(there, there.machines).values())
    assert here.history.work.length == 24 * HOUR
    assert {codes[place]: age for place, age in enumerate(here.history.traits["age"])} == {
        f"M-{number}": number for number in range(4)
    }
    # from its end on nobody knows what the machines did
    assert {end for _, _, end in here.unknown} == {max(each for _, _, each in here.unknown)}


async def test_run_again_it_adds_nothing_and_a_longer_export_adds_what_is_new(app, bring, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL - timedelta(days=10))
    dry = await bring(directory, is_dry_run=True)
    first = await bring(directory)
    assert counts(first) == counts(dry)
    assert all(already == 0 for _, already in counts(first).values())
    again = await bring(directory)
    assert (again.is_new, again.machines_added) == (False, 0)
    assert all(new == 0 for new, _ in counts(again).values())
    async with app.state.database.transaction() as session:
        assert await session.scalar(text("SELECT count(*) FROM history_import")) >= 1
    # one more alarm, and a stop of which something else is said now
    with (directory / "alarms.csv").open("a") as file:
        file.write(f"M-9,{UNTIL.isoformat()},W2\n")
    stops = (directory / "stops.csv").read_text().splitlines()
    stops[1] = stops[1].replace(",30,", ",31,")
    (directory / "stops.csv").write_text("\n".join(stops))
    more = await bring(directory)
    assert counts(more)["alarms"][0] == more.machines_added == 1
    changed = {each.table: each.changed for each in more.tables}
    assert changed == dict.fromkeys(changed, 0) | {"stops": 1}


async def test_a_plant_of_which_imports_tell_is_watched_as_long_as_they_reach_the_present(
    app, tenant, bring, moment, tmp_path
):
    await bring(exports.write(tmp_path / "logs", until=UNTIL))
    now = await moment()
    for at, pending in ((now + timedelta(hours=49), 0), (now, 8)):
        while await watching.watch_next(app.state.database, at):
            pass
        async with app.state.database.reading() as session:
            told = await watching.report(session, tenant.organization_id, 24)
        # by the best rule and the second best
        assert told.pending == pending
        assert told.detail is not None
        assert ("wait for that" in told.detail) is (pending > 0)
        # the next look is by another clock: what is written is of its own time
        async with app.state.database.transaction() as session:
            await session.execute(text("DELETE FROM prediction_watch"))


async def test_days_that_an_import_counted_tell_what_oee_the_next_one_will_have(
    app, app_client, tenant, bring, tmp_path
):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    midnight = NOW.replace(hour=0, minute=0, second=0)
    days = [midnight - timedelta(days=back) for back in range(40, 1, -1)]
    lines = [f"M-0,{day.isoformat()},1080,900,100,1250" for day in days]
    (directory / "days.csv").write_text("\n".join(["machine,day,run,good,scrap,ideal", *lines]))
    mapping = directory / "mapping.toml"
    head, _, tail = mapping.read_text().partition("[telemetry]")
    head = head.replace('good = "good"', 'good = "good"\nscrap = "scrap"\nideal = "ideal"')
    mapping.write_text(f"{head}[machines]{tail.partition('[machines]')[2]}")
    asked = {"machine_id": "M-0", "as_of": NOW.isoformat()}
    await bring(directory)
    told = (await app_client.post("/predictions/oee", json=asked, headers=tenant.worker)).json()
    assert (told["status"], told["periods_known"]) == ("answered", len(days))
    assert told["oee"] == pytest.approx(0.75 * 0.8 * 0.9)
    assert told["availability"] == pytest.approx(0.75)
    of_none = (
        await app_client.post("/predictions/oee", json=asked | {"machine_id": "M-1"}, headers=tenant.worker)
    ).json()
    assert "14 are needed" in of_none["detail"]


async def test_of_stops_that_are_told_without_minutes_none_are_expected(app_client, tenant, bring, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    mapping = directory / "mapping.toml"
    mapping.write_text(mapping.read_text().replace('minutes = "minutes"\n', ""))
    await bring(directory)
    told = (await app_client.post("/predictions/downtime", json={"machine_id": "M-0"}, headers=tenant.worker)).json()
    assert 0 < told["probability"] < 1
    assert (told["expected_minutes"], told["minutes_interval"]) == (None, None)


async def test_what_is_still_to_come_is_refused_with_its_line(bring, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    with (directory / "alarms.csv").open("a") as file:
        file.write(f"M-0,{(NOW + timedelta(hours=1)).isoformat()},W1\n")
    with (directory / "days.csv").open("a") as file:
        file.write(f"M-0,{(NOW - timedelta(hours=5)).isoformat()},1,1,1\n")
    verdict = await bring(directory)
    assert {each.table: each.refused for each in verdict.tables if each.refused} == {
        "alarms": 1,
        "work": 1,
        "telemetry": 1,
    }
    assert verdict.reasons == {"alarms.csv: a cell is still to come": 1, "days.csv: its span is not over yet": 2}


async def test_spans_of_another_length_and_names_that_are_no_code_are_refused(bring, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    await bring(directory)
    mapping = directory / "mapping.toml"
    mapping.write_text(exports.MAPPING.replace('"1d"', '"8h"'))
    with pytest.raises(BadRequest, match="told every 8 h, and what is here every 24 h"):
        await bring(directory)
    mapping.write_text(exports.MAPPING + f'[codes]\nM-0 = "{"x" * 70}"\n')
    with pytest.raises(BadRequest, match=r"codes.M-0: String should have at most 64 characters"):
        await bring(directory)


async def test_before_its_arrival_an_import_is_not_seen_and_answers_about_then_stay(
    app, app_client, tenant, bring, known, moment, tmp_path
):
    made = await plants.machines(app_client, tenant, 4)
    await plants.run(app, made, days=90, until=NOW)
    asked = {"machine_id": "M-1", "as_of": (await moment()).isoformat()}

    async def answer(body):
        app.state.predictions.answers.forget()
        app.state.predictions.grounds.forget()
        found = await app_client.post("/predictions/downtime", json=body, headers=tenant.worker)
        assert found.status_code == 200, found.text
        return found.json()

    long_ago = {**asked, "as_of": (NOW - timedelta(days=20)).isoformat()}
    before = [await answer(asked), await answer(long_ago)]
    whole = await known(await moment())
    # of other machines too, so that places would shift
    await bring(exports.write(tmp_path / "logs", until=UNTIL - timedelta(days=80), machines=9))
    assert [await answer(asked), await answer(long_ago)] == before
    after = await known(await moment())
    assert len(after.history.stops) > len(whole.history.stops)
    assert (await answer({"machine_id": "M-1"}))["stops_known"] == len(after.history.stops)


async def test_an_import_ends_where_a_machine_tells_of_itself(app, app_client, tenant, bring, known, moment, tmp_path):
    directory = exports.write(tmp_path / "logs", until=UNTIL)
    await bring(directory)
    alone = (await known(await moment())).history
    begin = NOW - timedelta(days=30)
    machine = (await app_client.get("/machines/M-0", headers=tenant.admin)).json()
    await plants.write(app, [plants.row(machine, begin, None, "producing")])
    both = await known(await moment())
    place = both.place(uuid.UUID(machine["id"]))
    stops, seam = both.history.stops, us(begin)
    assert stops.at[stops.machine == place].max() < seam
    others = stops.machine != place
    assert others.sum() + (stops.at[~others] < seam).sum() == len(stops) < len(alone.stops)
    # its own records go on: nothing of it is unknown
    assert uuid.UUID(machine["id"]) not in {who for who, _, _ in both.unknown}


async def test_between_an_import_and_a_machines_own_records_nothing_is_known(
    app, app_client, tenant, bring, known, moment, tmp_path
):
    await bring(exports.write(tmp_path / "logs", until=UNTIL - timedelta(days=40)))
    machine = (await app_client.get("/machines/M-0", headers=tenant.admin)).json()
    await plants.write(app, [plants.row(machine, NOW - timedelta(days=10), None, "producing")])
    found = await known(await moment())
    (begin, end) = next(each[1:] for each in found.unknown if str(each[0]) == machine["id"])
    assert end == NOW - timedelta(days=10)
    assert timedelta(days=29) < end - begin < timedelta(days=34)
    # no look at it is learned from, and no other is left out for it
    at = us(begin + (end - begin) / 2)
    looks = Instants(np.arange(4, dtype=np.int32), np.full(4, at))
    blind = unseen(found, ()).reaches_into(looks, 24 * HOUR)
    before = unseen(found, ()).reaches_into(Instants(looks.machine, looks.at - 40 * DAY), 24 * HOUR)
    assert blind[found.place(uuid.UUID(machine["id"]))]
    assert not before.any()


def part(whole: Path, to: Path, begin: datetime, end: datetime) -> Path:
    """Write what a directory tells of a part of its time."""
    to.mkdir()
    for file in whole.iterdir():
        head, *lines = file.read_text().splitlines()
        if file.name in {"mapping.toml", "machines.csv"}:
            own = lines
        else:
            own = [line for line in lines if begin <= datetime.fromisoformat(line.split(",")[1]) < end]
        (to / file.name).write_text("\n".join([head, *own]) + "\n")
    return to


@pytest.mark.parametrize(
    "parts",
    [((90, 40), (40, 0)), ((40, 0), (90, 40)), ((90, 30), (50, 0)), ((50, 0), (90, 30)), ((60, 30), (90, 60), (30, 0))],
    ids=["older first", "newer first", "overlapping", "overlapping, newer first", "the middle first"],
)
async def test_in_parts_and_in_any_order_it_is_what_it_is_at_once(bring, known, moment, tmp_path, parts):
    whole = exports.write(tmp_path / "logs", until=UNTIL)
    midnight = UNTIL.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    counted = Counter()
    for number, (begin, end) in enumerate(parts):
        cut = [midnight - timedelta(days=each) for each in (begin, end)]
        verdict = await bring(part(whole, tmp_path / f"part-{number}", *cut))
        assert all(each.is_whole and not each.refused and not each.changed for each in verdict.tables)
        counted.update({each.table: each.imported for each in verdict.tables})
    here = await known(await moment())
    there, _ = read_history(whole, tomlfile.read(whole / "mapping.toml", Mapping), now=NOW)
    codes = [here.codes[each] for each in here.machines]
    assert rows(here.history, codes) == rows(there, there.machines)
    assert counted == {
        "stops": len(there.stops),
        "alarms": len(there.alarms),
        "maintenance": len(there.maintenance),
        "work": len(there.work),
        "telemetry": len(there.measured),
        "machines": 4,
    }
    # and there is no time in between of which nobody knows
    begins = [there.stops.at.min(), there.alarms.at.min(), there.work.at.min() - there.work.length]
    assert set(here.since.values()) == {min(begins)}
    ends = [there.stops.end.max(), there.alarms.at.max(), there.work.at.max()]
    assert [begin for _, begin, _ in here.unknown] == [utc(int(max(ends)))] * 4
