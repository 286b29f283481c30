"""A question goes out, and of all that comes only its own answer ends the wait."""

import asyncio
import struct
from collections.abc import Callable

import pytest

from edge.drivers.modbus.exchange import Exchange
from edge.drivers.modbus.frames import Mbap, Noise, Rtu
from edge.drivers.modbus.plan import Request, Table

REQUEST = Request(7, Table.HOLDING, 100, 1, 1.0, ())
PDU = b"\x03\x02\x12\x34"


class Wire(asyncio.WriteTransport):
    """Keeps what is sent, and answers at once if it has an answer."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answer: Callable[[bytes], None] = lambda _: None

    def write(self, data: bytes) -> None:  # type: ignore[override]  # bytes are all that is sent here
        self.sent.append(data)
        self.answer(data)


@pytest.fixture
def babbles() -> list[int]:
    return []


@pytest.fixture
def exchange(babbles: list[int]) -> Exchange:
    return Exchange(Mbap(), 5.0, lambda: babbles.append(1))


def reply(sent: bytes, pdu: bytes = PDU) -> bytes:
    return sent[:4] + struct.pack(">HB", len(pdu) + 1, sent[6]) + pdu


async def test_the_question_is_what_the_protocol_says_and_its_answer_comes_back(exchange: Exchange) -> None:
    wire = Wire()
    wire.answer = lambda sent: exchange.received(reply(sent))
    assert await exchange.ask(wire, REQUEST, 2) == PDU
    assert wire.sent == [bytes.fromhex("0001 0000 0006 07 03 0064 0001")]
    assert exchange.noises() == []


async def test_an_answer_in_pieces_is_put_together(exchange: Exchange) -> None:
    def answer(sent: bytes) -> None:
        for byte in reply(sent):
            exchange.received(bytes([byte]))

    wire = Wire()
    wire.answer = answer
    assert await exchange.ask(wire, REQUEST, 2) == PDU


async def test_no_answer_in_time_is_none_and_its_lateness_is_a_stray_to_the_next(exchange: Exchange) -> None:
    impatient, wire = Exchange(Mbap(), 0.001, lambda: None), Wire()
    assert await impatient.ask(wire, REQUEST, 2) is None
    late = reply(wire.sent[0], b"\x03\x02\xff\xff")
    wire.answer = lambda sent: impatient.received(late + reply(sent))
    assert await impatient.ask(wire, REQUEST, 2) == PDU
    assert impatient.noises() == [Noise.STRAY]


async def test_what_comes_while_nobody_asks_is_dropped(exchange: Exchange) -> None:
    wire = Wire()
    wire.answer = lambda sent: exchange.received(reply(sent))
    await exchange.ask(wire, REQUEST, 2)
    exchange.received(reply(wire.sent[0]) + b"\0\1")
    assert await exchange.ask(wire, REQUEST, 2) == PDU
    assert exchange.noises() == []


async def test_an_end_of_the_connection_ends_the_wait(exchange: Exchange) -> None:
    wire = Wire()
    wire.answer = lambda _: exchange.end()
    assert await exchange.ask(wire, REQUEST, 2) is None


async def test_a_cancelled_question_leaves_nothing_to_the_next(exchange: Exchange) -> None:
    wire = Wire()
    async with asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(exchange.ask(wire, REQUEST, 2))
        await asyncio.sleep(0)
        asking.cancel()
    wire.answer = lambda sent: exchange.received(reply(wire.sent[0], b"\x03\x02\xff\xff") + reply(sent))
    assert await exchange.ask(wire, REQUEST, 2) == PDU


async def test_a_stream_out_of_step_is_told(exchange: Exchange, babbles: list[int]) -> None:
    wire = Wire()

    def babble(_: bytes) -> None:
        exchange.received(b"GET / HTTP/1.1\r\n")
        exchange.end()

    wire.answer = babble
    assert await exchange.ask(wire, REQUEST, 2) is None
    assert babbles == [1]
    assert exchange.noises() == [Noise.BABBLE]


async def test_a_line_that_never_stops_is_held_in_bounds_and_told() -> None:
    exchange, wire = Exchange(Rtu(), 5.0, lambda: None), Wire()

    def flood(_: bytes) -> None:
        for _ in range(100):
            exchange.received(b"\xff" * 100)
        exchange.end()

    wire.answer = flood
    assert await exchange.ask(wire, REQUEST, 2) is None
    assert exchange.noises().count(Noise.CHECKSUM) == 10, "told with each thousand bytes, which are held no longer"
