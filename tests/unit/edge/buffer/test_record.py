"""Records come back as they were written, and never otherwise."""

from uuid import UUID

import pytest

from edge.buffer import record
from edge.buffer.record import Queue, State
from edge.errors import BufferDamaged
from shared.reading import Tag
from tests.fakes.readings import TAGS

STATE = State("izmir-hall2", UUID(int=5), queues=(Queue(9, 2, 30), Queue(), Queue(4)), alive_us=7, is_stopped=True)


@pytest.mark.parametrize("thing", [STATE, *TAGS])
def test_a_record_comes_back_as_it_was(thing: State | Tag) -> None:
    assert record.from_row(type(thing), *record.to_row(thing)) == thing


@pytest.mark.parametrize("body", [b"", b"{}", None, "text", 5])
def test_what_is_no_record_is_noticed(body: object) -> None:
    with pytest.raises(BufferDamaged):
        record.from_row(State, body, 1)


def test_every_flipped_bit_is_noticed() -> None:
    body, crc = record.to_row(STATE)
    for place in range(8 * len(body)):
        flipped = bytearray(body)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(BufferDamaged):
            record.from_row(State, bytes(flipped), crc)
