"""Two gateways on one state directory: the second is refused before it takes anything, and there is a second wall."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

from edge.errors import AlreadyRunning, BufferError  # noqa: A004 - the field's word
from edge.state import StateDirectory
from tests.fakes.clock import HandClock
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import running


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold it as the daemon does."""
    with StateDirectory(path).held():
        yield


@contextmanager
def noted(path: Path) -> Iterator[None]:
    """Note a process id in a file, and believe that whoever is noted has gone, as after a power cut."""
    with suppress(FileNotFoundError):
        (path / "gateway.pid").unlink()
    (path / "gateway.pid").write_text(str(os.getpid()), encoding="ascii")
    yield


def lets_two_in(hold: Callable[[Path], AbstractContextManager[None]], path: Path) -> bool:
    with hold(path):
        try:
            with hold(path):
                return True
        except AlreadyRunning as refused:
            return f"process {os.getpid()}" not in refused.message


def test_the_second_is_refused_by_name_and_the_next_is_not(tmp_path: Path) -> None:
    for _ in range(2):
        assert not lets_two_in(held, tmp_path)


def test_a_file_with_a_process_id_is_found_out(tmp_path: Path) -> None:
    """The negative control."""
    assert lets_two_in(noted, tmp_path)


async def test_behind_a_lock_that_let_it_in_the_buffer_refuses_the_second(tmp_path: Path) -> None:
    clock = HandClock()
    async with running(tmp_path / "buffer.db", clock) as first:
        with pytest.raises(BufferError, match="open"):
            async with running(tmp_path / "buffer.db", clock):
                pass
        first.register(TAGS)
        promise = await first.append(numbered(0, 5))
        await clock.until(promise.done)
        await promise
