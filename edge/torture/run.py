"""The run: one life after the other on the same directory, each killed at an instant drawn from a seed, and the end.

The receiver is in this process, and is cut off for some of the lives.
"""

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge.clock import Clock
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.torture import life, notes
from edge.torture.life import Fate
from edge.torture.nursery import CAN_FORK, Nursery
from edge.torture.receiver import Manner, Receiver
from edge.torture.verdict import Verdict, judge

# Most kills come while a life is at work, some while it opens what the last one left. Where there is no fork, a life
# takes a second to begin.
_SHORT_S = (0.01, 0.5) if CAN_FORK else (0.5, 2.0)
# long enough to seal batches and to send them
_LONG_S = (0.5, 1.6) if CAN_FORK else (2.0, 3.0)
_LONG = 0.3
_CUT = 0.15
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)


@dataclass(frozen=True, slots=True)
class Report:
    """What was done, and what came of it.

    Attributes:
        kills: Lives that were killed.
        seconds: How long it took.
        cuts: Lives whose line was cut.
        requests: What became of how many.
        repeated: Batches that came again.
        verdict: The account.
    """

    kills: int
    seconds: float
    cuts: int
    requests: dict[Manner, int]
    repeated: int
    verdict: Verdict


class EndedByItself(BufferError):
    """A life that was to be killed ended before, or the last one did not end well."""

    code = "TORTURE_LIFE_ENDED"


async def torture(
    directory: Path,
    kills: int,
    seed: int,
    clock: Clock,
    tell: Callable[[int], None] = lambda _: None,
    manner: life.Manner = life.Manner.HONEST,
) -> Report:
    """Kill a gateway so many times.

    Args:
        directory: An empty one, on the disk in question.
        kills: How many lives end by SIGKILL.
        seed: Of everything that is drawn.
        clock: Time.
        tell: Hears of every kill.
        manner: How the lives go.

    Raises:
        EndedByItself: A life failed, or the last one could not bring the rest to the receiver.
    """
    began_s, chance = clock.monotonic(), random.Random(seed)  # noqa: S311 - it is to be repeatable
    receiver, cuts = Receiver(clock, seed), 0
    url = await receiver.open()
    try:
        async with Nursery() as nursery:
            for number in range(kills):
                receiver.is_cut = chance.random() < _CUT
                cuts += receiver.is_cut
                await _killed(
                    nursery, Fate(str(directory), url, number, chance.randrange(2**32), manner), chance, clock
                )
                tell(number + 1)
            receiver.is_cut, receiver.is_good = False, True
            await _last(nursery, Fate(str(directory), url, kills, 0, life.Manner.LAST))
    finally:
        await receiver.close()
    account = notes.read(directory)
    verdict = judge(account, receiver.batches.values(), [tag.name for tag in life.TAGS])
    return Report(kills, clock.monotonic() - began_s, cuts, receiver.counts, receiver.repeated, verdict)


async def _killed(nursery: Nursery, fate: Fate, chance: random.Random, clock: Clock) -> None:
    pid = await nursery.begin(fate)
    try:
        await clock.sleep(chance.uniform(*(_LONG_S if chance.random() < _LONG else _SHORT_S)))
    finally:
        with suppress(ProcessLookupError):  # it ended by itself, which its code says
            os.kill(pid, _KILL)
    code = await nursery.ended()
    if code == 1:
        raise EndedByItself(f"life {fate.number} failed before it was killed; what it says stands above")


async def _last(nursery: Nursery, fate: Fate) -> None:
    await nursery.begin(fate)
    code = await nursery.ended()
    if code != 0:
        rest = Path(fate.directory, life.BUFFER)
        raise EndedByItself(f"the last gateway could not bring all it had to the receiver; the rest is in {rest}")
