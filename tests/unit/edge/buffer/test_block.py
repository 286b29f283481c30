"""Blocks come back as they were packed, and never otherwise."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buffer import block
from edge.errors import BufferDamaged
from shared.reading import Gap, GapCause, Readings, empty, from_rows
from tests.fakes.readings import numbered

COLUMNS = (
    ("tag", "u", 4),
    ("ts", "i", 8),
    ("received", "i", 8),
    ("value", "f", 8),
    ("quality", "u", 1),
    ("flags", "u", 1),
    ("status", "u", 4),
)
GAP = Gap(GapCause.OVERFLOW, 5, 9, "press-1", detail="queue")


@st.composite
def readings(draw: st.DrawFn) -> Readings:
    n = draw(st.integers(0, 30))

    def column(low: int, high: int) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=n, max_size=n))

    values = draw(st.lists(st.floats(), min_size=n, max_size=n))
    text = draw(st.dictionaries(st.integers(0, n - 1), st.text(max_size=20), max_size=3)) if n else {}
    times = (column(-(2**63), 2**63 - 1), column(-(2**63), 2**63 - 1))
    marks = (column(0, 255), column(0, 255), column(0, 2**32 - 1))
    return from_rows(column(0, 2**32 - 1), times[0], times[1], values, *marks, text)


@given(readings(), st.lists(st.just(GAP), max_size=2))
def test_a_block_comes_back_as_it_was(rows: Readings, gaps: list[Gap]) -> None:
    back, told = block.unpack(block.pack(rows, gaps))
    for name in ("tag", "ts", "received", "value", "quality", "flags", "status"):
        before, after = getattr(rows, name), getattr(back, name)
        assert after.dtype == before.dtype
        assert after.tobytes() == before.tobytes(), name
    assert back.text == rows.text
    assert told == gaps


@given(st.data())
def test_any_flipped_bit_is_noticed(data: st.DataObject) -> None:
    body = bytearray(block.pack(numbered(0, 3), [GAP]))
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(BufferDamaged):
        block.unpack(bytes(body))


@pytest.mark.parametrize("cut", [0, 3, 7, 8, 20, -1])
def test_a_block_cut_short_is_noticed(cut: int) -> None:
    with pytest.raises(BufferDamaged):
        block.unpack(block.pack(numbered(0, 3), [])[:cut])


def test_nothing_is_a_block_too() -> None:
    back, gaps = block.unpack(block.pack(empty(), []))
    assert (len(back), gaps) == (0, [])


def test_nan_survives_with_its_bits() -> None:
    odd = np.array([0x7FF8_0000_0000_0123], np.uint64).view(np.float64)
    rows = from_rows([0], [1], 1, [math.nan])
    rows = Readings(rows.tag, rows.ts, rows.received, odd, rows.quality, rows.flags, rows.status)
    assert block.unpack(block.pack(rows, []))[0].value.tobytes() == odd.tobytes()


def test_what_the_wire_would_refuse_is_kept_all_the_same() -> None:
    rows = numbered(0, 2)
    rows.text.update({0: "half a \ud800 pair", 1: "NUL \0"})
    bad = Gap(GapCause.OVERFLOW, -5, 2**70, "line\nbreak", detail="\udfff")
    back, gaps = block.unpack(block.pack(rows, [bad]))
    assert back.text == rows.text
    assert gaps == [bad]


def test_the_estimate_is_about_what_it_takes_if_nothing_compresses() -> None:
    noise = np.random.default_rng(1).bytes
    columns = {name: np.frombuffer(noise(1000 * size), f"{kind}{size}") for name, kind, size in COLUMNS}
    rows = Readings(**columns)
    rows.text.update({row: noise(50).hex() for row in range(0, 1000, 9)})
    assert 0.95 < block.size(rows) / len(block.pack(rows, [])) < 1.2
