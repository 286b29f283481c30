"""Relief: a full buffer gives up what its rules say, tells each tag, and never touches what may have been sent."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.buffer import file
from edge.buffer.lending import note_lent as mark
from edge.buffer.opening import open_store
from edge.buffer.relief import relieve
from edge.buffer.retention import Rules
from edge.buffer.store import Store
from edge.ports import FIRST, Lease
from edge.units import KEEP, WhenFull
from shared.reading import GapCause, Readings, from_rows
from shared.wire import batch as wire
from shared.wire.lane import Lane
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY

NOW_US = 1_800_000_000_000_000
MINUTE_US = 60_000_000
LANES = [Lane.PROCESS, Lane.STATE, Lane.DEBUG]
RULES: Rules = {Lane.STATE: KEEP, Lane.PROCESS: WhenFull("thin", 60.0), Lane.DEBUG: WhenFull("drop")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "buffer.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = opened(path)
    yield store
    store.abandon()


def opened(path: Path) -> Store:
    store, _ = open_store(path, file.divide(50_000_000), GATEWAY, NOW_US)
    store.register(TAGS, NOW_US, LANES)
    return store


def minute(number: int, tag: int = 0) -> Readings:
    """Return the readings of a minute, one a second: 0 to 59, told as number x 100 + second."""
    times = [NOW_US + number * MINUTE_US + second * 1_000_000 for second in range(60)]
    return from_rows([tag] * 60, times, times, [100.0 * number + second for second in range(60)])


def batch_of(store: Store, *blocks: Readings) -> Lease:
    (lease,) = store.write(list(blocks), [], NOW_US, seal=True)
    return lease


def held(store: Store, lane: Lane) -> list[Lease]:
    found: list[Lease] = []
    while lease := store.oldest({lease.id.seq for lease in found}, NOW_US, [lane]):
        found.append(lease)
    return found


def relieved(store: Store, rules: Rules = RULES, need: int = 10**9, spared: frozenset[int] = frozenset()) -> int:
    acts = 0
    while relieve(store, rules, need, spared, NOW_US):
        acts += 1
    return acts


def told(store: Store) -> dict[str | None, list[tuple[int, int, str]]]:
    """Return what the buffer told of its policy, by tag."""
    found: dict[str | None, list[tuple[int, int, str]]] = {}
    for lease in store.write([], [], NOW_US, seal=True):
        for gap in gaps(lease.body):
            assert gap.cause is GapCause.BUFFER_POLICY
            found.setdefault(gap.tag, []).append((gap.from_us, gap.to_us, gap.detail))
    return found


def test_what_is_thinned_keeps_lowest_highest_and_last_under_its_first_number(store: Store) -> None:
    for number in range(4):
        batch_of(store, minute(number))
    assert relieve(store, RULES, 1, frozenset(), NOW_US)
    (lease,) = held(store, Lane.PROCESS)
    assert lease.id.seq == 1
    assert numbers(lease.body) == [0, 59, 100, 159, 200, 259, 300, 359]
    assert wire.decode(lease.body).tags == [TAGS[0]]
    assert (store.figures.batches, store.figures.rows) == (1, 8)
    ((from_us, to_us, detail),) = told(store)["force"]
    assert (from_us, to_us) == (NOW_US + 1_000_000, NOW_US + 3 * MINUTE_US + 58_000_001)
    assert "232 of 240 readings dropped, all but the lowest, highest and last of each 60 s" in detail


def test_debug_goes_first_then_process_is_thinned_then_dropped_and_state_stays(store: Store) -> None:
    for number in range(3):
        store.write([minute(number, tag) for tag in range(3)], [], NOW_US, seal=True)
    assert relieve(store, RULES, 10**9, frozenset(), NOW_US)
    assert [queue.batches for queue in store.figures.queues] == [3, 3, 0]
    assert relieve(store, RULES, 10**9, frozenset(), NOW_US)
    assert [queue.batches for queue in store.figures.queues] == [1, 3, 0]
    assert relieve(store, RULES, 10**9, frozenset(), NOW_US)
    assert [queue.batches for queue in store.figures.queues] == [0, 3, 0]
    assert not relieve(store, RULES, 10**9, frozenset(), NOW_US)
    assert sorted(n for lease in held(store, Lane.STATE) for n in numbers(lease.body))[:60] == list(range(60))
    found = told(store)
    assert found.keys() == {"heat", "force"}
    assert [detail.split(": ")[1][:28] for _, _, detail in found["force"]] == [
        "174 of 180 readings dropped,",
        "6 of 6 readings dropped",
    ]


def test_no_more_is_dropped_than_is_needed(store: Store) -> None:
    first, *_ = [batch_of(store, minute(number, 2)) for number in range(4)]
    assert relieve(store, RULES, len(first.body), frozenset(), NOW_US)
    assert [lease.id.seq for lease in held(store, Lane.DEBUG)] == [Lane.DEBUG.seq(n) for n in (2, 3, 4)]


@pytest.mark.parametrize("how", ["marked", "with its seal", "read", "spared"])
def test_what_may_have_been_sent_is_never_changed(store: Store, path: Path, how: str) -> None:
    batches = [batch_of(store, minute(number)) for number in range(2)]
    match how:
        case "marked":
            mark(store, batches[0].id)
        case "with its seal":
            (last,) = store.write([minute(2)], [], NOW_US, seal=True, sent={FIRST: {Lane.PROCESS}})
            batches.append(last)
        case "read":
            assert store.oldest(set(), NOW_US) == batches[0]
    if how in {"marked", "with its seal"}:
        # and not in another life either
        store.close(NOW_US)
        store = opened(path)
    relieved(store, spared=frozenset({batches[0].id.seq}) if how == "spared" else frozenset())
    left = held(store, Lane.PROCESS)
    expected = {"with its seal": [batches[-1]]}.get(how, [batches[0]])
    # the oldest are marked some at once, as they are sent next
    assert left == (batches if how == "marked" else expected)
    store.abandon()


def test_a_sent_batch_is_forgotten_with_its_mark(store: Store) -> None:
    batch_of(store, minute(0))
    (live,) = store.write([minute(1)], [], NOW_US, seal=True, sent={FIRST: {Lane.PROCESS}})
    store.sweep([live.id], [], NOW_US)
    with file.transaction(store._db, store.path) as db:
        assert db.execute("SELECT count(*) FROM lent").fetchone() == (0,)


def test_the_newest_is_marked_by_itself_and_the_oldest_with_those_after_it(store: Store) -> None:
    batches = [batch_of(store, numbered(number, 1)) for number in range(30)]
    assert mark(store, batches[-1].id) == 0
    assert mark(store, batches[0].id) == 16
    relieved(store)
    assert [lease.id.seq for lease in held(store, Lane.PROCESS)] == [*range(1, 17), 30]


def test_what_does_not_get_smaller_is_left_as_it_is_and_not_tried_again(store: Store) -> None:
    sparse = [from_rows([0], [NOW_US + n * MINUTE_US], NOW_US, [float(n)]) for n in range(3)]
    before = [batch_of(store, block) for block in sparse]
    assert relieve(store, RULES, 1, frozenset(), NOW_US)
    assert store.figures.batches == 3
    assert relieve(store, RULES, 1, frozenset(), NOW_US), "now the oldest is dropped"
    assert held(store, Lane.PROCESS) == before[1:]


def test_a_damaged_batch_is_given_up_and_told_as_damaged(store: Store) -> None:
    batch_of(store, minute(0))
    batch_of(store, minute(1))
    with file.transaction(store._db, store.path) as db:
        db.execute("UPDATE batch SET body = zeroblob(length(body)) WHERE seq = 1")
    assert relieve(store, RULES, 1, frozenset(), NOW_US)
    (lease,) = held(store, Lane.PROCESS)
    assert numbers(lease.body) == [100, 159]
    (report,) = store.write([], [], NOW_US, seal=True)
    assert [gap.cause for gap in gaps(report.body)] == [GapCause.BUFFER_DAMAGED, GapCause.BUFFER_POLICY]


def test_what_is_thinned_keeps_the_last_text_the_newer_description_and_the_order(store: Store) -> None:
    store.register([replace(TAGS[0], unit="N")], NOW_US)
    words = replace(minute(5), value=np.full(60, np.nan), text={row: f"word {row}" for row in range(60)})
    batch_of(store, minute(0))
    batch_of(store, words)
    store.register([TAGS[0]], NOW_US)
    batch_of(store, minute(6))
    assert relieve(store, RULES, 1, frozenset(), NOW_US)
    (lease,) = held(store, Lane.PROCESS)
    batch = wire.decode(lease.body)
    assert batch.tags == [TAGS[0]]
    assert batch.readings.text == {2: "word 59"}
    assert [str(value) for value in batch.readings.value] == ["0.0", "59.0", "nan", "600.0", "659.0"]
