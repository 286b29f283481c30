"""What every test of the import starts from: a database with one organization, and two ways to bring a file in."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from cloud.db import Database
from cloud.identity import service as identity
from cloud.imports import service, source
from cloud.imports.schemas import Report
from cloud.imports.service import Wanted
from tests.integration.cloud.test_cli import environment

COUNTS = "SELECT (SELECT count(*) FROM app_user), (SELECT count(*) FROM work_order), \
(SELECT count(*) FROM work_order_stage), (SELECT count(*) FROM issue), (SELECT count(*) FROM imported_row), \
(SELECT count(*) FROM change)"
ISTANBUL = ZoneInfo("Europe/Istanbul")


def words_of(file: Path, *options: str) -> list[str]:
    common = ["--organization", "Acme", "--timezone", "Europe/Istanbul"]
    return [sys.executable, "-m", "cloud", "import", "sqlite", str(file), *common, *options]


@pytest.fixture
def acme(fresh_database_url: str) -> str:
    """A database with the organization in it."""
    with psycopg.connect(fresh_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO organization (name) VALUES ('Acme')")
    return fresh_database_url


@pytest.fixture
def bring(acme: str) -> Callable[..., Report]:
    """A function that brings a file in, in this process."""

    async def run(file: Path, options: dict[str, Any]) -> Report:
        wanted = Wanted(**{"source": "sqlite", "zone": ISTANBUL, "server_zone": ISTANBUL} | options)
        database = Database(acme, pool_size=1)
        try:
            async with database.transaction() as session:
                owner = await identity.organization_named(session, "Acme")
                old, now = source.read(file), datetime.now(UTC)
                return await service.bring(session, owner.id, old, wanted, now, lambda *_: None)
        finally:
            await database.close()

    def bring_in(file: Path, **options: Any) -> Report:
        # a thread of its own, for the test may run in a loop
        with ThreadPoolExecutor(1) as alone:
            return alone.submit(asyncio.run, run(file, options)).result()

    return bring_in


@pytest.fixture
def run_import(acme: str, tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """A function that runs `tezgah-cloud import sqlite`."""

    def run(file: Path, *options: str) -> "subprocess.CompletedProcess[str]":
        words = words_of(file, *options)
        return subprocess.run(
            words, env=environment(acme), cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )

    return run


@pytest.fixture
def rows(fresh_database_url: str) -> Callable[..., list[tuple[Any, ...]]]:
    """A function that asks the database."""

    def ask(query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(fresh_database_url, autocommit=True) as connection:
            found = connection.execute(query)
            return found.fetchall() if found.description else []

    return ask
