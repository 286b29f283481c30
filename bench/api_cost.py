"""What a request of the app costs the service: CPU time of this process, without sockets, over a real PostgreSQL.

CPU time and the best of several rounds, so that a busy machine tells nearly the same as an idle one. With
BENCH_PROFILE=1 the functions that it goes to are printed too. It starts a thousand stages:
BENCH_ORDERS must be 15,000 at least.
"""

import asyncio
import cProfile
import os
import pstats
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import FastAPI

from bench import api_orders
from cloud import schema
from cloud.app import create_app
from cloud.identity.tokens import Tokens
from cloud.loop import new_event_loop
from cloud.postgres import embedded
from cloud.settings import Settings
from shared import logs

ROUNDS, EACH = 50, 20
PROFILED = bool(os.environ.get("BENCH_PROFILE"))


def main() -> None:
    """Load, and ask."""
    place = tempfile.TemporaryDirectory(prefix="tz-bench-", ignore_cleanup_errors=True)
    with place as directory, embedded(Path(directory)) as url:
        schema.migrate(url)
        api_orders.load(url)
        settings = Settings(_env_file=None, secret_key=api_orders.KEY, database_url=url, log_format="json")
        settings.configure_logs()
        logs.configure("json", "INFO")
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(measure(create_app(settings)))


async def measure(app: FastAPI) -> None:
    """Print a line for each kind of request."""
    token = Tokens(api_orders.KEY, timedelta(hours=1)).issue(api_orders.PLANNER, datetime.now(UTC))
    first = int(api_orders.ORDERS * 0.91)
    lists = {path: (lambda _, path=path: ("GET", path)) for path in ("/health/live", "/workorders/", "/machines")}
    kinds: dict[str, Callable[[int], tuple[str, str]]] = {
        **lists,
        "/auth/me": lambda _: ("GET", "/auth/me"),
        "/stages/{id}/start": lambda n: ("POST", f"/stages/{(first + n) * api_orders.STAGES_EACH + 2}/start"),
    }
    async with app.router.lifespan_context(app):
        for name, words in kinds.items():
            await _told(app, token, name, words)


async def _told(app: FastAPI, token: str, name: str, words: Callable[[int], tuple[str, str]]) -> None:
    best, number = float("inf"), 0
    for each in range(ROUNDS + PROFILED):
        profile = cProfile.Profile(time.process_time) if each == ROUNDS else None
        if profile is not None:
            profile.enable()
        began = time.process_time()
        for _ in range(EACH):
            await ask(app, token, *words(number))
            number += 1
        used = time.process_time() - began
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(110)
        else:
            best = min(best, used)
    print(f"{name:<24} {best / EACH * 1000:.2f} ms", flush=True)


async def ask(app: FastAPI, token: str, method: str, path: str) -> None:
    """Make one request as a server would hand it in."""
    statuses: list[int] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"bench"), (b"authorization", f"Bearer {token}".encode()), (b"content-length", b"0")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        "state": {},
    }

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(int(str(message["status"])))

    await app(scope, receive, send)  # type: ignore[arg-type]
    assert statuses[0] < 300, f"{method} {path}: {statuses}"


if __name__ == "__main__":
    main()
