"""The local page in a real browser: what it shows, that names stay text, and that it asks for its token."""

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from edge.acquisition.station import Station
from edge.clock import SystemClock
from edge.health import HealthServer
from edge.page.pages import pages
from edge.page.throughput import Throughput
from shared.reading import Gap, GapCause, Quality, from_rows
from tests.fakes.buffer import MemoryBuffer
from tests.fakes.driver import ScriptedDriver, points
from tests.fakes.snapshots import snapshot, station

NOTHING_SKIPPED = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1"
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
# left out where there is no browser; CI installs one and forbids to go without
BROWSERS = ["chromium"] if CHROMIUM or NOTHING_SKIPPED else []
TOKEN = "a-token-of-24-characters"
EVIL = "<img src=x onerror=document.title='hacked'>"


@contextlib.asynccontextmanager
async def page(**options: object) -> AsyncIterator[str]:
    """Serve a gateway with three tags, one of which has a name that no one should believe."""
    clock = SystemClock()
    now_us = clock.now_us()
    line = Station("line", "modbus", ScriptedDriver(), points("force", EVIL, "mode"), MemoryBuffer(clock), clock)
    kept = from_rows(
        [0, 1, 2], [now_us] * 3, now_us, [820.5, np.nan, 2.0], [Quality.GOOD, Quality.BAD, 0], text={2: "producing"}
    )
    line.board.note(kept, kept)
    line.journal.note_error(now_us, f"refused by {EVIL}")
    line.journal.note_gaps([Gap(GapCause.COMMUNICATION_LOST, now_us - 90_000_000, now_us, "press-1")])
    told = replace(snapshot(stations=[station("line", state="down", last_error=EVIL)]), now_us=now_us)
    server = HealthServer(pages(lambda: told, lambda: [line], Throughput(), clock), **options)  # type: ignore[arg-type]
    port = await server.open("127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        await server.close()


async def dom(url: str, profile: Path, *options: str) -> tuple[str, str]:
    """Open a page and return the document after two seconds of the browser's time, and what it complained of."""
    assert CHROMIUM, "no browser is installed, and TEZGAH_TEST_NOTHING_SKIPPED=1 forbids to go without"
    process = await asyncio.create_subprocess_exec(
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
        *(f"--user-data-dir={profile}", "--enable-logging=stderr", "--virtual-time-budget=2500", *options),
        *("--dump-dom", url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return out.decode(), "\n".join(
        # advice on forms is no complaint
        line
        for line in err.decode().splitlines()
        if "CONSOLE" in line and "[DOM]" not in line
    )


def cells(document: str, table: str) -> list[list[str]]:
    """The cells of a table's rows, as a reader sees them."""
    body = re.search(rf'<tbody id="{table}">(.*?)</tbody>', document, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body[1], re.DOTALL)
    return [
        [unescape(re.sub(r"<[^>]*>", "", cell)) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)] for row in rows
    ]


@pytest.mark.parametrize("browser", BROWSERS)
async def test_the_page_shows_the_gateway_and_believes_no_name(browser: str, tmp_path: Path) -> None:
    async with page() as url:
        document, complaints = await dom(url, tmp_path, "--lang=en")
    assert complaints == ""
    assert "<title>hall-2: degraded</title>" in document
    assert [row[:5] for row in cells(document, "tags")] == [
        ["press-1", "force", "820.5", "", "good"],
        ["press-1", EVIL, "–", "", "bad"],
        ["press-1", "mode", "producing (2)", "", "good"],
    ]
    assert EVIL not in document, "it stands there as text"
    (hole,) = cells(document, "gaps")
    assert hole[1:4] == ["90 s", "communication_lost", "press-1"]
    (error,) = cells(document, "errors")
    assert error[1:] == ["line", f"refused by {EVIL}"]


@pytest.mark.parametrize("browser", BROWSERS)
async def test_a_page_with_a_token_asks_for_it_and_shows_nothing(browser: str, tmp_path: Path) -> None:
    async with page(token=TOKEN, any_host=True) as url:
        document, _ = await dom(url, tmp_path)
    assert '<form id="door">' in document
    assert '<main id="content" hidden="">' in document
    assert "hall-2" not in document
