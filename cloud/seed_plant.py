"""Owns a made-up plant and the truth about its past: what each machine did, second by second, and what it made. Pure.

The truth is kept as plainly as can be - an array with a place for every second - so that the house's own way to the
same figures can be held against it. The same seed gives the same past.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from shared.reading import MachineState

MACHINES, PRODUCTS = 12, 40
ZONE = ZoneInfo("Europe/Istanbul")
SHIFTS = (("early", 6, 14), ("late", 14, 22), ("night", 22, 6))
# how far into a shift its break begins, and how long it is
BREAK_AFTER_S, BREAK_S = 4 * 3600, 1800
MICROSTOP_S = 300
STATES = tuple(MachineState)
# what may follow production, how often, and for how long as a rule, seconds
_STOPS = (
    (MachineState.IDLE, 5, 200),
    (MachineState.STARVED, 3, 500),
    (MachineState.BLOCKED, 2, 400),
    (MachineState.FAULTED, 2, 1500),
    (MachineState.SETUP, 2, 1200),
    (MachineState.PLANNED_STOP, 1, 900),
    (MachineState.OFF, 1, 1800),
)
_RUN_S = 2400
# a lot is counted when it is done
_LOT_S = 600
_SLOWEST, _FASTEST = 0.7, 0.98
_SCRAP = 0.03
# standing that the plan did not ask for: short it is a micro-stop
_UNPLANNED = {
    MachineState.IDLE,
    MachineState.STARVED,
    MachineState.BLOCKED,
    MachineState.FAULTED,
    MachineState.OFF,
}
_BROKEN = {MachineState.FAULTED, MachineState.OFF}


@dataclass(frozen=True, slots=True)
class Knobs:
    """What somebody might do about the plant's losses; as they come, nothing.

    With the same seed a plant with other knobs has the same luck, so that the two may be held against each other.

    Attributes:
        setup: How long set-ups last, of what they do.
        micro_stops: How many of them come, of those that do.
        slack: How far below the ideal speed it runs, of what it does.
        repair: How long longer stops of a broken machine last, of what they do.
        startup_pieces: How many rejects the start after a set-up makes.
    """

    setup: float = 1.0
    micro_stops: float = 1.0
    slack: float = 1.0
    repair: float = 1.0
    startup_pieces: int = 0


AS_IT_IS = Knobs()


@dataclass(frozen=True, slots=True)
class Lot:
    """Pieces that a machine counted at a second, of the order that ran then; `startup` are rejects of its start."""

    at: int
    good: int
    scrap: int
    product: int | None
    startup: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """An order of a product on a machine; seconds since the past began."""

    start: int
    end: int
    product: int


@dataclass(frozen=True, slots=True)
class PastShift:
    """A shift, in seconds since the past began."""

    business_date: date
    name: str
    start: int
    end: int
    break_start: int
    break_end: int


@dataclass(frozen=True, slots=True)
class MachinePast:
    """What a machine did.

    Attributes:
        state: For each second the index of its state in `STATES`.
        lots: What it counted.
        runs: Which orders ran, without overlap.
        cycle_s: Seconds a piece, at best, where its product says nothing.
    """

    code: str
    cycle_s: int
    state: NDArray[np.uint8]
    lots: Sequence[Lot]
    runs: Sequence[Run]


@dataclass(frozen=True, slots=True)
class Truth:
    """A machine's shift, as it was: seconds and pieces."""

    pbt_s: int
    running_s: int
    good: int
    scrap: int
    oee: float | None


@dataclass(frozen=True, slots=True)
class Plant:
    """The plant and its past.

    Attributes:
        begin: When the past began, UTC: a midnight of the plant's time zone.
        cycles: Seconds a piece of each product, at best.
    """

    begin: datetime
    days: int
    machines: Sequence[MachinePast]
    cycles: Sequence[int]
    shifts: Sequence[PastShift]

    @property
    def seconds(self) -> int:
        """How long the past is."""
        return len(self.machines[0].state)

    def at(self, second: int) -> datetime:
        """Return when a second of the past was, UTC."""
        return self.begin + timedelta(seconds=second)

    def truth(self, machine: MachinePast, shift: PastShift) -> Truth:
        """Return what a machine's shift was, counted second by second."""
        states = machine.state[shift.start : shift.end]
        ordered = np.zeros(len(states), np.bool_)
        for run in machine.runs:
            ordered[max(0, run.start - shift.start) : max(0, run.end - shift.start)] = True
        works = np.ones(len(states), np.bool_)
        works[shift.break_start - shift.start : shift.break_end - shift.start] = False
        busy = works & ~_is(states, MachineState.PLANNED_STOP)
        busy &= ordered | ~_is(states, MachineState.SETUP)
        lots = [
            lot
            for lot in machine.lots
            if shift.start <= lot.at < shift.end and not shift.break_start <= lot.at < shift.break_end
        ]
        good_s = sum(lot.good * (machine.cycle_s if lot.product is None else self.cycles[lot.product]) for lot in lots)
        pbt = int(busy.sum())
        return Truth(
            pbt_s=pbt,
            running_s=int((works & _is(states, MachineState.PRODUCING)).sum()),
            good=sum(lot.good for lot in lots),
            scrap=sum(lot.scrap for lot in lots),
            oee=good_s / pbt if pbt and lots else None,
        )


def plant(last: date, days: int, seed: int = 1, knobs: Knobs = AS_IT_IS, size: int = MACHINES) -> Plant:
    """Make up a plant's past: so many days, of which `last` is the last, of so many machines."""
    chance = random.Random(f"plant/{seed}/{days}")  # noqa: S311 - made up, no secret
    first = last - timedelta(days=days - 1)
    begin = datetime.combine(first, time.min, ZONE).astimezone(UTC)
    end = datetime.combine(last + timedelta(days=1), time.min, ZONE).astimezone(UTC)
    seconds = int((end - begin).total_seconds())
    cycles = [chance.randrange(4, 30) for _ in range(PRODUCTS)]
    machines = [_machine(number, seconds, cycles, f"{seed}/{number}", knobs) for number in range(size)]
    return Plant(begin, days, machines, cycles, _shifts(begin, first, days))


def state_changes(machine: MachinePast) -> list[tuple[int, MachineState]]:
    """Return when a machine's state changed, and what it became; the first second included."""
    edges = np.flatnonzero(np.diff(machine.state)) + 1
    return [(int(at), STATES[machine.state[at]]) for at in (0, *edges)]


def _is(states: NDArray[np.uint8], state: MachineState) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = states == STATES.index(state)
    return found


def _machine(number: int, seconds: int, cycles: Sequence[int], seed: str, knobs: Knobs) -> MachinePast:
    chance = random.Random(seed)  # noqa: S311 - made up, no secret
    runs = _runs(seconds, chance)
    cycle_s = 5 + number
    state = _states(seconds, chance, random.Random(f"{seed}/micro"), knobs)  # noqa: S311
    lots = _lots(state, runs, [*cycles, cycle_s], random.Random(f"{seed}/lots"), knobs)  # noqa: S311
    return MachinePast(f"SIM-{number + 1:02}", cycle_s, state, lots, runs)


def _states(seconds: int, chance: random.Random, spared: random.Random, knobs: Knobs) -> NDArray[np.uint8]:
    state = np.full(seconds, STATES.index(MachineState.PRODUCING), np.uint8)
    at = chance.randrange(60)
    kinds, weights = [each[0] for each in _STOPS], [each[1] for each in _STOPS]
    means = {each[0]: each[2] for each in _STOPS}
    while at < seconds:
        at += 1 + int(chance.expovariate(1 / _RUN_S))
        kind = chance.choices(kinds, weights)[0]
        lasts = 1 + int(chance.expovariate(1 / means[kind]))
        if kind is MachineState.SETUP:
            lasts = max(1, round(lasts * knobs.setup))
        elif kind in _BROKEN and lasts >= MICROSTOP_S:
            lasts = max(1, round(lasts * knobs.repair))
        elif kind in _UNPLANNED and lasts < MICROSTOP_S and spared.random() >= knobs.micro_stops:
            continue
        state[at : at + lasts] = STATES.index(kind)
        at += lasts
    return state


def _lots(
    state: NDArray[np.uint8], runs: Sequence[Run], cycles: Sequence[int], chance: random.Random, knobs: Knobs
) -> list[Lot]:
    """Return what was counted; the last of the cycles is the machine's own."""
    running, starts = _is(state, MachineState.PRODUCING), _is(state, MachineState.SETUP)
    lots: list[Lot] = []
    position = owed = 0
    for end in range(_LOT_S - 1 - chance.randrange(60), len(state), _LOT_S):
        while position < len(runs) and runs[position].end <= end:
            position += 1
        is_run = position < len(runs) and runs[position].start <= end
        product = runs[position].product if is_run else None
        begin = max(0, end - _LOT_S)
        spent = int(running[begin:end].sum())
        owed += knobs.startup_pieces * int((starts[begin:end] & ~starts[begin + 1 : end + 1]).sum())
        # so many draws a lot, whatever it holds: luck stays the same under other knobs
        speed, luck = 1 - knobs.slack * (1 - chance.uniform(_SLOWEST, _FASTEST)), chance.random()
        made = int(spent * speed) // cycles[-1 if product is None else product]
        startup = min(made, owed)
        owed -= startup
        scrap = int((made - startup) * _SCRAP + luck)
        if made:
            lots.append(Lot(end, made - startup - scrap, scrap, product, startup))
    return lots


def _runs(seconds: int, chance: random.Random) -> list[Run]:
    found: list[Run] = []
    at = chance.randrange(3600)
    while at < seconds:
        end = min(seconds, at + chance.randrange(2 * 3600, 20 * 3600))
        found.append(Run(at, end, chance.randrange(PRODUCTS)))
        at = end + chance.choice([0, 0, chance.randrange(7200)])
    return found


def _shifts(begin: datetime, first: date, days: int) -> list[PastShift]:
    """Return the shifts that lie in the past whole."""
    found = []
    for number in range(days):
        day = first + timedelta(days=number)
        for name, starts, ends in SHIFTS:
            start = _second(begin, day, starts)
            end = _second(begin, day + timedelta(days=ends <= starts), ends)
            pause = start + BREAK_AFTER_S
            found.append(PastShift(day, name, start, end, pause, pause + BREAK_S))
    last = _second(begin, first + timedelta(days=days), 0)
    return [shift for shift in found if shift.end <= last]


def _second(begin: datetime, day: date, hour: int) -> int:
    return int((datetime.combine(day, time(hour), ZONE).astimezone(UTC) - begin).total_seconds())
