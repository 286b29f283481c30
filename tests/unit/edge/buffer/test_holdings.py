"""What a buffer file holds, as a person may ask for it: nothing left out, and what is damaged is passed over."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.buffer import file, holdings
from edge.buffer.contents import UNREADABLE
from edge.buffer.holdings import Unreadable
from edge.buffer.opening import open_store
from edge.buffer.refusing import Refusal
from edge.buffer.store import Store
from edge.errors import BufferError  # noqa: A004 - the field's word
from shared.wire import batch as wire
from tests.fakes.readings import TAGS, numbered, numbers
from tests.fakes.sqlite import GATEWAY

OLD_US = 1_800_000_000_000_000
NOW_US = OLD_US + 60_000_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store, _ = open_store(tmp_path / "buffer.db", file.divide(50_000_000), GATEWAY, OLD_US)
    store.register(TAGS, OLD_US)
    yield store
    store.abandon()


def held(store: Store, look: Callable[..., tuple[int, bytes | Unreadable] | None]) -> list[list[int] | str]:
    """Return the numbers in each piece, asked for one after the other; of a damaged one its name."""
    found: list[list[int] | str] = []
    at = -1
    while (piece := store.look(look, at)) is not None:
        at, body = piece
        found.append(body.name if isinstance(body, Unreadable) else numbers(body))
    return found


def spoil(store: Store, statement: str) -> None:
    store.look(lambda db, _: db.execute(statement))


def test_sealed_and_unsealed_count_and_the_oldest_is_the_oldest_of_both(store: Store) -> None:
    assert store.look(holdings.stat)["oldest_us"] is None
    store.write([numbered(0, 10, OLD_US)], [], OLD_US)
    unsealed = store.look(holdings.stat)
    assert (unsealed["readings"], unsealed["unsealed_commits"], unsealed["oldest_us"]) == (0, 1, OLD_US)
    assert unsealed["bytes"] > 0
    store.write([], [], OLD_US, seal=True)
    sealed = store.look(holdings.stat)
    store.write([numbered(10, 10, NOW_US)], [], NOW_US)
    both = store.look(holdings.stat)
    assert (both["readings"], both["batches"], both["unsealed_commits"], both["oldest_us"]) == (10, 1, 1, OLD_US)
    assert both["bytes"] > sealed["bytes"]
    assert both["lanes"]["process"]["readings"] == 10
    assert (both["gateway"], both["quarantined"]) == (GATEWAY, 0)


def test_every_batch_and_every_commit_is_handed_out_once_in_order(store: Store) -> None:
    for first in (0, 10):
        store.write([numbered(first, 10)], [], OLD_US, seal=True)
    for first in (20, 30):
        store.write([numbered(first, 10)], [], OLD_US)
    assert held(store, holdings.batch_after) == [list(range(10)), list(range(10, 20))]
    assert held(store, holdings.block_after) == [list(range(20, 30)), list(range(30, 40))]


def test_a_damaged_batch_or_commit_is_named_and_hides_no_other(store: Store) -> None:
    for first in (0, 10):
        store.write([numbered(first, 10)], [], OLD_US, seal=True)
    for first in (20, 30):
        store.write([numbered(first, 10)], [], OLD_US)
    spoil(store, "UPDATE batch SET body = zeroblob(40) WHERE seq = (SELECT min(seq) FROM batch)")
    spoil(store, "UPDATE tail SET body = zeroblob(40) WHERE n = (SELECT min(n) FROM tail)")
    damaged, whole = held(store, holdings.batch_after)
    assert str(damaged).startswith("batch ")
    assert whole == list(range(10, 20))
    damaged, whole = held(store, holdings.block_after)
    assert str(damaged).startswith("commit ")
    assert whole == list(range(30, 40))


def test_a_tag_whose_name_was_damaged_is_shown_as_unknown(store: Store) -> None:
    store.write([numbered(0, 10)], [], OLD_US)
    piece = store.look(lambda db, tags: holdings.block_after(db, [UNREADABLE, *tags[1:]], -1))
    assert piece is not None
    assert isinstance(piece[1], bytes)
    batch = wire.decode(piece[1])
    assert {(tag.device, tag.name) for tag in batch.tags} == {("?", "?")}


def test_what_is_set_aside_is_listed_and_can_be_brought_under_the_ids_of_now(store: Store) -> None:
    (lease,) = store.write([numbered(7, 1, OLD_US, tag=1)], [], OLD_US, seal=True)
    store.sweep([], [Refusal(lease.id, "never", is_whole=False)], NOW_US)
    (entry,) = store.look(holdings.set_aside_after, -1)
    assert (entry["reason"], entry["set_us"], entry["oldest_us"]) == (
        "the cloud refuses batch 1: never",
        NOW_US,
        OLD_US,
    )
    assert store.look(holdings.set_aside_after, entry["n"]) == []
    aside = store.look(holdings.set_aside, entry["n"])
    assert numbers(holdings.packed(aside)) == [7]
    ids = {(tag.device, tag.name): place + 5 for place, tag in enumerate(TAGS)}
    assert set(holdings.under(aside, ids).tag.tolist()) == {6}
    with pytest.raises(BufferError, match="the names of its tags cannot be read"):
        holdings.under(aside, {})
    with pytest.raises(BufferError, match="there is no entry 99"):
        store.look(holdings.set_aside, 99)
