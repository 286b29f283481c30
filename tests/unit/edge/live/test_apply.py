"""A change of configuration on trial: kept when all is as good as before, undone when it is not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from edge.acquisition.station import Station
from edge.acquisition.status import StationState
from edge.config.files import Files
from edge.errors import ConfigError
from edge.live.apply import Applier, Outcome, Verdict, settings_to_start
from edge.live.fleet import Fleet
from edge.live.memory import Good, Memory, Rejected, Remembered
from edge.ports import Driver, Sample
from edge.settings import Connection, Settings, load
from shared.reading import GapCause, Quality, from_rows
from tests.fakes.clock import HandClock, happens, turns
from tests.fakes.driver import ScriptedDriver, sample
from tests.fakes.recording import RecordingBuffer
from tests.unit.edge.live.plant import HEAD, settings


@dataclass
class Bench:
    """A gateway's live part, with drivers that a test speaks for."""

    directory: Path
    clock: HandClock = field(default_factory=HandClock)
    drivers: dict[str, list[ScriptedDriver]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.buffer = RecordingBuffer(self.clock)
        self.fleet = Fleet(self._driver, self._station, self.clock)
        self.memory = Memory(self.directory)

    def _driver(self, connection: Connection, _: int | None) -> ScriptedDriver:
        if connection.name in self.refused:
            raise ConfigError(f"{connection.name}: no such thing")
        self.drivers.setdefault(connection.name, []).append(ScriptedDriver())
        return self.drivers[connection.name][-1]

    def _station(self, connection: Connection, driver: Driver, since_us: int | None, why: str) -> Station:
        return Station(
            connection.name,
            "modbus",
            driver,
            connection.points,
            self.buffer,
            self.clock,
            missing_since_us=since_us,
            missing_why=why,
            finish_s=0.05,
        )

    @asynccontextmanager
    async def running(self, start: Settings) -> AsyncIterator[Applier]:
        applier = Applier(start, self.fleet, self.memory, self.clock)
        async with asyncio.TaskGroup() as tasks:
            self.fleet.begin(tasks, self.fleet.build(start.connections, None))
            applier.started()
            for name in [connection.name for connection in start.connections]:
                await self.speak(name)
            yield applier
            await self.fleet.end()

    async def speak(self, name: str, value: float = 1.0) -> None:
        """Let a connection's device say something good."""
        await happens(lambda: self.station(name).status().state is StationState.UP)
        self.drivers[name][-1].put(sample(value))
        await happens(lambda: self.station(name).good())

    def station(self, name: str) -> Station:
        return next(station for station in self.fleet if station.name == name)

    @property
    def opened(self) -> dict[str, int]:
        return {name: len(drivers) for name, drivers in self.drivers.items()}

    async def applied(self, applier: Applier, new: Settings, *speaking: str) -> Outcome:
        """Apply settings; these connections then speak, and time passes."""
        task = asyncio.create_task(applier.apply(new))
        before = self.opened
        for name in speaking:
            await happens(lambda name=name: self.opened.get(name, 0) > before.get(name, 0))
            await self.speak(name)
        while not task.done():
            await self.clock.advance(0.25)
            await turns()
            await asyncio.sleep(0.001)
        return task.result()


async def test_a_change_is_kept_as_soon_as_what_was_good_is_good_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    old, new = settings(tmp_path, "a", "b"), settings(tmp_path, "a", "b", "c", b="other")
    async with bench.running(old) as applier:
        kept, began_s = bench.station("a"), bench.clock.monotonic()
        outcome = await bench.applied(applier, new, "b")
        assert outcome.verdict is Verdict.APPLIED, outcome
        assert outcome.message == "1 tags that were good are good again; 1 tags are not good, none of which was before"
        assert bench.clock.monotonic() - began_s < 3.0
        assert [station.name for station in bench.fleet] == ["a", "b", "c"]
        assert bench.station("a") is kept
        assert bench.opened == {"a": 1, "b": 2, "c": 1}
        assert applier.settings is new
        assert bench.memory.recall() == Remembered(Good(str(new.file), dict(new.contents)))
        (gap,) = bench.buffer.gaps
        assert (gap.device, gap.cause, gap.detail) == (
            "press-b",
            GapCause.GATEWAY_DOWN,
            "the configuration was changed",
        )


async def test_a_change_after_which_fewer_tags_are_good_is_undone_by_itself_and_remembered(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    old = settings(tmp_path, "a", "b")
    new = settings(tmp_path, "a", "b", b="other")
    async with bench.running(old) as applier:
        began_s = bench.clock.monotonic()
        outcome = await bench.applied(applier, new)
        assert outcome.verdict is Verdict.ROLLED_BACK
        assert outcome.message == (
            "1 of 1 tags that were good on the changed connections were not good again within 10 s: press-b.count; "
            "the configuration before runs again"
        )
        assert 10.0 <= bench.clock.monotonic() - began_s < 13.0
        assert applier.settings is old
        assert bench.opened == {"a": 1, "b": 3}
        (note,) = applier.notes
        assert "was rolled back at 2027-01-15" in note
        remembered = bench.memory.recall()
        assert remembered.good == Good(str(old.file), dict(old.contents))
        assert remembered.rejected is not None
        assert (remembered.rejected.fingerprint, remembered.trial) == (new.fingerprint, None)
        # mended, it is taken up, and nothing is held against it
        mended = settings(tmp_path, "a", "b", b="third")
        await bench.speak("b")
        assert (await bench.applied(applier, mended, "b")).verdict is Verdict.APPLIED
        assert applier.notes == []
        assert bench.memory.recall().rejected is None


async def test_what_was_bad_before_or_is_removed_need_not_become_good(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.running(settings(tmp_path, "a", "b")) as applier:
        bench.drivers["b"][-1].put(Sample(from_rows([0], [0], bench.clock.now_us(), [np.nan], Quality.BAD)))
        await happens(lambda: not bench.station("b").good())
        outcome = await bench.applied(applier, settings(tmp_path, "b", b="other"))
        assert outcome.verdict is Verdict.APPLIED
        assert [station.name for station in bench.fleet] == ["b"]


async def test_a_driver_that_refuses_leaves_everything_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.refused.add("c")
    async with bench.running(settings(tmp_path, "a")) as applier:
        outcome = await bench.applied(applier, settings(tmp_path, "a", "c", a="other"))
        assert outcome.verdict is Verdict.ROLLED_BACK
        assert "it could not be taken up: c: no such thing" in outcome.message
        # built, and never used
        assert bench.opened == {"a": 2}
        assert [driver.opened for driver in bench.drivers["a"]] == [1, 0]


async def test_nothing_is_touched_by_what_differs_in_no_connection(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    old = settings(tmp_path, "a")
    async with bench.running(old) as applier:
        assert (await applier.apply(settings(tmp_path, "a"))).verdict is Verdict.UNCHANGED
        sited = settings(tmp_path, "a", head=HEAD.replace("id: hall", "id: hall, site: Izmir"))
        assert (await applier.apply(sited)).verdict is Verdict.APPLIED
        assert applier.settings.gateway.site == "Izmir"
        moved = settings(tmp_path, "a", head=HEAD.replace("id: hall", "id: other"))
        outcome = await applier.apply(moved)
        assert outcome.verdict is Verdict.REFUSED
        assert outcome.message.startswith("gateway.id can only change at a start")
        assert bench.opened == {"a": 1}


async def test_one_change_at_a_time(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    async with bench.running(settings(tmp_path, "a")) as applier:
        first = asyncio.create_task(applier.apply(settings(tmp_path, "a", a="other")))
        await happens(lambda: bench.clock.sleeping)
        second = await applier.apply(settings(tmp_path, "a", a="third"))
        assert (second.verdict, "on trial" in second.message) == (Verdict.REFUSED, True)
        assert bench.memory.recall().trial is not None
        applier.ended()
        assert bench.memory.recall().trial is None
        first.cancel()
        await asyncio.wait([first])


async def test_without_a_limit_nothing_is_rolled_back(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    head = HEAD.replace("rollback_after: 10s", "rollback_after: off")
    async with bench.running(settings(tmp_path, "a", head=head)) as applier:
        new = settings(tmp_path, "a", a="other", head=head)
        assert (await bench.applied(applier, new)).verdict is Verdict.APPLIED


def test_a_start_takes_the_file_at_its_word_unless_that_very_content_was_rolled_back(tmp_path: Path) -> None:
    good, bad = settings(tmp_path, "a"), settings(tmp_path, "a", a="other")
    kept = Good(str(good.file), dict(good.contents))

    def again(files: Files) -> Settings:
        return load(bad.file, {"TOKEN": "t"}, files=files)

    rejected = Rejected(bad.fingerprint, "it was worse", 1_800_000_000_000_000)
    assert settings_to_start(bad, Remembered(), again) == (bad, [])
    assert settings_to_start(bad, Remembered(kept), again) == (bad, [])
    assert settings_to_start(good, Remembered(kept, None, rejected), again) == (good, [])
    started, (note,) = settings_to_start(bad, Remembered(kept, None, rejected), again)
    assert started.connections == good.connections
    assert started.fingerprint == good.fingerprint
    assert "it was worse" in note
    started, (note,) = settings_to_start(bad, Remembered(kept, bad.fingerprint), again)
    assert started.connections == good.connections
    assert "ended abruptly while it was on trial" in note
    # what was good before cannot be read any more: better the file than nothing
    spoiled = replace_contents(kept)
    assert settings_to_start(bad, Remembered(spoiled, None, rejected), again)[0] is bad


def replace_contents(good: Good) -> Good:
    return Good(good.file, dict.fromkeys(good.contents, b"version: 2"))


def test_a_start_reads_nothing_but_what_is_remembered(tmp_path: Path) -> None:
    good = settings(tmp_path, "a")
    remembered = replace(good, contents={})
    assert remembered.connections == good.connections
    assert load(good.file, {"TOKEN": "t"}, files=Files(good.contents)).connections == good.connections
