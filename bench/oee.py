"""OEE: a month of 200 machines by shift from rollups with a year in them; and deriving, beside what it is derived from.

The first answers `GET /oee?by=shift` over HTTP, in process, with one year and with three in the tables: the price must
not follow the years, nor how often a connection has asked already. Beside it, of a window that cuts shifts at full
hours, and of one that cuts hours, too, for which two ledgers a machine are drawn up. The second takes a minute of
10,000 tags at one reading a second - 200 machines, each with a state and two counters among its 50 tags - through
settling and deriving, on one connection.
"""

import asyncio
import statistics
import tempfile
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import psycopg

from cloud import schema
from cloud.analytics.service import deriving, storing
from cloud.app import create_app
from cloud.db import Database
from cloud.loop import new_event_loop
from cloud.postgres import embedded
from cloud.settings import Settings
from cloud.telemetry import settling
from cloud.telemetry.partitions import Partitions
from shared import logs

MACHINES, TAGS_EACH, SECONDS, ROUNDS = 200, 50, 60, 5
LIMIT_MS = 300
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
_SETTINGS = {"secret_key": "for a benchmark, and never one for anything else"}
_MACHINES = """
    INSERT INTO machine (organization_id, code, name, ideal_cycle_s)
    SELECT %(organization)s, 'M-' || n, 'M-' || n, 5 FROM generate_series(1, %(machines)s) AS n
"""
_PATTERN = """
    INSERT INTO shift_pattern (organization_id, name, time_zone, cycle_days, anchor, shifts, is_default)
    VALUES (%s, 'three', 'UTC', 1, %s, '[]', true) RETURNING id
"""
_OCCURRENCES = """
    INSERT INTO shift_occurrence (pattern_id, business_date, name, starts_at, ends_at, breaks)
    SELECT %(pattern)s, day::date, 'S' || part, day + part * interval '8 hours', day + (part + 1) * interval '8 hours',
           '[]' FROM generate_series(%(begin)s, %(end)s, interval '1 day') AS day, generate_series(0, 2) AS part
    ON CONFLICT DO NOTHING
"""
_VALUES = ", ".join(
    {"run_us": "20000000000", "idle_us": "8800000000", "good": "3000", "ideal_good_us": "15000000000"}.get(name, "0")
    for name in storing.COLUMNS
)
_FACTS = f"""
    INSERT INTO fact_shift (machine_id, occurrence_id, starts_at, business_date, {", ".join(storing.COLUMNS)}, revision)
    SELECT machine.id, occurrence.id, starts_at, business_date, {_VALUES}, 1
    FROM machine, shift_occurrence AS occurrence
    WHERE occurrence.starts_at >= %(begin)s AND occurrence.starts_at < %(end)s
"""
_OF_AN_HOUR = ", ".join(
    {"run_us": "2500000000", "idle_us": "1100000000", "good": "375", "ideal_good_us": "1875000000"}.get(name, "0")
    for name in storing.COLUMNS
)
_HOURS = f"""
    INSERT INTO fact_hour (machine_id, bucket, {", ".join(storing.COLUMNS)}, revision)
    SELECT machine.id, bucket, {_OF_AN_HOUR}, 1
    FROM machine, generate_series(%(begin)s, %(end)s - interval '1 hour', interval '1 hour') AS bucket
"""
_DERIVED = """
    INSERT INTO derived (machine_id, since_at, until_at) SELECT id, %(begin)s, %(end)s FROM machine
    ON CONFLICT (machine_id) DO UPDATE SET since_at = excluded.since_at
"""
_FORGET = "DELETE FROM shift_pattern; DELETE FROM fact_hour; DELETE FROM derived"
# where a window begins and ends, beside midnight, and the shifts that are seen of its month
_EDGES = {
    "by shift": (timedelta(), timedelta(), 90),
    "cut at hours": (timedelta(hours=3), timedelta(hours=-2), 90),
    "cut at minutes": (timedelta(hours=3, minutes=7), timedelta(hours=-2, minutes=-13), 90),
}
_TAGS = """
    INSERT INTO tag (organization_id, gateway_id, device, name, machine_code, machine_id, reading_type, unit,
                     described_at)
    SELECT %(organization)s, %(gateway)s, machine.code, 'tag-' || n, machine.code, machine.id,
           CASE n WHEN 1 THEN 'state' WHEN 2 THEN 'good_count' WHEN 3 THEN 'reject_count' ELSE 'temperature' END,
           '', now()
    FROM machine, generate_series(1, %(tags)s) AS n
"""
_FILL = """
    INSERT INTO reading (tag_id, ts, n, received_at, value, text, quality, flags)
    SELECT tag.id, %(minute)s + second * interval '1 second', 0, now(),
           CASE reading_type WHEN 'state' THEN NULL WHEN 'temperature' THEN 20 + sin(tag.id + second)
           ELSE extract(epoch FROM %(minute)s + second * interval '1 second')::bigint / 5 END,
           CASE reading_type WHEN 'state' THEN CASE WHEN second / 20 %% 3 = tag.id %% 3 THEN 'idle' ELSE 'producing' END
           END, 0, 0
    FROM tag, generate_series(0, %(last)s) AS second
"""
_TOUCH = """
    INSERT INTO touched (gateway_id, due_at, tag_ids, minutes)
    SELECT %(gateway)s, now(), array_agg(id), array_agg((extract(epoch FROM %(minute)s) / 60)::int)
    FROM tag GROUP BY id / 200
"""


def main() -> None:
    """Measure and print; an answer slower than the limit fails."""
    logs.configure("console", "ERROR")
    with tempfile.TemporaryDirectory(prefix="tz-bench-") as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            organization, gateway = _organization(connection)
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                slowest = runner.run(_answers(url, connection, organization))
                runner.run(_keeping_up(url, connection, organization, gateway))
    if slowest > LIMIT_MS:
        raise SystemExit(f"a month took {slowest:.0f} ms; it should take at most {LIMIT_MS}")


def _organization(connection: psycopg.Connection) -> tuple[uuid.UUID, uuid.UUID]:
    [organization] = connection.execute("INSERT INTO organization (name) VALUES ('bench') RETURNING id").fetchone()
    added = "INSERT INTO gateway (organization_id, name, token_hash) VALUES (%s, 'bench', %s) RETURNING id"
    [gateway] = connection.execute(added, [organization, b""]).fetchone()
    connection.execute(_MACHINES, {"organization": organization, "machines": MACHINES})
    return organization, gateway


async def _answers(url: str, connection: psycopg.Connection, organization: uuid.UUID) -> float:
    [pattern] = connection.execute(_PATTERN, [organization, TODAY.date() - timedelta(days=1100)]).fetchone()
    [user] = connection.execute(
        "INSERT INTO app_user (organization_id, username, role, password_hash) VALUES (%s, 'b', 'planner', '!') "
        "RETURNING id",
        [organization],
    ).fetchone()
    app = create_app(Settings(_env_file=None, database_url=url, **_SETTINGS))
    headers = {"Authorization": f"Bearer {app.state.tokens.issue(user, datetime.now(UTC))}"}
    slowest = 0.0
    end = TODAY
    for years in (1, 3):
        begin = TODAY - timedelta(days=365 * years)
        span = {"pattern": pattern, "begin": begin, "end": end}
        connection.execute(_OCCURRENCES, span)
        connection.execute(_FACTS, span)
        connection.execute(_DERIVED, {"begin": begin, "end": TODAY})
        if years == 1:
            connection.execute(_HOURS, {"begin": TODAY - timedelta(days=31), "end": TODAY})
        for table in ("fact_shift", "fact_hour"):
            connection.execute(f"VACUUM ANALYZE {table}")
        end = begin
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://bench") as client,
        ):
            spent = {}
            for name, edges in _EDGES.items():
                spent[name] = statistics.median([await _month(client, headers, *edges) for _ in range(ROUNDS)])
                said = f"a month of {MACHINES} machines {name}, {years} year(s) of data"
                print(said.ljust(58) + f"{spent[name]:>8,.0f} ms")
            print(f"at minutes beside at hours{spent['cut at minutes'] / spent['cut at hours']:>40.1f} times")
            slowest = max(slowest, spent["by shift"])
    return slowest


async def _month(
    client: httpx.AsyncClient, headers: dict[str, str], after: timedelta, before: timedelta, shifts: int
) -> float:
    asked = {
        "by": "shift",
        "from": (TODAY - timedelta(days=30) + after).isoformat(),
        "to": (TODAY + before).isoformat(),
    }
    started = time.perf_counter()
    answer = await client.get("/oee", params=asked, headers=headers)
    took = (time.perf_counter() - started) * 1000
    told = answer.json()
    assert (len(told["machines"]), len(told["buckets"])) == (MACHINES, shifts), answer.text[:300]
    return took


async def _keeping_up(url: str, connection: psycopg.Connection, organization: uuid.UUID, gateway: uuid.UUID) -> None:
    given = {"organization": organization, "gateway": gateway, "tags": TAGS_EACH}
    connection.execute(_FORGET)
    connection.execute(_TAGS, given)
    database = Database(url, pool_size=1)
    await Partitions(database).ensure({TODAY.date()})
    settled, derived = [], []
    for number in range(ROUNDS):
        minute = TODAY + timedelta(minutes=number)
        told = {"minute": minute, "last": SECONDS - 1, "gateway": gateway}
        connection.execute(_FILL, told)
        connection.execute(_TOUCH, told)
        connection.execute("UPDATE gateway SET last_seen = %s", [minute + timedelta(minutes=1)])
        connection.execute("ANALYZE")
        now = minute + timedelta(minutes=1)
        started = time.perf_counter()
        await settling.settle_all(database, datetime.now(UTC) + timedelta(days=1))
        settled.append(time.perf_counter() - started)
        started, cpu = time.perf_counter(), time.process_time()
        while await deriving.derive_next(database, now):
            pass
        derived.append((time.perf_counter() - started, time.process_time() - cpu))
    await database.close()
    readings = MACHINES * TAGS_EACH * SECONDS
    wall = statistics.median(each for each, _ in derived)
    print(f"settling {readings:,} readings of a minute                 {statistics.median(settled):>8,.1f} s")
    print(
        f"deriving what {MACHINES} machines did in that minute        {wall:>8,.1f} s, of which Python "
        f"{statistics.median(each for _, each in derived):,.1f} s"
    )
    both = statistics.median(settled) + wall
    print(
        f"10,000 readings a second keep one core busy for {both / SECONDS:.0%} of the time: "
        f"{readings / both:,.0f} readings/s"
    )


if __name__ == "__main__":
    main()
