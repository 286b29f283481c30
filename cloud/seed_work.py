"""Owns who worked on what in the made-up plant: its operators, jobs and materials, and the truth about each. Pure.

As in `cloud/seed_plant.py`, the truth is counted second by second, so that the house's own figures of a part, a job or
an operator can be held against it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from cloud.seed_plant import BREAK_AFTER_S, BREAK_S, SHIFTS, STATES, ZONE, Lot, MachinePast, Plant, Run
from shared.reading import MachineState

MATERIALS = ("PP", "ABS", "PA66-GF30", "PC", "POM")
PEOPLE = (
    "Ayşe Yılmaz",
    "Mehmet Demir",
    "Fatma Şahin",
    "Ali Çelik",
    "Zeynep Kaya",
    "Mustafa Öztürk",
    "Elif Arslan",
    "Hüseyin Doğan",
    "Emine Kılıç",
    "İbrahim Aydın",
    "Hatice Özdemir",
    "Ömer Koç",
)
# a customer orders a product for four weeks
_JOB_DAYS = 28


@dataclass(frozen=True, slots=True)
class Task:
    """An order that ran on a machine: who worked on it, and for which job.

    Attributes:
        number: Which of its machine's orders it is.
        operator: Which of `PEOPLE`.
    """

    machine: MachinePast
    number: int
    run: Run
    operator: int
    job: str


@dataclass(frozen=True, slots=True)
class Work:
    """What some tasks came to: seconds of planned operation time, and pieces; `overtime` are those of other time."""

    pbt_s: int
    running_s: int
    good: int
    scrap: int
    overtime: int
    oee: float | None


def product(number: int) -> str:
    """Return a product's code, which is its part's number."""
    return f"P-{number + 1:02}"


def emp_id(number: int) -> str:
    """Return an operator's number."""
    return f"E-{number + 1:02}"


def tasks(plant: Plant) -> list[Task]:
    """Return all orders that ran, machine by machine."""
    return [
        Task(machine, number, run, (which + number) % len(PEOPLE), job_number(run))
        for which, machine in enumerate(plant.machines)
        for number, run in enumerate(machine.runs)
    ]


def job_number(run: Run) -> str:
    """Return the number of the job that an order is of."""
    return f"J-{run.product + 1:02}-{run.start // (_JOB_DAYS * 86400) + 1:02}"


def truth(plant: Plant, done: Iterable[Task], off: NDArray[np.bool_]) -> Work:
    """Return what some tasks were together, counted second by second; `off` is when the plant did not plan to work."""
    pbt = running = good = scrap = overtime = ideal_s = 0
    for task in done:
        states, rests = task.machine.state[task.run.start : task.run.end], off[task.run.start : task.run.end]
        pbt += int((~rests & (states != STATES.index(MachineState.PLANNED_STOP))).sum())
        running += int((~rests & (states == STATES.index(MachineState.PRODUCING))).sum())
        for lot in lots(task):
            if off[lot.at]:
                overtime += lot.good + lot.scrap
                continue
            good, scrap = good + lot.good, scrap + lot.scrap
            ideal_s += lot.good * plant.cycles[task.run.product]
    return Work(pbt, running, good, scrap, overtime, ideal_s / pbt if pbt and good else None)


def lots(task: Task) -> Sequence[Lot]:
    """Return what was counted while an order ran."""
    counted = task.machine.lots
    first, last = (bisect_left(counted, at, key=lambda lot: lot.at) for at in (task.run.start, task.run.end))
    return counted[first:last]


def good(tasks_of_it: Iterable[Task]) -> int:
    """Return how many good pieces some tasks made, those of breaks among them."""
    return sum(lot.good for task in tasks_of_it for lot in lots(task))


def business_date(plant: Plant, second: int) -> date:
    """Return on which date the shift of a second began; before the first of all, the date it was."""
    began = (plant.at(second).astimezone(ZONE) - timedelta(hours=SHIFTS[0][1])).date()
    return max(began, plant.begin.astimezone(ZONE).date())


def unplanned(plant: Plant) -> NDArray[np.bool_]:
    """Return of each second whether it is in a break, or before the first shift: shifts follow one another."""
    found = np.zeros(plant.seconds, np.bool_)
    first = plant.begin.astimezone(ZONE).date()
    found[: SHIFTS[0][1] * 3600] = True
    for number in range(plant.days):
        for _, starts, _ in SHIFTS:
            shift = datetime.combine(first + timedelta(days=number), time(starts), ZONE)
            begin = int((shift - plant.begin).total_seconds()) + BREAK_AFTER_S
            found[begin : begin + BREAK_S] = True
    return found
