"""Deaths and errors at chosen system calls: in the middle of a write, between write and flush, at the flush itself.

strace counts the calls of the buffer's thread and kills at one of them, or lets it fail. A kill at random hardly ever
hits these instants; here it does every time.
"""

import asyncio
import os
import random
from pathlib import Path

import pytest

from edge.torture.life import Manner
from edge.torture.verdict import Verdict
from tests.promise.lives import beginning
from tests.promise.needed import with_program

pytestmark = pytest.mark.parametrize("tracer", with_program("strace"))
DEATHS = 4
# a commit takes three or four writes and a flush; the first ones make the file
LATEST = {"pwrite64": 90, "fdatasync": 25}


def at(call: str, fate: str) -> tuple[str, ...]:
    """Return what runs a program so that its call meets this fate."""
    return (
        # with --seccomp-bpf, strace 6.1 delivers no signal
        *("strace", "-f", "-qq", "-o", os.devnull),
        *("-e", f"trace={call}", "-e", f"inject={call}:{fate}"),
    )


async def deaths(tmp_path: Path, call: str, count: int, manner: Manner = Manner.HONEST) -> tuple[Verdict, int]:
    """Let lives die at this call; returns the verdict, and how many were killed by it."""
    chance, died = random.Random(call), 0
    (tmp_path / "state").mkdir()
    async with beginning(tmp_path / "state", tmp_path / "notes", seed=3) as lives:
        for _ in range(count):
            number = chance.randrange(1, LATEST[call])
            async with lives.life(at(call, f"signal=KILL:when={number}"), manner) as process:
                await lives.promised(1_000, process)
                died += process.returncode is not None
        return await lives.verdict(), died


@pytest.mark.parametrize("call", LATEST)
async def test_whichever_call_is_the_last_one_nothing_acknowledged_is_lost(
    tmp_path: Path, tracer: str, call: str
) -> None:
    verdict, died = await deaths(tmp_path, call, DEATHS)
    assert died == DEATHS
    assert verdict.is_kept, verdict


async def test_a_gateway_that_acknowledges_before_the_write_is_found_out(tmp_path: Path, tracer: str) -> None:
    """The negative control."""
    verdict, died = await deaths(tmp_path, "pwrite64", 3, Manner.HASTY)
    assert died == 3
    assert verdict.lost > 0


@pytest.mark.parametrize(
    ("call", "error"), [("fdatasync", "EIO"), ("pwrite64", "ENOSPC"), ("pwrite64", "EIO")], ids=lambda word: word
)
async def test_a_disk_that_fails_now_and_then_is_asked_again_and_loses_nothing(
    tmp_path: Path, tracer: str, call: str, error: str
) -> None:
    (tmp_path / "state").mkdir()
    async with beginning(tmp_path / "state", tmp_path / "notes", seed=4) as lives:
        # from the hundred and fiftieth on, when the file is made, one call of 41 fails
        async with lives.life(at(call, f"error={error}:when={150 if call == 'pwrite64' else 30}+41")) as process:
            await lives.promised(150, process)
            assert process.returncode is None, "it must live with that"
            assert lives.promises() >= 150
            await asyncio.sleep(0)
        verdict = await lives.verdict()
    assert verdict.is_kept, verdict
