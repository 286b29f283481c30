"""Warm predictions while a model is trained: 40 machines with a year of stops, two workers, PostgreSQL beside them.

Every machine is asked once, which lays the ground; then all of them at a fixed rate, whether the service keeps up or
not, first alone and then while a process of low priority trains as the training service does.
"""

import asyncio
import json
import os
import random
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench import open_loop
from bench.api_orders import KEY, PLANNER, Sides, served
from cloud import schema
from cloud.identity.tokens import Tokens
from cloud.postgres import embedded
from cloud.predictions.learning.making import THREADS
from shared import logs

MACHINES, DAYS = 40, 365
RATE = float(os.environ.get("BENCH_RATE", "100"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
TARGET_MS = 20.0
PATH = "/predictions/downtime"
# what a worker process of the training service does, again and again
TRAINING = """
from cloud.predictions.learning.learner import give_way
give_way(10)
from cloud.predictions.features import features
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.outcomes import grid, outcomes
from cloud.predictions.splitting import cuts
from cloud.predictions.training import Plan, Task, train
from tests.unit.cloud.predictions.plant import BEGIN, plant
history, end = plant(machines=40, days=300), BEGIN + 300 * DAY
instants = grid(40, BEGIN + 14 * DAY, end)
came = outcomes(history.stops, instants, 24 * HOUR, end)
task = Task(instants, features(history, instants), came, history.stops, 24 * HOUR, cuts(instants, 0.2))
print("training", flush=True)
while True:
    train(task, Plan())
"""


def main() -> int:
    """Load, serve, measure and print; the exit code is 1 where the target was missed."""
    logs.configure("console", "ERROR")
    place = tempfile.TemporaryDirectory(prefix="tz-bench-", ignore_cleanup_errors=True)
    with place as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        load(url)
        with served(url) as (port, service):
            return asyncio.run(measure(port, Sides(service, directory)))


def load(url: str) -> None:
    """Fill the tables: machines that run and stop by chance, up to now."""
    organization, rng, now = uuid.uuid4(), random.Random(7), datetime.now(UTC)
    machines = [uuid.uuid4() for _ in range(MACHINES)]
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO organization (id, name) VALUES (%s, 'Bench')", (organization,))
        cursor.execute(
            "INSERT INTO app_user (id, organization_id, username, password_hash, role) "
            "VALUES (%s, %s, 'planner', '!', 'planner')",
            (PLANNER, organization),
        )
        with cursor.copy("COPY machine (id, organization_id, code, name) FROM STDIN") as copy:
            for number, machine in enumerate(machines):
                copy.write_row((machine, organization, f"M-{number}", f"Mill {number}"))
        count = 0
        columns = "machine_id, from_at, to_at, state, source, recorded_at"
        with cursor.copy(f"COPY machine_state ({columns}) FROM STDIN") as copy:
            for number, machine in enumerate(machines):
                at = now - timedelta(days=DAYS)
                while at < now:
                    stop = at + timedelta(hours=rng.expovariate(1 / (40 + 2 * number)))
                    end = min(stop + timedelta(hours=rng.uniform(0.2, 4)), now)
                    copy.write_row((machine, at, stop if stop < now else None, "producing", "import", at))
                    if stop < end:
                        copy.write_row((machine, stop, end, "faulted", "import", stop))
                        count += 1
                    at = end if stop < now else now
    print(f"{MACHINES} machines, {DAYS} days, {count:,} stops")


async def measure(port: int, sides: Sides) -> int:
    """Ask, and print a line for each run."""
    token = Tokens(KEY, timedelta(hours=1)).issue(PLANNER, datetime.now(UTC))

    def request(number: int) -> bytes:
        body = json.dumps({"machine_id": f"M-{number % MACHINES}", "confidence_threshold": 0.5}).encode()
        return open_loop.post(PATH, token, body)

    # slower than that, connections would be idle for longer than the service keeps them
    cold = await open_loop.run(port, request, 10.0, MACHINES)
    print(cold.line("cold: each machine for the first time", 10.0))
    # each of two workers remembers for itself
    await open_loop.run(port, request, RATE / 2, 4 * MACHINES)
    count, missed = int(RATE * SECONDS), 0
    for name, beside in (("warm, alone", idle), ("warm, while a model is trained", training)):
        with beside():
            before = sides.seconds()
            figures = await open_loop.run(port, request, RATE, count)
            after = sides.seconds()
        print(figures.line(name, RATE, TARGET_MS))
        used = ", ".join(f"{side} {max(0.0, after[side] - before[side]) / count * 1000:.2f} ms" for side in after)
        print(f"{'':<42} CPU a request: {used}; {len(figures.latencies_ms):,} of {count:,} answered", flush=True)
        missed += bool(figures.wrong) or figures.quantile(0.99) >= TARGET_MS
    return int(missed > 0)


@contextmanager
def idle() -> Iterator[None]:
    """Do nothing beside."""
    yield


@contextmanager
def training() -> Iterator[None]:
    """Train beside, in a process of low priority whose libraries take one thread each."""
    alone = os.environ | dict.fromkeys(THREADS, "1")
    process = subprocess.Popen([sys.executable, "-c", TRAINING], stdout=subprocess.PIPE, env=alone)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
