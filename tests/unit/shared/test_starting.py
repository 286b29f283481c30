"""A program's imports are not looked through for garbage, and everything after them is again."""

import gc

import pytest

from shared.starting import for_good


def test_nothing_is_looked_through_within_and_all_made_later_is():
    before = gc.get_freeze_count()
    try:
        with for_good():
            assert not gc.isenabled()
            kept = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()


def test_a_start_that_fails_leaves_the_collector_on():
    with pytest.raises(ImportError), for_good():
        raise ImportError("no such module")
    assert gc.isenabled()
