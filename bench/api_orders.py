"""The app's requests over a plant of years: 100,000 orders, 1,000,000 stages, two workers, PostgreSQL beside them.

Loaded by COPY. Then lists at 300 requests a second and starts at 50 a second, each at a fixed rate whether the
service keeps up or not, beside a route that does nothing. The plans of the lists are printed first.
"""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import psycopg

from bench import open_loop
from cloud import schema
from cloud.identity.tokens import Tokens
from cloud.postgres import embedded
from shared import logs

ORDERS = int(os.environ.get("BENCH_ORDERS", "100000"))
STAGES_EACH = 10
MACHINES = 200
WORKERS = 200
READ_RATE, START_RATE = 300.0, 50.0
SECONDS = float(os.environ.get("BENCH_SECONDS", "20"))
KEY = uuid.uuid4().hex
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
PLANNER = 1


def main() -> None:
    """Load, serve, measure and print."""
    logs.configure("console", "ERROR")
    place = tempfile.TemporaryDirectory(prefix="tz-bench-", ignore_cleanup_errors=True)
    with place as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        started = time.perf_counter()
        organization = load(url)
        print(f"{ORDERS:,} orders and {ORDERS * STAGES_EACH:,} stages loaded in {time.perf_counter() - started:.0f} s")
        explain(url, organization)
        with served(url) as (port, service):
            asyncio.run(measure(port, Sides(service, directory)))


def load(url: str) -> uuid.UUID:
    """Fill the tables; return the organization."""
    organization = uuid.uuid4()
    rng = random.Random(7)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO organization (id, name) VALUES (%s, 'Bench')", (organization,))
        with cursor.copy("COPY app_user (id, organization_id, username, password_hash, role) FROM STDIN") as copy:
            copy.write_row((PLANNER, organization, "planner", "!", "planner"))
            for number in range(WORKERS):
                copy.write_row((number + 2, organization, f"worker-{number}", "!", "worker"))
        with cursor.copy("COPY machine (id, organization_id, code, name) FROM STDIN") as copy:
            for number in range(MACHINES):
                copy.write_row((uuid.uuid4(), organization, f"PRESS-{number:03}", f"Press {number}"))
        columns = (
            "id, organization_id, product_code, lot_no, qty, planned_start, planned_end, status, priority, due_date"
        )
        with cursor.copy(f"COPY work_order ({columns}) FROM STDIN") as copy:
            for number in range(ORDERS):
                copy.write_row(_order(number, organization, rng))
        columns = (
            "id, work_order_id, op_number, stage_name, planned_start, planned_end, status, actual_start, actual_end"
        )
        with cursor.copy(f"COPY work_order_stage ({columns}) FROM STDIN") as copy:
            for number in range(ORDERS):
                for row in _stages(number):
                    copy.write_row(row)
        with cursor.copy("COPY stage_assignment (stage_id, user_id, work_order_id) FROM STDIN") as copy:
            for number in range(ORDERS):
                for place in range(STAGES_EACH):
                    stage_id = number * STAGES_EACH + place + 1
                    copy.write_row((stage_id, 2 + (number * 7 + place) % WORKERS, number + 1))
        for table in ("app_user", "work_order", "work_order_stage"):
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE")
    return organization


def _status(number: int) -> str:
    # years of orders behind us, a few hundred on the floor, the next weeks ahead
    share = number / ORDERS
    return "done" if share < 0.9 else "in_progress" if share < 0.905 else "planned"


def _order(number: int, organization: uuid.UUID, rng: random.Random) -> tuple[object, ...]:
    start = BEGAN + timedelta(minutes=10 * number)
    due = start + timedelta(days=3) if number % 3 else None
    return (
        number + 1,
        organization,
        f"P-{rng.randrange(2000):04}",
        f"LOT-{number:06}",
        rng.randrange(1, 5000),
        start,
        start + timedelta(hours=8),
        _status(number),
        rng.choice(("LOW", "NORMAL", "NORMAL", "HIGH", "URGENT")),
        due,
    )


def _stages(number: int) -> Iterator[tuple[object, ...]]:
    status = _status(number)
    for place in range(STAGES_EACH):
        start = BEGAN + timedelta(minutes=10 * number + 48 * place)
        end = start + timedelta(minutes=48)
        of_stage = "done" if status == "done" or (status == "in_progress" and place == 0) else "planned"
        actual = (start, end) if of_stage == "done" else (None, None)
        yield (
            number * STAGES_EACH + place + 1,
            number + 1,
            10 * place + 10,
            f"Op {place}",
            start,
            end,
            of_stage,
            *actual,
        )


def explain(url: str, organization: uuid.UUID) -> None:
    """Print how PostgreSQL goes about the lists."""
    mine = f"organization_id = '{organization}'"
    ordered = "ORDER BY planned_start, id LIMIT 51"
    statements = {
        "a page": f"SELECT id FROM work_order WHERE {mine} {ordered}",
        "a page of one status": f"SELECT id FROM work_order WHERE {mine} AND status = 'in_progress' {ordered}",
        "a worker's page": f"SELECT id FROM work_order WHERE {mine} AND id IN "
        f"(SELECT work_order_id FROM stage_assignment WHERE user_id = 50) {ordered}",
        "a search": f"SELECT id FROM work_order WHERE {mine} AND search @@ '''t-09999'':*'::tsquery {ordered}",
        "an order's stages": "SELECT * FROM work_order_stage WHERE work_order_id = 77777 ORDER BY op_number",
    }
    with psycopg.connect(url) as connection:
        for name, statement in statements.items():
            print(f"\n{name}:")
            for (line,) in connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) {statement}"):
                print(f"  {line}")
    print()


@contextmanager
def served(url: str) -> Iterator[tuple[int, int]]:
    """Serve with two workers, as an operator would."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {"TEZGAH_DATABASE_URL": url, "SECRET_KEY": KEY, "TEZGAH_LOG_FORMAT": "json"}
    command = [str(Path(sys.executable).with_name("tezgah-cloud")), "serve", "--port", str(port), "--workers", "2"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not _is_ready(port):
            assert process.poll() is None, "the service ended"
            assert time.monotonic() < deadline, "the service is not ready after 60 s"
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


class Sides:
    """CPU seconds used by the service and by PostgreSQL: what a figure costs, however busy the machine is."""

    def __init__(self, service: int, directory: str) -> None:
        self._roots = {"service": psutil.Process(service)}
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and any(directory in word for word in process.info["cmdline"] or ()):
                self._roots["PostgreSQL"] = process

    def seconds(self) -> dict[str, float]:
        """Return CPU seconds by side, with those of all children."""
        return {
            name: sum(sum(each.cpu_times()[:2]) for each in (root, *root.children(recursive=True)))
            for name, root in self._roots.items()
        }


async def measure(port: int, sides: Sides) -> None:
    """Ask, and print a line for each kind of request."""

    async def told(
        name: str, words: Callable[[int], bytes], rate: float, count: int, target_ms: float | None = None
    ) -> None:
        before = sides.seconds()
        figures = await open_loop.run(port, words, rate, count)
        after = sides.seconds()
        print(figures.line(name, rate, target_ms))
        used = ", ".join(f"{side} {max(0.0, after[side] - before[side]) / count * 1000:.2f} ms" for side in after)
        print(f"{'':<42} CPU a request: {used}", flush=True)

    now, tokens = datetime.now(UTC), Tokens(KEY, timedelta(hours=1))
    planner, worker = tokens.issue(PLANNER, now), tokens.issue(50, now)
    reads = int(READ_RATE * SECONDS)
    lists = {
        "GET /workorders/ (50 rows)": (open_loop.get("/workorders/", planner), 50.0),
        "GET /workorders/?status=planned": (open_loop.get("/workorders/?status=planned", planner), None),
        "GET /workorders/?sort=-due_date": (open_loop.get("/workorders/?sort=-due_date", planner), None),
        "GET /workorders/?q=... (one of 100,000)": (open_loop.get("/workorders/?q=t-09999", planner), None),
        "GET /workorders/ (a worker's 50 of 5,000)": (open_loop.get("/workorders/", worker), None),
        "GET /machines (50 rows)": (open_loop.get("/machines", planner), 50.0),
    }
    for request in lists.values():  # connections, statements and caches warm up
        await open_loop.run(port, lambda _, words=request[0]: words, READ_RATE / 2, 200)
    await told("baseline: GET /health/live", lambda _: open_loop.get("/health/live", planner), READ_RATE, reads)
    for name, (words, target) in lists.items():
        await told(name, lambda _, words=words: words, READ_RATE, reads, target)
    # the second stage of each planned order: nobody has started it
    first = int(ORDERS * 0.91)

    def start(number: int) -> bytes:
        return open_loop.post(f"/stages/{(first + number) * STAGES_EACH + 2}/start", planner)

    starts = min(int(START_RATE * SECONDS), ORDERS - first - 1)
    await told("POST /stages/{id}/start", start, START_RATE, starts, 80.0)


if __name__ == "__main__":
    main()
