"""Owns making up a job log as such tables are found in plants (CIMCO MDC's `joblog_ob`): mostly clean, with known dirt.

Each row comes with what is wrong with it, so whoever reads the table can be held to the truth. Pure.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

COLUMNS: Sequence[str] = (
    "id",
    "machine",
    "StartTime",
    "EndTime",
    "JobNumber",
    "State",
    "PartNumber",
    "EmpID",
    "OperatorName",
    "OpNumber",
    "PartsProduced",
    "JobDuration",
    "RunningTime",
    "SetupTime",
    "WaitingSetupTime",
    "NotFeedingTime",
    "AdjustmentTime",
    "DressingTime",
    "ToolingTime",
    "EngineeringTime",
    "MaintenanceTime",
    "BuyInTime",
    "BreakShiftChangeTime",
    "IdleTime",
)
TIMES = COLUMNS[12:]
# each column's share of a row that is not setup, in its order, running first
_SHARES = (0.68, 0.0, 0.03, 0.02, 0.02, 0.01, 0.03, 0.01, 0.03, 0.01, 0.08, 0.08)

Row = dict[str, str | None]


class Dirt(StrEnum):
    """What is wrong with a row; of these the last five cannot be repaired or are no rows of their own."""

    NONE = "none"
    NO_OPERATOR = "no_operator"
    END_NULL = "end_null"
    END_EPOCH = "end_epoch"
    START_EPOCH = "start_epoch"
    DURATION_ZERO = "duration_zero"
    DURATION_NEGATIVE = "duration_negative"
    DURATION_TEXT = "duration_text"
    COLUMN_NEGATIVE = "column_negative"
    UNACCOUNTED = "unaccounted"
    OVERLAP = "overlap"
    OPEN = "open"
    DUPLICATE = "duplicate"
    BOTH_EPOCH = "both_epoch"
    NO_MACHINE = "no_machine"
    NO_LENGTH = "no_length"
    NONSENSE = "nonsense"


LOST = frozenset({Dirt.DUPLICATE, Dirt.BOTH_EPOCH, Dirt.NO_MACHINE, Dirt.NO_LENGTH, Dirt.NONSENSE})
"""Dirt that keeps a row out."""


@dataclass(frozen=True, slots=True)
class Made:
    """A row, and what is wrong with it."""

    row: Row
    dirt: Dirt


def joblog(
    seed: int, count: int, begin: datetime, machines: int = 12, operators: int = 20, dirt: float = 0.15
) -> Iterator[Made]:
    """Make rows; the same for the same arguments.

    Args:
        seed: Of chance.
        count: How many.
        begin: When the first rows start, in the plant's own time, without a zone: as such tables hold it.
        machines: How many there are; each has one row after the other.
        operators: How many there are.
        dirt: The share of rows with something wrong.
    """
    chance = random.Random(seed)  # noqa: S311 - a plant, no secret
    at = [begin + timedelta(seconds=chance.randrange(3600)) for _ in range(machines)]
    last: Row | None = None
    for number in range(1, count + 1):
        wrong = chance.choice(list(Dirt)[1:]) if chance.random() < dirt else Dirt.NONE
        if wrong is Dirt.DUPLICATE and last is not None:
            yield Made(last | {"id": str(number)}, wrong)
            continue
        machine = chance.randrange(machines)
        row = _clean(chance, number, machine, at[machine], operators)
        lasted = int(row["JobDuration"] or 0)
        at[machine] += timedelta(seconds=lasted + chance.randrange(60, 1800))
        wrong = Dirt.NONE if wrong is Dirt.DUPLICATE else wrong
        soiled = _soiled(row, wrong)
        last = row if wrong is Dirt.NONE else None
        yield Made(soiled, wrong)


def _clean(chance: random.Random, number: int, machine: int, start: datetime, operators: int) -> Row:
    lasted = chance.randrange(1800, 6 * 3600)
    setup = chance.randrange(0, 1200)
    times = [int((lasted - setup) * share) for share in _SHARES]
    times[1] = setup
    times[0] += lasted - sum(times)
    operator = chance.randrange(operators)
    job = chance.randrange(max(1, number // 4), number + 4)
    fixed: Row = {
        "id": str(number),
        "machine": f"Machine{machine + 1:04d}",
        "StartTime": f"{start:%Y-%m-%d %H:%M:%S}",
        "EndTime": f"{start + timedelta(seconds=lasted):%Y-%m-%d %H:%M:%S}",
        "JobNumber": f"{start:%Y}/{job:05d}",
        "State": "CLOSED",
        "PartNumber": f"P-{chance.randrange(40):03d}",
        "EmpID": f"E{1000 + operator}",
        "OperatorName": f"Operatör {operator + 1}",
        "OpNumber": str(chance.choice((10, 20, 30))),
        "PartsProduced": str(times[0] // 45),
        "JobDuration": str(lasted),
    }
    return fixed | {name: str(spent) for name, spent in zip(TIMES, times, strict=True)}


def _soiled(row: Row, wrong: Dirt) -> Row:
    start, lasted = datetime.fromisoformat(row["StartTime"] or ""), int(row["JobDuration"] or 0)
    epoch, words = "1970-01-01 00:00:00", f"{timedelta(seconds=lasted)}"
    earlier = f"{start - timedelta(seconds=lasted // 2 + 1800):%Y-%m-%d %H:%M:%S}"
    # what is written over, by what is wrong
    over: dict[Dirt, Row] = {
        Dirt.NO_OPERATOR: {"EmpID": None, "OperatorName": None},
        Dirt.END_NULL: {"EndTime": None},
        Dirt.END_EPOCH: {"EndTime": epoch},
        Dirt.START_EPOCH: {"StartTime": epoch},
        Dirt.DURATION_ZERO: {"JobDuration": "0"},
        Dirt.DURATION_NEGATIVE: {"JobDuration": str(-lasted)},
        Dirt.DURATION_TEXT: {"JobDuration": words},
        Dirt.COLUMN_NEGATIVE: {"MaintenanceTime": "-30"},
        Dirt.UNACCOUNTED: {"RunningTime": str(max(0, int(row["RunningTime"] or 0) - 900))},
        Dirt.OVERLAP: {"StartTime": earlier},
        Dirt.OPEN: {"EndTime": None, "State": "OPENED", "JobDuration": None},
        Dirt.BOTH_EPOCH: {"StartTime": epoch, "EndTime": epoch},
        Dirt.NO_MACHINE: {"machine": ""},
        Dirt.NO_LENGTH: {"EndTime": row["StartTime"], "JobDuration": "0"},
        Dirt.NONSENSE: {"StartTime": "yesterday", "EndTime": None},
    }
    return row | over.get(wrong, {})
