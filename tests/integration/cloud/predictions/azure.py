"""A small directory laid out as Microsoft's public sample of predictive maintenance (PdM), and the mapping of it."""

import random
from datetime import date, datetime, timedelta
from pathlib import Path

MAPPING = """
[stops]
file = "PdM_failures.csv"
machine = "machineID"
start = "datetime"
kind = "failure"
[alarms]
file = "PdM_errors.csv"
machine = "machineID"
at = "datetime"
kind = "errorID"
[maintenance]
file = "PdM_maint.csv"
machine = "machineID"
at = "datetime"
kind = "comp"
[telemetry]
file = "telemetry_daily_mean.csv"
machine = "machineID"
start = "date"
every = "1d"
columns = ["volt", "rotate", "pressure", "vibration"]
[machines]
file = "PdM_machines.csv"
machine = "machineID"
traits = ["age"]
"""
BEGIN, DAYS, MACHINES = date(2015, 1, 1), 60, 3
ROWS = {"stops": 12, "alarms": 90, "maintenance": 12, "telemetry": MACHINES * DAYS, "machines": MACHINES}


def write(to: Path) -> Path:
    """Write the files, and the mapping beside them."""
    rng = random.Random(11)
    to.mkdir(exist_ok=True)
    whose = range(1, MACHINES + 1)
    _put(
        to, "PdM_failures.csv", "datetime,machineID,failure", _events(whose, 4, lambda: f"comp{rng.randint(1, 4)}", 13)
    )
    _put(to, "PdM_errors.csv", "datetime,machineID,errorID", _events(whose, 30, lambda: f"error{rng.randint(1, 5)}", 2))
    _put(to, "PdM_maint.csv", "datetime,machineID,comp", _events(whose, 4, lambda: f"comp{rng.randint(1, 4)}", 15))
    # in this one table machines have decimals
    days = [
        f"{day + 1},{BEGIN + timedelta(days=day)},{machine}.0,{rng.gauss(170, 2)},450.0,{rng.gauss(100, 1)},40.0"
        for machine in whose
        for day in range(DAYS)
    ]
    _put(to, "telemetry_daily_mean.csv", "day_num,date,machineID,volt,rotate,pressure,vibration", days)
    _put(
        to, "PdM_machines.csv", "machineID,model,age", [f"{machine},model{machine},{18 - machine}" for machine in whose]
    )
    (to / "mapping.toml").write_text(MAPPING)
    return to


def _events(whose, each, word, step) -> list[str]:
    first = datetime.combine(BEGIN, datetime.min.time()) + timedelta(hours=6)
    return [
        f"{first + timedelta(days=step * number % DAYS, hours=number)},{machine},{word()}"
        for machine in whose
        for number in range(each)
    ]


def _put(to: Path, name: str, head: str, rows: list[str]) -> None:
    (to / name).write_text("\n".join([head, *rows]) + "\n")
