"""Columns as PostgreSQL sends them: big-endian, one after the other."""

import struct

import numpy as np

from cloud import columns


def test_each_kind_is_read_as_it_was_written():
    assert columns.places(struct.pack(">3i", 0, 7, 2**31 - 1)).tolist() == [0, 7, 2**31 - 1]
    assert columns.wholes(struct.pack(">2q", -1, 2**62)).tolist() == [-1, 2**62]
    # 2000-01-01, and a microsecond before 1970
    assert columns.moments(struct.pack(">2q", 0, -946_684_800_000_001)).tolist() == [946_684_800_000_000, -1]
    assert np.array_equal(columns.numbers(struct.pack(">2d", 0.1, float("nan"))), [0.1, np.nan], equal_nan=True)


def test_the_sum_of_no_rows_is_an_empty_column():
    assert len(columns.places(None)) == len(columns.moments(None)) == len(columns.numbers(None)) == 0
