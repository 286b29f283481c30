"""The logs of a small plant as its old systems export them: a stop an hour or so after an alarm, as a rule."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

MAPPING = """
[stops]
file = "stops.csv"
machine = "machine"
start = "start"
minutes = "minutes"
kind = "reason"
[alarms]
file = "alarms.csv"
machine = "machine"
at = "at"
kind = "code"
[maintenance]
file = "maintenance.csv"
machine = "machine"
at = "at"
[work]
file = "days.csv"
machine = "machine"
start = "day"
every = "1d"
[work.columns]
run = "run"
good = "good"
[telemetry]
file = "days.csv"
machine = "machine"
start = "day"
every = "1d"
columns = ["vibration"]
[machines]
file = "machines.csv"
machine = "machine"
traits = ["age"]
"""
HOUR = timedelta(hours=1)


def write(to: Path, *, until: datetime, machines: int = 4, days: int = 80, seed: int = 5) -> Path:
    """Write a directory's files, with the mapping beside them; what is later than `until` is not in them."""
    rng, begin = random.Random(seed), until - timedelta(days=days)
    to.mkdir(exist_ok=True)
    stops, alarms, done, days_of = [], [], [], []
    for number in range(machines):
        name, at = f"M-{number}", begin
        while at < until - timedelta(days=2):
            at += rng.uniform(40, 90) * HOUR
            alarms.append((name, at, "W1"))
            for gap in (rng.uniform(2, 8), rng.uniform(20, 24)):
                at += gap * HOUR
                stops.append((name, at, 30, rng.choice(["mech", "elec"])))
        done += [(name, begin + timedelta(days=day), "") for day in range(5, days, 30)]
        midnight = begin.replace(hour=0, minute=0, second=0, microsecond=0)
        days_of += [
            (name, midnight + timedelta(days=day), rng.randint(1000, 1400), 500, round(rng.gauss(5), 3))
            for day in range(days)
        ]
    _put(to / "stops.csv", "machine,start,minutes,reason", [row for row in stops if row[1] + HOUR <= until])
    _put(to / "alarms.csv", "machine,at,code", [row for row in alarms if row[1] <= until])
    _put(to / "maintenance.csv", "machine,at,what", done)
    whole = [row for row in days_of if row[1] + 24 * HOUR <= until]
    _put(to / "days.csv", "machine,day,run,good,vibration", whole)
    _put(to / "machines.csv", "machine,age", [(f"M-{number}", number) for number in range(machines)])
    (to / "mapping.toml").write_text(MAPPING)
    return to


def _put(file: Path, head: str, rows: list[tuple]) -> None:
    lines = [",".join(each.isoformat() if isinstance(each, datetime) else str(each) for each in row) for row in rows]
    file.write_text("\n".join([head, *lines]) + "\n")


def now() -> datetime:
    """Return this second."""
    return datetime.now(UTC).replace(microsecond=0)
