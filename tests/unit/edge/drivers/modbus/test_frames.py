"""The answer is found in whatever comes, and what came instead of it is told."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.modbus.answer import Status
from edge.drivers.modbus.frames import Ascii, Framing, Mbap, Noise, Question, Rtu, crc16, lrc, verdict

ASKED = bytes([3, 0, 40, 0, 2])
ANSWER = bytes([3, 4, 1, 2, 3, 4])
REFUSAL = bytes([0x83, 2])
FRAMINGS = [Mbap(), Rtu(), Ascii()]
SERIAL = FRAMINGS[1:]


def question(framing: Framing, unit: int = 7) -> Question:
    return Question(unit, 99, 3, 4, framing.frame(unit, 99, ASKED))


def test_the_checks_are_those_of_the_standard() -> None:
    # the answer of 6.2.2's example, and a frame that many manuals print
    assert crc16(b"\x02\x07") == b"\x41\x12"
    assert Rtu().frame(1, 0, b"\x03\x00\x00\x00\x0a") == bytes.fromhex("01030000000ac5cd")
    assert lrc(b"\x11\x03\x00\x6b\x00\x03") == b"\x7e"
    assert Ascii().frame(0x11, 0, b"\x03\x00\x6b\x00\x03") == b":1103006B00037E\r\n"
    assert Mbap().frame(0x11, 1, b"\x03\x00\x6b\x00\x03") == bytes.fromhex("000100000006110300 6b0003")


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("pdu", [ANSWER, REFUSAL, bytes([3, 2, 1, 2])])
def test_an_answer_is_taken_whole_whenever_its_last_byte_comes(framing: Framing, pdu: bytes) -> None:
    ask, frame = question(framing), framing.frame(7, 99, pdu)
    for end in range(len(frame)):
        taken = framing.take(frame[:end], ask)
        assert (taken.pdu, list(taken.noises)) == (None, [])
        assert list(framing.left(frame[taken.used : end], ask)) == ([Noise.TRUNCATED] if end else [])
    taken = framing.take(frame, ask)
    assert (taken.pdu, taken.used, list(taken.noises)) == (pdu, len(frame), [])


@pytest.mark.parametrize("framing", FRAMINGS)
def test_another_units_answer_is_passed_over(framing: Framing) -> None:
    ask = question(framing)
    strange = framing.frame(8, 99, ANSWER)
    taken = framing.take(strange, ask)
    assert taken.pdu is None
    assert [*taken.noises, *framing.left(strange[taken.used :], ask)] == [Noise.STRAY]
    behind = framing.take(strange + framing.frame(7, 99, ANSWER), ask)
    assert (behind.pdu, list(behind.noises)) == (ANSWER, [Noise.STRAY])


def test_an_answer_to_another_request_is_passed_over() -> None:
    framing = Mbap()
    taken = framing.take(framing.frame(7, 98, ANSWER) + framing.frame(7, 99, REFUSAL), question(framing))
    assert (taken.pdu, taken.noises) == (REFUSAL, [Noise.STRAY])


@pytest.mark.parametrize("framing", FRAMINGS)
def test_unit_0_is_answered_by_anybody_on_a_connection(framing: Framing) -> None:
    assert framing.take(framing.frame(9, 99, ANSWER), question(framing, unit=0)).pdu == ANSWER


@pytest.mark.parametrize("framing", SERIAL)
def test_an_echo_is_told_and_the_answer_behind_it_found(framing: Framing) -> None:
    ask = question(framing)
    taken = framing.take(ask.sent, ask)
    assert taken.pdu is None
    assert [*taken.noises, *framing.left(ask.sent[taken.used :], ask)] == [Noise.ECHO]
    behind = framing.take(ask.sent + framing.frame(7, 99, ANSWER), ask)
    assert (behind.pdu, list(behind.noises)) == (ANSWER, [Noise.ECHO])


def test_an_echo_that_looks_like_an_answer_is_none() -> None:
    """A request for register 0x0300 is, byte for byte, a valid answer of three bytes."""
    framing = Rtu()
    ask = Question(7, 0, 3, 4, framing.frame(7, 0, bytes([3, 3, 0, 0, 2])))
    assert framing.take(ask.sent, ask).pdu is None
    assert framing.take(ask.sent + framing.frame(7, 0, ANSWER), ask).pdu == ANSWER


def test_an_answer_that_looks_like_an_echo_is_one() -> None:
    framing = Rtu()
    ask = Question(7, 0, 1, 3, framing.frame(7, 0, bytes([1, 3, 0, 0, 20])))
    assert framing.take(ask.sent, ask).pdu == bytes([1, 3, 0, 0, 20])


@pytest.mark.parametrize("framing", SERIAL)
def test_a_frame_that_does_not_check_is_told(framing: Framing) -> None:
    ask, frame = question(framing), bytearray(framing.frame(7, 99, ANSWER))
    frame[6] ^= 1
    taken = framing.take(bytes(frame), ask)
    assert taken.pdu is None
    assert [*taken.noises, *framing.left(bytes(frame)[taken.used :], ask)] == [Noise.CHECKSUM]


@given(st.binary(max_size=40), st.sampled_from(SERIAL), st.integers(0, 60))
def test_noise_before_the_answer_does_not_hide_it(noise: bytes, framing: Framing, cut: int) -> None:
    ask, whole = question(framing), noise.replace(b":", b"") + framing.frame(7, 99, ANSWER)
    used = 0
    for end in sorted({min(cut, len(whole)), len(whole)}):
        taken = framing.take(whole[used:end], ask)
        used += taken.used
        if taken.pdu is not None:
            break
    assert taken.pdu == ANSWER


@given(st.binary(max_size=300), st.sampled_from(FRAMINGS))
def test_no_bytes_whatever_break_a_framing(data: bytes, framing: Framing) -> None:
    ask = question(framing)
    taken = framing.take(data, ask)
    assert 0 <= taken.used <= len(data)
    assert all(noise in Noise for noise in framing.left(data[taken.used :], ask))


def test_bytes_that_are_no_header_are_babble() -> None:
    framing = Mbap()
    for header in (b"\0\x63\0\1\0\6\7", b"\0\x63\0\0\0\1\7", b"\0\x63\0\0\1\0\7"):
        taken = framing.take(header + ANSWER, question(framing))
        assert (taken.pdu, list(taken.noises)) == (None, [Noise.BABBLE])
        assert taken.used == len(header + ANSWER)


def test_the_worst_sign_is_the_verdict() -> None:
    assert verdict([]) is Status.TIMEOUT
    assert verdict([Noise.ECHO]) is Status.ECHO_ONLY
    for one, other in itertools.pairwise([Noise.CHECKSUM, Noise.TRUNCATED, Noise.STRAY, Noise.ECHO]):
        assert verdict([other, one]) is verdict([one])
