"""A small plant of chance: alarms that do come before stops, and one that means nothing."""

from zoneinfo import ZoneInfo

import numpy as np

from cloud.predictions.calendar import Calendar
from cloud.predictions.features import JOB_TIMES
from cloud.predictions.history import DAY, HOUR, Events, History, Spans, Stops, no_spans
from cloud.shifts.service.telling import always

BEGIN = 1_704_067_200_000_000  # 2024-01-01


def plant(
    seed: int = 1, machines: int = 8, days: int = 120, late_share: float = 0.0, *, has_jobs: bool = False
) -> History:
    """Return a plant's past; a share of its records is known hours or days after they happened."""
    rng = np.random.default_rng(seed)
    stops, alarms = [], []
    for machine in range(machines):
        at = BEGIN
        while True:
            at += int(rng.exponential(60 + 10 * machine) * HOUR)
            if at > BEGIN + days * DAY:
                break
            stops.append((machine, at, int(rng.integers(2)), at + int(rng.integers(5, 200)) * 60_000_000))
            if rng.random() < 0.8:
                alarms.append((machine, at - int(rng.uniform(0.5, 10) * HOUR), 0))
        alarms += [(machine, BEGIN + int(rng.integers(days * DAY)), 1) for _ in range(days)]
    s, a = np.array(stops), np.array(alarms)
    hours = np.tile(BEGIN + HOUR * np.arange(1, days * 24 + 1), machines)
    of = np.repeat(np.arange(machines, dtype=np.int32), days * 24)
    columns = {
        "run": rng.uniform(40, 60, len(hours)),
        "good": np.rint(rng.uniform(90, 110, len(hours))),
        "scrap": np.rint(rng.uniform(0, 6, len(hours))),
        "ideal": np.full(len(hours), 110.0),
    }
    measured = {"vib": np.where(rng.random(len(hours)) < 0.05, np.nan, rng.normal(1 + of, 0.1))}
    known = _late(rng, hours, late_share)
    begin_known, ends = _late(rng, s[:, 1], late_share), s[:, 3]
    return History(
        machines=[f"M{machine}" for machine in range(machines)],
        stops=Stops(
            s[:, 0].astype(np.int32),
            s[:, 1],
            begin_known,
            s[:, 2].astype(np.int16),
            ("mech", "elec"),
            ends,
            np.maximum(_late(rng, ends, late_share), begin_known),
        ),
        alarms=Events(
            a[:, 0].astype(np.int32), a[:, 1], _late(rng, a[:, 1], late_share), a[:, 2].astype(np.int16), ("W1", "W2")
        ),
        maintenance=Events(
            np.arange(machines, dtype=np.int32),
            BEGIN + 10 * DAY + np.zeros(machines, np.int64),
            BEGIN + 10 * DAY + np.zeros(machines, np.int64),
            np.zeros(machines, np.int16),
            ("service",),
        ),
        work=Spans(of, hours, known, columns),
        measured=Spans(of, hours, known, measured),
        traits={"age": np.arange(machines, dtype=np.float64)},
        jobs=_jobs(rng, machines, days, late_share) if has_jobs else no_spans(),
        calendar=Calendar([always(ZoneInfo("UTC"), (6, 14, 22) if has_jobs else ())]),
    )


def _jobs(rng, machines, days, late_share) -> Spans:
    """Three jobs a day, at any time, two of them at the same instant."""
    count = 3 * machines * days
    at = BEGIN + rng.integers(days * DAY, size=count)
    at[1::3] = at[::3]
    columns = {name: rng.uniform(0, 60, count) for name in JOB_TIMES}
    columns |= {"product": rng.integers(9, size=count).astype(float), "experience": rng.uniform(0, 30, count)}
    columns |= {"complexity": rng.uniform(1, 10, count), "setup_complexity": rng.uniform(1, 10, count)}
    of = np.repeat(np.arange(machines, dtype=np.int32), 3 * days)
    return Spans(of, at, _late(rng, at, late_share), columns)


def _late(rng, at, share):
    return at + np.where(rng.random(len(at)) < share, rng.integers(1, 5 * DAY, len(at)), 0)
