"""The torture's verdict: each way in which the promise can be broken is counted, and breaks it."""

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from edge.torture.notes import Account
from edge.torture.verdict import judge
from shared.reading import Gap, GapCause, Readings, Tag, from_rows
from shared.wire.batch import Batch, BatchId, Header

T0 = 1_800_000_000_000_000
TAGS = [Tag("machine-0", "a"), Tag("machine-1", "b")]
NAMES = ["a", "b"]


def account(count: int = 6, promised: int = 4) -> Account:
    number = np.arange(count)
    return Account(number, number % 2, T0 + number, number < promised)


def rows(*numbers: int) -> Readings:
    return from_rows([n % 2 for n in numbers], [T0 + n for n in numbers], T0, [float(n) for n in numbers])


def batch(readings: Readings, *gaps: Gap) -> Batch:
    return Batch(Header(BatchId("g", UUID(int=1), 1), len(readings), T0), TAGS, readings, list(gaps))


def down(first: int, last: int) -> Gap:
    return Gap(GapCause.GATEWAY_DOWN, T0 + first, T0 + last + 1)


def test_what_is_promised_and_stored_and_what_is_neither_and_told_keep_the_promise() -> None:
    verdict = judge(account(), [batch(rows(0, 2, 4)), batch(rows(1, 3), down(5, 5))], NAMES)
    assert verdict.is_kept
    assert (verdict.said, verdict.promised, verdict.stored, verdict.explained) == (6, 4, 5, 1)


SOUND = rows(0, 2, 4, 1, 3, 5)


@pytest.mark.parametrize(
    ("arrived", "broken"),
    [
        ([batch(rows(0, 2, 4, 1)), batch(rows(), down(5, 5))], "lost"),
        ([batch(rows(0, 2, 4, 1), down(3, 5))], "lost"),
        ([batch(rows(0, 2, 4, 1, 3))], "unexplained"),
        ([batch(rows(0, 2, 4, 1, 3), down(4, 4))], "unexplained"),
        ([batch(SOUND), batch(rows(2))], "twice"),
        ([batch(SOUND), batch(rows(7))], "foreign"),
        ([batch(replace(SOUND, ts=SOUND.ts + 1))], "changed"),
        ([batch(replace(SOUND, tag=SOUND.tag[::-1].copy()))], "changed"),
        ([batch(rows(2, 0, 4, 1, 3, 5))], "disordered"),
    ],
)
def test_each_breach_is_counted(arrived: list[Batch], broken: str) -> None:
    assert judge(account(), [batch(SOUND)], NAMES).is_kept
    verdict = judge(account(), arrived, NAMES)
    assert getattr(verdict, broken) > 0
    assert not verdict.is_kept


def test_a_gateway_that_never_promised_anything_kept_nothing() -> None:
    assert not judge(account(0), [], NAMES).is_kept
