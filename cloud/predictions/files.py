"""Owns reading a plant's exports into a `History`, and the verdict on them: no row is left out without a line.

A row is refused that names no machine, no time between 2000 and 2100 or no number where one is needed; one that says
what another has said is a duplicate. Everything else is taken as it is.
"""

import math
from array import array
from collections import deque
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from cloud.predictions.calendar import Calendar
from cloud.predictions.exports import Kinds, Once, Places, Reader, Row, Tell, Verdict
from cloud.predictions.history import HOUR, Events, Floats, History, Spans, Stops, no_events, no_spans
from cloud.predictions.mapping import EventTable, JobTable, Mapping, SpanTable, StopTable
from cloud.shifts.service.telling import always


def read_history(
    directory: Path, mapping: Mapping, tell: Tell = lambda *_: None, now: datetime | None = None
) -> tuple[History, Verdict]:
    """Read all that a mapping names.

    Args:
        directory: Where the files are.
        mapping: Where in them things stand.
        tell: Hears of each table how many rows were read so far.
        now: What is later, or not over by then, is refused; None takes it.

    Raises:
        BadRequest: A file or a column is not there, or a file is not CSV.
    """
    reader = Reader(directory, ZoneInfo(mapping.timezone), tell, mapping.codes, now)
    stops = _stops(reader, mapping.stops)
    alarms = _events(reader, "alarms", mapping.alarms) if mapping.alarms else no_events()
    maintenance = _events(reader, "maintenance", mapping.maintenance) if mapping.maintenance else no_events()
    work, measured = no_spans(), no_spans()
    if mapping.work is not None:
        work = _spans(
            reader, "work", mapping.work, {str(ours): theirs for ours, theirs in mapping.work.columns.items()}
        )
    if mapping.telemetry is not None:
        measured = _spans(reader, "telemetry", mapping.telemetry, mapping.telemetry.named)
    jobs = _jobs(reader, mapping.jobs) if mapping.jobs is not None else no_spans()
    traits, calendar = _traits(reader, mapping), Calendar([always(ZoneInfo(mapping.timezone), mapping.shift_hours)])
    known = History(tuple(reader.machines), stops, alarms, maintenance, work, measured, traits, jobs, calendar)
    return known, reader.verdict


def _stops(reader: Reader, table: StopTable) -> Stops:
    places = Places([table.machine, table.start, table.end or table.minutes, table.kind, table.known])
    kinds, once = Kinds("stop", table.file), Once("another row tells of the same stop")

    def parse(cells: Row) -> tuple[int, ...]:
        machine, at = reader.machine(cells[0]), reader.time(cells[1])
        end, given = at, places.cell(cells, table.end or table.minutes)
        if given and table.end is not None:
            end = reader.time(given)
        elif table.minutes is not None:
            end = at + reader.minutes(given)
        reader.over(end)
        if end < at:
            raise ValueError("it ends before it begins")
        known, kind = reader.known(places.cell(cells, table.known), at), kinds.place(places.cell(cells, table.kind))
        once.require(machine, at, kind)
        return machine, at, known, kind, end, max(end, known)

    rows = list(reader.taken("stops", table.file, places.names, parse))
    machine, at, known, kind, end, end_known = np.array(rows, np.int64).reshape(-1, 6).T
    return Stops(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds.names, end, end_known)


def _events(reader: Reader, name: str, table: EventTable) -> Events:
    places = Places([table.machine, table.at, table.kind, table.known, table.above_zero])
    kinds, once = Kinds(name, table.file), Once("another row says the same")

    def parse(cells: Row) -> tuple[int, ...]:
        machine, at = reader.machine(cells[0]), reader.time(cells[1])
        is_on = table.above_zero is None or reader.number(places.cell(cells, table.above_zero)) > 0
        known = reader.known(places.cell(cells, table.known), at)
        if not is_on:
            return machine, at, known, 0, is_on
        kind = kinds.place(places.cell(cells, table.kind))
        once.require(machine, at, kind)
        return machine, at, known, kind, is_on

    rows = np.array(list(reader.taken(name, table.file, places.names, parse)), np.int64).reshape(-1, 5)
    machine, at, known, kind, _ = (rows if table.above_zero is None else _begun(rows)).T
    return Events(machine.astype(np.int32), at, known, kind.astype(np.int16), kinds.names)


def _begun(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows at which a machine's last column rises, whatever their order; of a first row nobody knows."""
    rows = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    follows = np.append(False, rows[1:, 0] == rows[:-1, 0])[: len(rows)]
    was_off = np.append(False, rows[:-1, 4] == 0)[: len(rows)]
    begun: NDArray[np.int64] = rows[(rows[:, 4] > 0) & follows & was_off]
    return begun


def _spans(reader: Reader, name: str, table: SpanTable, columns: dict[str, str]) -> Spans:
    places = Places([table.machine, table.start, *columns.values(), table.known])
    length, once = table.hours * HOUR, Once("another row of this machine is of the same span")

    # a year by the hour is a million rows: as objects they would take half a gigabyte
    keys, numbers = array("q"), array("d")

    def parse(cells: Row) -> None:
        machine, at = reader.machine(cells[0]), reader.over(reader.time(cells[1]) + length)
        values = [reader.number(places.cell(cells, theirs), is_needed=False) for theirs in columns.values()]
        known = reader.known(places.cell(cells, table.known), at)
        once.require(machine, at)
        keys.extend((machine, at, known))
        numbers.extend(values)

    deque(reader.taken(name, table.file, places.names, parse), 0)
    machine, at, known = np.array(keys, np.int64).reshape(-1, 3).T
    matrix = np.array(numbers, np.float64).reshape(-1, len(columns))
    return Spans(machine.astype(np.int32), at, known, {each: matrix[:, i] for i, each in enumerate(columns)}, length)


def _jobs(reader: Reader, table: JobTable) -> Spans:
    places = Places([table.machine, table.end, *table.columns.values(), table.known])
    products = Kinds("none", table.file)

    def parse(cells: Row) -> tuple[tuple[int, ...], list[float]]:
        machine, at = reader.machine(cells[0]), reader.time(cells[1])
        told = {ours: places.cell(cells, theirs) for ours, theirs in table.columns.items()}
        values = [
            float(products.place(cell)) if ours == "product" else reader.number(cell, is_needed=False)
            for ours, cell in told.items()
        ]
        return (machine, at, reader.known(places.cell(cells, table.known), at)), values

    rows = list(reader.taken("jobs", table.file, places.names, parse))
    machine, at, known = np.array([keys for keys, _ in rows], np.int64).reshape(-1, 3).T
    matrix = np.array([values for _, values in rows], np.float64).reshape(-1, len(table.columns))
    return Spans(machine.astype(np.int32), at, known, {each: matrix[:, i] for i, each in enumerate(table.columns)})


def _traits(reader: Reader, mapping: Mapping) -> dict[str, Floats]:
    table = mapping.machines
    if table is None:
        return {}

    once = Once("another row tells of the same machine")

    def parse(cells: Row) -> tuple[int, list[float]]:
        machine = reader.machine(cells[0])
        once.require(machine)
        return machine, [reader.number(cell, is_needed=False) for cell in cells[1:]]

    found = dict(reader.taken("machines", table.file, [table.machine, *table.traits], parse))
    none = [math.nan] * len(table.traits)
    matrix = np.array([found.get(place, none) for place in range(len(reader.machines))]).reshape(-1, len(table.traits))
    return {name: matrix[:, place] for place, name in enumerate(table.traits)}
