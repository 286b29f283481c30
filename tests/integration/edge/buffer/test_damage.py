"""Whatever a disk does to the buffer's file: the gateway starts, what is whole arrives once, and a gap tells the rest.

A file as a killed gateway leaves it - batches waiting, some settled, commits not sealed, something in quarantine, a log
that is not emptied - is damaged by chance, and the next life's readings are brought to a cloud that keeps each batch
once. A second kind of file is one that was closed in order.
"""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edge.buffer import file
from edge.buffer.opening import open_store
from edge.buffer.refusing import Refusal
from edge.buffer.store import Store
from shared.reading import Gap, GapCause
from shared.wire import batch as wire
from shared.wire.batch import BatchId
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import GATEWAY, crashed

ROOM = file.divide(50_000_000)
BORN_US = 1_800_000_000_000_000
STEP_US = 1_000_000
LATER_US = BORN_US + 3_600_000_000
PAGE = 4096


class Left:
    """A file as it was left.

    Attributes:
        path: The file; its log beside it.
        cloud: What the cloud had taken.
        waiting: When each reading that was promised and not yet brought was received.
    """

    def __init__(self, directory: Path, *, is_closed: bool) -> None:
        self.cloud: dict[BatchId, bytes] = {}
        self.waiting: dict[int, int] = {}
        store, _ = open_store(directory / "lived" / "buffer.db", ROOM, GATEWAY, BORN_US)
        store.register(TAGS, BORN_US)
        chance = random.Random(5)
        for turn in range(60):
            now_us = BORN_US + turn * STEP_US
            count = chance.choice((3, 40, 700))
            readings = numbered(1000 * turn, count, now_us, turn % 3)
            readings.value[:] += [chance.random() / 2 for _ in range(count)]
            leases = store.write([readings], [], now_us, seal=turn % 4 != 3)
            self.waiting |= dict.fromkeys(range(1000 * turn, 1000 * turn + count), now_us)
            if turn == 40:
                # so that both the file and its log hold something
                store.look(lambda db, _: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
            if leases and chance.random() < 0.4:
                for lease in leases:
                    self.cloud[lease.id] = lease.body
                store.sweep([lease.id for lease in leases], [], now_us)
            elif leases and turn == 20:
                store.sweep([], [Refusal(leases[0].id, "never", is_whole=True)], now_us)
                self.waiting = {n: at_us for n, at_us in self.waiting.items() if n not in numbers(leases[0].body)}
        for turn in range(60, 64):
            now_us = BORN_US + turn * STEP_US
            store.write([numbered(1000 * turn, 30, now_us, turn % 3)], [], now_us)
            self.waiting |= dict.fromkeys(range(1000 * turn, 1000 * turn + 30), now_us)
        if is_closed:
            store.close(BORN_US + 64 * STEP_US)
            self.path = store.path
        else:
            self.path = crashed(store.path, directory / "left")
            store.abandon()
        for body in self.cloud.values():
            for number in numbers(body):
                self.waiting.pop(number, None)

    def copy(self, into: Path) -> Path:
        """Return a copy to damage."""
        for part in self.path.parent.glob("buffer.db*"):
            shutil.copy(part, into / part.name)
        return into / "buffer.db"


def numbers(body: bytes) -> list[int]:
    return [int(value) for value in wire.decode(body).readings.value]


@pytest.fixture(scope="module", params=["killed", "closed"])
def left(request: pytest.FixtureRequest) -> Iterator[Left]:
    with tempfile.TemporaryDirectory(prefix="damage-") as directory:
        yield Left(Path(directory), is_closed=request.param == "closed")


def flip(chance: random.Random, content: bytearray) -> None:
    for _ in range(chance.choice((1, 3, 30))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)


def blank(chance: random.Random, content: bytearray) -> None:
    """A sector or some pages that the disk gives back as zeros, or as something else."""
    size = chance.choice((512, PAGE, 5 * PAGE))
    start = chance.randrange(max(1, len(content) // 512)) * 512
    stop = min(start + size, len(content))
    content[start:stop] = bytes(stop - start) if chance.random() < 0.5 else chance.randbytes(stop - start)


def cut(chance: random.Random, content: bytearray) -> None:
    del content[chance.randrange(len(content)) :]


def behead(_: random.Random, content: bytearray) -> None:
    content[:100] = bytes(min(100, len(content)))


HARMS: dict[str, Callable[[random.Random, bytearray], None]] = {
    "flip": flip,
    "blank": blank,
    "cut": cut,
    "behead": behead,
}


def damage(path: Path, seed: int, harms: list[tuple[str, str]]) -> None:
    """Damage a file, or its log; `lost`: it is not there any more."""
    chance = random.Random(seed)
    for harm, which in harms:
        part = path if which == "file" else path.with_name(path.name + "-wal")
        if harm == "lost" and which == "log":
            part.unlink(missing_ok=True)
        elif harm != "lost" and part.exists() and (content := bytearray(part.read_bytes())):
            HARMS[harm](chance, content)
            part.write_bytes(content)


def next_life(path: Path, cloud: dict[BatchId, bytes]) -> tuple[dict[BatchId, bytes], list[Gap]]:
    """Start, bring everything to the cloud, and start once more, which finds nothing wrong."""
    store, told = open_store(path, ROOM, GATEWAY, LATER_US)
    # a tag whose name is gone gets another id
    tag, *_ = store.register(TAGS, LATER_US)
    store.write([numbered(900_000, 5, LATER_US, tag)], told, LATER_US, seal=True)
    drain(store, cloud)
    store.close(LATER_US)
    again, told = open_store(path, ROOM, GATEWAY, LATER_US + 1)
    assert [gap.cause for gap in told] == [GapCause.GATEWAY_DOWN]
    again.abandon()
    return cloud, [gap for body in cloud.values() for gap in wire.decode(body).gaps]


def drain(store: Store, cloud: dict[BatchId, bytes]) -> None:
    while store.figures.batches or store.figures.has_tail:
        while lease := store.oldest(set(), LATER_US):
            if cloud.setdefault(lease.id, lease.body) == lease.body:
                store.sweep([lease.id], [], LATER_US)
            else:
                # a log that was cut looks like one that was never longer: the cloud notices (409)
                store.sweep([], [Refusal(lease.id, "409", is_whole=True)], LATER_US)
        store.write([], [], LATER_US, seal=True)


KINDS = st.lists(
    st.tuples(st.sampled_from([*HARMS, "lost"]), st.sampled_from(["file", "file", "log"])), min_size=1, max_size=3
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(seed=st.integers(0, 2**32), harms=KINDS)
@example(seed=1, harms=[("behead", "file")])
@example(seed=1, harms=[("flip", "log")])
@example(seed=1, harms=[("lost", "log")])
@example(seed=3, harms=[("behead", "file"), ("behead", "log"), ("blank", "file")])
@example(seed=59014, harms=[("cut", "file"), ("flip", "log")])
def test_what_is_whole_arrives_once_and_a_gap_tells_the_rest(
    left: Left, seed: int, harms: list[tuple[str, str]]
) -> None:
    with tempfile.TemporaryDirectory(prefix="damage-") as directory:
        path = left.copy(Path(directory))
        damage(path, seed, harms)
        cloud, told = next_life(path, dict(left.cloud))
    arrived = rows(cloud)
    assert set(arrived.values()) <= {1}, "stored twice"
    assert unexplained(left, arrived, told) == []
    assert set(range(900_000, 900_005)) <= arrived.keys(), "life goes on"


@pytest.mark.parametrize("keeps_quiet", ["of the damage", "of all"])
def test_a_gateway_that_begins_a_new_file_and_keeps_quiet_is_found_out(left: Left, keeps_quiet: str) -> None:
    """The negative control: as gateways do that call their file corrupt and begin another."""
    with tempfile.TemporaryDirectory(prefix="damage-") as directory:
        path = left.copy(Path(directory))
        damage(path, 1, [("behead", "file"), ("behead", "log")])
        for part in path.parent.glob("buffer.db*"):
            part.rename(part.with_name("corrupt-" + part.name))
        cloud, told = next_life(path, dict(left.cloud))
    if keeps_quiet == "of all":
        told = []
    assert unexplained(left, rows(cloud), told)


def unexplained(left: Left, arrived: Counter[int], told: list[Gap]) -> list[int]:
    """Return what was promised, did not arrive, and lies in no gap."""
    missing = {number: at_us for number, at_us in left.waiting.items() if number not in arrived}
    return [number for number, at_us in missing.items() if not any(explains(gap, at_us) for gap in told)]


def rows(cloud: dict[BatchId, bytes]) -> Counter[int]:
    """Return how often the cloud stores each number: a reading that is there already is not stored again."""
    stored: Counter[int] = Counter()
    for body in cloud.values():
        stored |= Counter(numbers(body))
    return stored


def explains(gap: Gap, at_us: int) -> bool:
    return gap.cause in {GapCause.BUFFER_DAMAGED, GapCause.GATEWAY_DOWN} and gap.from_us <= at_us < gap.to_us


@pytest.mark.parametrize(
    ("harm", "which", "least", "mean"),
    [
        ("behead", "file", 1.0, 1.0),
        ("behead", "log", 1.0, 1.0),
        # one bit, three or thirty, in a file of some sixty pages
        ("flip", "file", 0.2, 0.7),
        ("flip", "log", 0.3, 0.7),
        ("blank", "file", 0.4, 0.8),
        ("cut", "file", 0.0, 0.3),
    ],
)
def test_so_much_comes_back(left: Left, harm: str, which: str, least: float, mean: float) -> None:
    shares = []
    for seed in range(6):
        with tempfile.TemporaryDirectory(prefix="damage-") as directory:
            path = left.copy(Path(directory))
            damage(path, seed, [(harm, which)])
            cloud, _ = next_life(path, {})
        shares.append(len(left.waiting.keys() & rows(cloud).keys()) / len(left.waiting))
    assert min(shares) >= least, shares
    assert sum(shares) / len(shares) >= mean, shares
