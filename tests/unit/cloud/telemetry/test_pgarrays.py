"""Arrays as PostgreSQL takes them; the server itself reads them in the integration tests of the intake."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from psycopg.adapt import Transformer
from psycopg.pq import Format

from cloud.db import Packed
from cloud.telemetry import pgarrays


def read_back(packed: Packed) -> list[object]:
    """Read an array with psycopg's own loader."""
    return Transformer().get_loader(packed.oid, Format.BINARY).load(packed.data)


@pytest.mark.parametrize(
    ("make", "values"),
    [
        (pgarrays.int2, [0, -1, 32_767]),
        (pgarrays.int4, [0, -1, 2**31 - 1]),
        (pgarrays.int8, [0, -(2**62), 2**62]),
        (pgarrays.float8, [0.0, -1.5, 5e-324]),
    ],
)
def test_numbers_are_what_they_were(make, values):
    assert read_back(make(np.array(values))) == values


def test_times_are_the_moments_they_were():
    moments = [datetime(1999, 12, 31, 23, 59, 59, 999_999, UTC), datetime(2026, 11, 26, 1, 2, 3, 4, UTC)]
    told = np.array([(moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for moment in moments])
    assert read_back(pgarrays.timestamptz(told)) == moments


def test_a_number_that_is_none_stays_one():
    [value] = read_back(pgarrays.float8(np.array([np.nan])))
    assert value != value


@pytest.mark.parametrize(
    ("length", "texts"), [(3, {}), (3, {0: "İstanbul", 2: ""}), (2, {1: "b", 0: "a"}), (1, {0: "x" * 5000})]
)
def test_texts_stand_where_they_stood_and_nulls_everywhere_else(length, texts):
    assert read_back(pgarrays.text(length, texts)) == [texts.get(row) for row in range(length)]
