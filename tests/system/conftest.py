"""One cloud with two workers for all walks; a plant and a gateway for each."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from cloud.postgres import embedded
from simulators.demo.patience import Patience
from simulators.demo.stack import Stack
from simulators.demo.workspace import Ports, Workspace
from tests.system.walk import Walk

# on a machine that does other things as well, what pushes may be silent for a second and have more to say
PATIENCE = Patience(start_s=180.0, settled_s=3.0, settle_limit_s=120.0, stop_s=60.0)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The cloud, migrated and seeded, served by two workers."""
    # not pytest's own directory: it is closed to the user whom root lets run PostgreSQL
    with tempfile.TemporaryDirectory(prefix="tz-system-", ignore_cleanup_errors=True) as directory:
        workspace = Workspace(Path(directory))
        with Stack(workspace, Ports.free(), patience=PATIENCE) as stack:
            stack.start_cloud(["--workers", "2"])
            yield stack
        workspace.release()


@pytest.fixture
def walk(stack: Stack, tmp_path: Path) -> Iterator[Walk]:
    """A plant and a gateway of the test's own, not yet begun."""
    yield Walk(stack, tmp_path)
    for name in ("gateway", "simulators"):
        if stack.runs(name):
            stack.kill(name)


@pytest.fixture
def database(stack: Stack) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the database's owner."""
    with embedded(stack.workspace.root / "cloud") as url, psycopg.connect(url, autocommit=True) as connection:
        yield connection
