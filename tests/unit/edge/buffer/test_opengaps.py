"""Gaps that go on outlive the process that began them."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from edge.buffer import file, opening
from edge.buffer.store import Store
from shared.reading import Gap, GapCause, empty

NOW = 1_790_000_000_000_000
ROOM = file.divide(10_000_000)
GAP = Gap(GapCause.COMMUNICATION_LOST, NOW - 5, NOW, "press", None, "reset", uuid4(), is_open=True)


def opened(path: Path) -> Store:
    return opening.open_store(path, ROOM, "hall-2", NOW)[0]


def test_an_open_gap_is_found_after_a_kill_until_it_has_ended_however_it_was_sealed(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    for seal in (False, True):
        store = opened(path)
        store.write([], [GAP], NOW, seal=seal)
        store.abandon()
        store = opened(path)
        assert list(store.open_gaps.values()) == [GAP]
        assert list(store.open_gaps) == [GAP.id]
        store.write([], [replace(GAP, revision=2, is_open=False)], NOW, seal=seal)
        assert store.open_gaps == {}
        store.abandon()
        store = opened(path)
        assert store.open_gaps == {}
        store.abandon()


def test_a_file_that_replaces_a_damaged_one_knows_what_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "buffer.db"
    store = opened(path)
    store.write([], [GAP], NOW, seal=True)
    other = opened(tmp_path / "other.db")
    other.adopt(store, NOW)
    other.abandon()
    other = opened(tmp_path / "other.db")
    assert list(other.open_gaps.values()) == [GAP]
    other.abandon()
    store.abandon()


def test_a_gap_without_a_name_is_told_once_and_not_remembered(tmp_path: Path) -> None:
    store = opened(tmp_path / "buffer.db")
    store.write([empty()], [replace(GAP, id=None, is_open=False)], NOW)
    assert store.open_gaps == {}
    store.abandon()
