"""Several destinations of one file: each has a cursor, gets each batch once, and costs the others nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from edge.buffer import file, recalling
from edge.buffer.destinations import Target, matched
from edge.buffer.lending import note_lent
from edge.buffer.opening import open_store
from edge.buffer.record import Destination
from edge.buffer.refusing import Refusal
from edge.buffer.relief import relieve
from edge.buffer.retention import KEEP_ALL, Rules
from edge.buffer.store import Store
from edge.errors import BufferError  # noqa: A004 - the field's word
from edge.ports import Lease
from edge.units import KEEP, WhenFull
from shared.reading import ClosedBy, Gap, GapCause, from_rows
from shared.wire.lane import Lane
from tests.fakes.readings import TAGS, gaps, numbered, numbers
from tests.fakes.sqlite import GATEWAY, crashed

NOW_US = 1_800_000_000_000_000
PLANT, OFFICE = Target("cloud", "https://plant"), Target("office", "https://office")
BOTH = (PLANT, OFFICE)
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


def opened(path: Path, targets: Sequence[Target] | None = BOTH) -> Store:
    store, _ = open_store(path, file.divide(50_000_000), GATEWAY, NOW_US, targets=targets)
    store.register(TAGS, NOW_US, LANES)
    return store


def sealed(store: Store, first: int, count: int = 3, tag: int = 0) -> Lease:
    (lease,) = store.write([numbered(first, count, NOW_US, tag)], [], NOW_US, seal=True)
    return lease


def owed(store: Store, to: str) -> list[Lease]:
    """Return what a destination would be lent, in order."""
    found: list[Lease] = []
    while lease := store.oldest({lease.id.seq for lease in found}, NOW_US, to=to):
        found.append(lease)
    assert len(found) == store.figures.owed[to].batches, "what is counted is what is there"
    assert sum(lease.rows for lease in found) == store.figures.owed[to].rows
    return found


def seqs(store: Store, to: str) -> list[int]:
    return [lease.id.seq for lease in owed(store, to)]


def told(store: Store, to: str) -> list[Gap]:
    store.write([], [], NOW_US, seal=True)
    return [gap for lease in owed(store, to) for gap in gaps(lease.body)]


def rows_of(store: Store, table: str) -> int:
    (count,) = store.look(lambda db, _: db.execute(f"SELECT count(*) FROM {table}").fetchone())
    return int(count)


def test_a_batch_leaves_the_file_with_the_last_that_is_owed_it(store: Store) -> None:
    first, second = sealed(store, 0), sealed(store, 3)
    store.sweep([first.id], [], NOW_US, "cloud")
    assert (seqs(store, "cloud"), seqs(store, "office"), store.figures.batches) == ([2], [1, 2], 2)
    store.sweep([first.id, second.id], [], NOW_US, "office")
    assert (seqs(store, "cloud"), seqs(store, "office"), store.figures.batches) == ([2], [], 1)
    store.sweep([second.id], [], NOW_US, "cloud")
    assert (store.figures.batches, store.figures.rows) == (0, 0)
    assert (rows_of(store, "done"), rows_of(store, "lent")) == (0, 0)


@pytest.mark.parametrize("dies", [False, True])
def test_a_kill_between_two_acknowledgements_leaves_the_other_owed(path: Path, tmp_path: Path, dies: bool) -> None:
    store = opened(path)
    leases = [sealed(store, 3 * n) for n in range(5)]
    # out of order, as live data goes first
    store.sweep([leases[4].id, leases[0].id], [], NOW_US, "cloud")
    copy = crashed(path, tmp_path / "crash")
    store.close(NOW_US)
    again = opened(copy if dies else path)
    again.write([], [], NOW_US, seal=True)
    assert seqs(again, "cloud") == [2, 3, 4]
    assert seqs(again, "office") == [1, 2, 3, 4, 5]
    again.abandon()


def test_a_destination_that_is_up_leaves_one_row_in_the_file_however_long_another_is_away(store: Store) -> None:
    for n in range(40):
        store.sweep([sealed(store, n, 1).id], [], NOW_US, "cloud")
    assert rows_of(store, "done") == 0, "its cursor says it all"
    assert len(seqs(store, "office")) == 40


def test_what_one_refuses_the_other_gets_whole_and_is_told_nothing(store: Store) -> None:
    whole = sealed(store, 0, 4)
    parts = store.sweep([], [Refusal(whole.id, "422")], NOW_US, "office")
    while parts:
        bad = [part for part in parts if 2 in numbers(part.body)]
        store.sweep([part.id for part in parts if part not in bad], [], NOW_US, "office")
        parts = store.sweep([], [Refusal(part.id, "422 too hot") for part in bad], NOW_US, "office")
    assert owed(store, "cloud") == [whole]
    assert store.figures.quarantined == 1
    (gap,) = told(store, "office")
    assert (gap.cause, gap.tag, gap.from_us) == (GapCause.REFUSED, "force", NOW_US + 2)
    assert told(store, "cloud") == []


def test_what_is_sent_again_out_of_quarantine_goes_to_who_misses_it_with_its_gap_closed(store: Store) -> None:
    whole = sealed(store, 0, 1)
    store.sweep([whole.id], [], NOW_US, "cloud")
    store.sweep([], [Refusal(whole.id, "422")], NOW_US, "office")
    (open_gap,) = told(store, "office")
    store.sweep([lease.id for lease in owed(store, "office")], [], NOW_US, "office")
    assert recalling.retry(store, [1], NOW_US + 5) == 1
    assert (store.figures.quarantined, owed(store, "cloud")) == (0, [])
    (again,) = owed(store, "office")
    (closed,) = gaps(again.body)
    assert numbers(again.body) == [0]
    assert (closed.id, closed.revision, closed.closed_by) == (open_gap.id, 2, ClosedBy.RETRIED)
    assert closed.closed_us == NOW_US + 5
    # and if it is refused again, that is told anew
    while again is not None:
        for part in store.sweep([], [Refusal(again.id, "422")], NOW_US, "office"):
            if numbers(part.body):
                again = part
                break
        else:
            break
    (new,) = [gap for gap in told(store, "office") if gap.closed_us is None]
    assert new.id != open_gap.id


def test_a_batch_that_is_renamed_for_one_keeps_its_name_for_the_other(store: Store) -> None:
    whole = sealed(store, 0)
    (renamed,) = store.sweep([], [Refusal(whole.id, "409", is_whole=True)], NOW_US, "office")
    assert owed(store, "cloud") == [whole]
    assert owed(store, "office") == [renamed]
    assert renamed.id.epoch != whole.id.epoch
    assert numbers(renamed.body) == numbers(whole.body)


def test_a_new_destination_gets_what_is_taken_from_now_on(path: Path) -> None:
    store = opened(path, [PLANT])
    sealed(store, 0)
    store.write([numbered(3, 2, NOW_US)], [], NOW_US)
    store.close(NOW_US)
    store = opened(path)
    store.write([], [], NOW_US, seal=True)
    assert [numbers(lease.body) for lease in owed(store, "cloud") if lease.rows] == [[0, 1, 2], [3, 4]]
    assert [numbers(lease.body) for lease in owed(store, "office") if lease.rows] == [[3, 4]], (
        "not sealed yet: from now on"
    )
    store.close(NOW_US)


def test_nothing_is_kept_for_a_destination_that_is_removed(path: Path) -> None:
    store = opened(path)
    for n in range(5):
        store.sweep([sealed(store, n, 1).id], [], NOW_US, "cloud")
    (last,) = store.write([numbered(5, 1, NOW_US)], [], NOW_US, seal=True)
    store.close(NOW_US)
    store = opened(path, [PLANT])
    assert store.figures.is_clearing
    assert store.clear(2, NOW_US) == 2
    store.close(NOW_US)
    store = opened(path, [PLANT])
    assert store.figures.is_clearing, "a stop in between is no end"
    while store.figures.is_clearing:
        store.clear(2, NOW_US)
    assert owed(store, "cloud") == [last]
    assert store.figures.batches == 1
    assert rows_of(store, "done") == 0
    store.close(NOW_US)
    # one that comes back begins anew
    store = opened(path)
    assert seqs(store, "office") == []
    store.close(NOW_US)


def test_an_entry_of_a_removed_destination_is_told_to_nobody_and_sent_to_nobody(path: Path) -> None:
    store = opened(path)
    store.sweep([], [Refusal(sealed(store, 0, 1).id, "422")], NOW_US, "office")
    store.close(NOW_US)
    store = opened(path, [PLANT])
    with pytest.raises(BufferError, match="configured no more"):
        recalling.retry(store, [1], NOW_US)
    before = len(seqs(store, "cloud"))
    assert recalling.drop(store, [1], NOW_US) == 1
    assert (len(seqs(store, "cloud")), store.figures.quarantined) == (before, 0)
    store.close(NOW_US)


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ([PLANT, OFFICE], ["cloud", "office"]),
        ([OFFICE, PLANT], ["office", "cloud"]),
        ([PLANT, Target("head", "https://office")], ["cloud", "office"]),
        ([PLANT, Target("office", "https://elsewhere")], ["cloud", "office"]),
        ([Target("cloud", "https://office")], ["office"]),
        ([Target("cloud", "https://office"), Target("old", "https://plant")], ["office", "cloud"]),
        ([PLANT, Target("third", "https://third")], ["cloud", None]),
    ],
)
def test_a_destination_is_known_again_by_its_address_or_else_by_its_name(
    targets: list[Target], expected: list[str | None]
) -> None:
    known = [Destination(number, target.name, target.url) for number, target in enumerate(BOTH)]
    assert [None if before is None else before.name for _, before in matched(known, targets)] == expected


def test_a_renamed_destination_keeps_what_it_is_owed(path: Path) -> None:
    store = opened(path)
    store.sweep([sealed(store, 0).id], [], NOW_US, "cloud")
    store.close(NOW_US)
    store = opened(path, [PLANT, replace(OFFICE, name="head-office")])
    assert (seqs(store, "cloud"), seqs(store, "head-office")) == ([], [1])
    assert not store.figures.is_clearing
    store.close(NOW_US)


def minute(store: Store, number: int, tag: int = 0) -> Lease:
    times = [NOW_US + number * 60_000_000 + second * 1_000_000 for second in range(60)]
    block = from_rows([tag] * 60, times, times, [100.0 * number + second for second in range(60)])
    (lease,) = store.write([block], [], NOW_US, seal=True)
    return lease


def test_a_full_buffer_gives_up_for_the_slowest_and_tells_it_alone(store: Store) -> None:
    had = [minute(store, number) for number in range(3)]
    store.sweep([lease.id for lease in had], [], NOW_US, "cloud")
    nobodys = minute(store, 3)
    assert relieve(store, RULES, 1, frozenset(), NOW_US)
    assert owed(store, "cloud") == [nobodys]
    thinned, *rest = [lease for lease in owed(store, "office") if lease.rows]
    assert (numbers(thinned.body), rest) == ([0, 59, 100, 159, 200, 259], [nobodys])
    (gap,) = told(store, "office")
    assert (gap.cause, gap.tag) == (GapCause.BUFFER_POLICY, "force")
    assert told(store, "cloud") == []


@pytest.mark.parametrize("rules", [RULES, KEEP_ALL])
def test_whatever_the_rules_one_that_is_away_keeps_nobody_out(store: Store, rules: Rules) -> None:
    for number in range(3):
        for tag in range(3):
            store.sweep([minute(store, number, tag).id], [], NOW_US, "cloud")
    nobodys = [minute(store, 3, tag) for tag in range(3)]
    acts = 0
    # looked at past the store, for what is read for being lent stays as it is
    while rows_of(store, "batch WHERE rows > 0") > 3:
        assert relieve(store, rules, 1, frozenset(), NOW_US)
        acts += 1
        assert acts < 30
    assert {lease.id for lease in owed(store, "cloud")} == {lease.id for lease in nobodys}, "nobody else has these"
    assert [lease.id.seq for lease in owed(store, "office") if lease.rows] == [
        lease.id.seq for lease in owed(store, "cloud")
    ]
    missing = {gap.tag for gap in told(store, "office")}
    assert missing == {tag.name for tag in TAGS}, "each hole is told to who misses it"
    assert told(store, "cloud") == []
    if rules is KEEP_ALL:
        assert not relieve(store, rules, 1, frozenset(), NOW_US), "what nobody has is kept as the rules say"


def test_what_may_have_been_sent_to_the_slowest_stays_as_it_is(store: Store) -> None:
    first = minute(store, 0)
    store.sweep([first.id], [], NOW_US, "cloud")
    note_lent(store, first.id, "office")
    assert not relieve(store, RULES, 1, frozenset(), NOW_US)
    assert owed(store, "office") == [first]


def test_the_oldest_that_waits_is_known_of_each(store: Store) -> None:
    (first,) = store.write([numbered(0, 1, NOW_US - 9)], [], NOW_US, seal=True)
    store.write([numbered(1, 1, NOW_US - 5)], [], NOW_US, seal=True)
    store.sweep([first.id], [], NOW_US, "cloud")
    assert (store.figures.owed["cloud"].oldest_us, store.figures.owed["office"].oldest_us) == (NOW_US - 5, NOW_US - 9)
