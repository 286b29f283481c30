"""Owns what a model is told of a machine at an instant; pure, and blind to all that was not known by then.

Every column is a look back from the instant by `windows`; telemetry is told as its distance from the machine's own
usual, the median of its last 21 days, for two machines of one type never read alike.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from cloud.kpi.joblog import COLUMNS
from cloud.predictions.history import DAY, HOUR, Events, Floats, History, Spans, Times
from cloud.predictions.usual import Usual
from cloud.predictions.windows import Window, lanes, last_known, since_last

# shift-long, a day, three, a week
WINDOWS = {"8h": 8 * HOUR, "24h": 24 * HOUR, "72h": 72 * HOUR, "7d": 7 * DAY}
LONG = {"30d": 30 * DAY}
# of codes that come so seldom nothing can be learned, and a controller has thousands
MOST_KINDS = 20
_TABLES = ("stops", "alarms", "maintenance", "work", "measured", "jobs")
# what is summed of work, where it is had
_MINUTES = ("run", "setup", "micro")
_PIECES = ("good", "scrap")
# the twelve times of a job log (DOMAIN: `kpi.joblog`), minutes
JOB_TIMES = tuple(column.name for column in COLUMNS)
# of the last job: what it was, and who did it
JOB_TRAITS = {
    "product": "jobs",
    "complexity": "jobs",
    "setup_complexity": "jobs",
    "experience": "operators",
    "skill": "operators",
}
_JOB_WINDOWS = ("24h", "7d")


@dataclass(frozen=True, slots=True)
class Instants:
    """When, and of which machine, something is asked: one row each."""

    machine: NDArray[np.int32]
    at: Times

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.at)

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Instants":
        """Return some of them."""
        return Instants(self.machine[rows], self.at[rows])


@dataclass(frozen=True, slots=True)
class Matrix:
    """Features, shape (rows, names); `groups` names what belongs together for a reader: alarms, stops, .."""

    values: NDArray[np.float32]
    names: tuple[str, ...]
    groups: Mapping[str, str]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Matrix":
        """Return some of the rows."""
        return Matrix(self.values[rows], self.names, self.groups)


@dataclass(slots=True)
class _Columns:
    names: list[str] = field(default_factory=list)
    # half a million looks by two hundred columns: in eight bytes each it would be twice the memory of what comes of it
    values: list[NDArray[np.float32]] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)

    def add(self, group: str, name: str, values: Floats) -> None:
        self.names.append(name)
        self.values.append(values.astype(np.float32))
        self.groups[name] = group


def features(
    history: History,
    instants: Instants,
    wanted: Collection[str] | None = None,
) -> Matrix:
    """Return the features of machines at instants, shape (instants, names), NaN where a thing is not known.

    Args:
        history: The past; what was not known at an instant does not touch its row.
        instants: When, and of which machine.
        wanted: The columns that are needed, where only rows of some machines were read: of those kinds of alarms and
            maintenance, and of work and jobs also where these machines have none, which is none of it and not unknown.
            None is what there is, and of kinds the `MOST_KINDS` most frequent ones.
    """
    columns, where = _Columns(), lanes(instants.machine, instants.at)
    history = history if wanted is None else _widened(history, wanted)
    # what there is of any machine has columns; rows are looked through of those that are asked about
    has, history = history, _of(history, np.unique(instants.machine))
    _calendar(columns, history, instants, wanted or ())
    if len(has.alarms):
        _events(columns, "alarms", history.alarms, where, _kinds(has.alarms, "alarms", wanted))
    _stops(columns, history, where)
    if len(has.maintenance):
        kinds = _kinds(has.maintenance, "maintenance", wanted)
        _events(columns, "maintenance", history.maintenance, where, kinds, windows=LONG)
    has_work = len(has.work) > 0 or (wanted is not None and len(has.work.columns) > 0)
    if has_work:
        _work(columns, history.work, where)
    if len(has.jobs) or (wanted is not None and "jobs_24h" in wanted):
        _jobs(columns, history.jobs, where)
    if has_work and len(has.maintenance) and "run" in history.work.columns:
        _wear(columns, history, where)
    if len(has.measured):
        _telemetry(columns, history.measured, instants, where)
    for name, values in history.traits.items():
        columns.add("machine", name, values[instants.machine])
    return Matrix(np.column_stack(columns.values), tuple(columns.names), columns.groups)


def _of(history: History, machines: NDArray[np.int32]) -> History:
    """Return the rows of some machines."""
    if len(machines) == len(history.machines):
        return history
    return replace(
        history,
        **{name: rows.take(np.isin(rows.machine, machines)) for name in _TABLES if len(rows := getattr(history, name))},
    )


def _widened(history: History, wanted: Collection[str]) -> History:
    """Return a history whose work and jobs have the columns that features of other machines were made of."""
    work = {name for name in _MINUTES if f"{name}_minutes_8h" in wanted}
    work |= {"good", "scrap", "ideal"} if "speed_8h" in wanted else set()
    jobs = {name for name in JOB_TIMES if f"job_{name}_minutes_24h" in wanted}
    jobs |= {name for name in JOB_TRAITS if f"last_job_{name}" in wanted}
    return replace(history, work=_with(history.work, work), jobs=_with(history.jobs, jobs))


def _with(spans: Spans, names: Collection[str]) -> Spans:
    nothing = np.full(len(spans), np.nan)
    return replace(spans, columns={**spans.columns, **{name: nothing for name in names if name not in spans.columns}})


def _kinds(events: Events, group: str, wanted: Collection[str] | None) -> list[int]:
    """Return the places of the kinds that have columns of their own."""
    if wanted is not None:
        return [place for place, word in enumerate(events.kinds) if f"{group}_hours_since_{word}" in wanted]
    often = np.bincount(events.kind, minlength=len(events.kinds))
    return sorted(np.argsort(-often, kind="stable")[:MOST_KINDS].tolist())


def _calendar(columns: _Columns, history: History, instants: Instants, wanted: Collection[str]) -> None:
    clock = history.calendar.clock(history.machines, instants.machine, instants.at, WINDOWS)
    hours = clock.local // HOUR
    if history.calendar.has_shifts or "shift" in wanted:
        columns.add("calendar", "shift", clock.shift)
        columns.add("calendar", "hours_into_shift", clock.into)
        for name, ahead in clock.ahead.items():
            columns.add("calendar", f"shift_hours_next_{name}", ahead)
    columns.add("calendar", "local_hour", (hours % 24).astype(np.float64))
    columns.add("calendar", "local_weekday", _weekday(hours))
    if "hour" in wanted:
        # of models that were trained before the site's clock was known
        hours = instants.at // HOUR
        columns.add("calendar", "hour", (hours % 24).astype(np.float64))
        columns.add("calendar", "weekday", _weekday(hours))


def _weekday(hours: Times) -> Floats:
    return ((hours // 24 + 3) % 7).astype(np.float64)  # 1970 began on a Thursday


def _events(
    columns: _Columns,
    group: str,
    events: Events,
    where: Times,
    kinds: Sequence[int],
    windows: Mapping[str, int] = WINDOWS,
) -> None:
    columns.add(group, f"hours_since_{group}", since_last(events.machine, events.at, events.known, where))
    for name, length in windows.items():
        columns.add(group, f"{group}_{name}", _window(events, length).count(where))
    for kind in kinds:
        some, word = events.take(events.kind == kind), events.kinds[kind]
        columns.add(group, f"{group}_hours_since_{word}", since_last(some.machine, some.at, some.known, where))
        for name, length in windows.items():
            columns.add(group, f"{group}_{word}_{name}", _window(some, length).count(where))


def _stops(columns: _Columns, history: History, where: Times) -> None:
    stops = history.stops
    for name, length in {**WINDOWS, **LONG}.items():
        columns.add("stops", f"stops_{name}", _window(stops, length).count(where))
    minutes = (stops.end - stops.at) / 6e7
    ended = Window(stops.machine, stops.end, stops.end_known, 7 * DAY)
    columns.add("stops", "stop_minutes_7d", ended.sum(where, minutes))
    columns.add("stops", "hours_since_stop", since_last(stops.machine, stops.end, stops.end_known, where))
    for kind, word in enumerate(stops.kinds):
        some = stops.take(stops.kind == kind)
        columns.add("stops", f"stops_hours_since_{word}", since_last(some.machine, some.end, some.end_known, where))
        columns.add("stops", f"stops_{word}_30d", _window(some, 30 * DAY).count(where))


def _work(columns: _Columns, work: Spans, where: Times) -> None:
    for name, length in WINDOWS.items():
        window = Window(work.machine, work.at, work.known, length)
        for column in _MINUTES:
            if column in work.columns:
                columns.add("work", f"{column}_minutes_{name}", window.sum(where, work.columns[column]))
        if {"good", "scrap", "ideal"} <= work.columns.keys():
            good, scrap, ideal = (window.sum(where, work.columns[each]) for each in ("good", "scrap", "ideal"))
            columns.add("quality", f"scrap_share_{name}", _ratio(scrap, good + scrap))
            columns.add("work", f"speed_{name}", _ratio(good + scrap, ideal))


def _jobs(columns: _Columns, jobs: Spans, where: Times) -> None:
    """Add what a job log tells: how its time was spent, and of the last job what it was, and who did it."""
    for name in _JOB_WINDOWS:
        window = Window(jobs.machine, jobs.at, jobs.known, WINDOWS[name])
        columns.add("jobs", f"jobs_{name}", window.count(where))
        for each in JOB_TIMES:
            if each in jobs.columns:
                columns.add("jobs", f"job_{each}_minutes_{name}", window.sum(where, jobs.columns[each]))
    for each, group in JOB_TRAITS.items():
        if each in jobs.columns:
            last = last_known(jobs.machine, jobs.at, jobs.known, jobs.columns[each], where)
            columns.add(group, f"last_job_{each}", last)


def _wear(columns: _Columns, history: History, where: Times) -> None:
    """Add the run time since the last maintenance: what a part has borne."""
    work, maintenance = history.work, history.maintenance
    # longer than any history: all that was run before an instant
    ever = Window(work.machine, work.at, work.known, 100 * 365 * DAY)
    for kind, word in enumerate(maintenance.kinds):
        some = maintenance.take(maintenance.kind == kind)
        hours = since_last(some.machine, some.at, some.known, where)
        began = where - np.rint(np.nan_to_num(hours) * 3.6e9).astype(np.int64)
        run = ever.sum(where, work.columns["run"]) - ever.sum(began, work.columns["run"])
        columns.add("maintenance", f"run_hours_since_{word}", np.where(np.isnan(hours), np.nan, run / 60))


def _telemetry(columns: _Columns, measured: Spans, instants: Instants, where: Times) -> None:
    windows = {
        name: Window(measured.machine, measured.at, measured.known, max(length, measured.length))
        for name, length in WINDOWS.items()
        if length >= measured.length
    }
    for sensor, values in measured.columns.items():
        usual = Usual(measured, values).at(instants.machine, instants.at)
        has = np.isfinite(values).astype(np.float64)
        for name, window in windows.items():
            mean = _ratio(window.sum(where, values), window.sum(where, has))
            columns.add("telemetry", f"{sensor}_off_usual_{name}", mean - usual)


def _window(events: Events, length: int) -> Window:
    return Window(events.machine, events.at, events.known, length)


def _ratio(part: Floats, whole: Floats) -> Floats:
    share: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return share
