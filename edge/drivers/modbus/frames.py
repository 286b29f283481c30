"""How a request and its answer travel: in an MBAP header (TCP, TLS), as RTU, or as ASCII; pure.

A framing is asked with everything that has come since the request went out. It finds the answer wherever it stands in
that (behind an echo, behind another unit's words, behind noise), so a disturbed line is in step again with the next
request. What stands before the answer, or instead of it, is told as a `Noise` each, to be counted; `verdict` says what
it amounts to where no answer came.

Sources: Modbus Messaging on TCP/IP V1.0b, 3.1.3; Modbus over Serial Line V1.02, 2.5; Modbus/TCP Security v21, 4.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from edge.drivers.modbus.answer import Status

# unit, function, two bytes of data, check: the shortest frame of RTU is 5 bytes, an exception
_SHORTEST_RTU = 5
_REPLY = struct.Struct(">HHHB")
# the protocol's largest message behind a unit identifier
_LARGEST = 253


class Noise(StrEnum):
    """Something on the line that is not the answer."""

    ECHO = "echo"
    STRAY = "stray"
    CHECKSUM = "checksum"
    TRUNCATED = "truncated"
    BABBLE = "babble"


@dataclass(frozen=True, slots=True)
class Question:
    """What was sent, and so what an answer to it looks like.

    Attributes:
        unit: Who is asked; 0 takes an answer of any.
        transaction: The number of the request, for framings that carry one.
        function: What is asked.
        size: How many bytes of data a whole answer brings.
        sent: The frame as it went out.
    """

    unit: int
    transaction: int
    function: int
    size: int
    sent: bytes = b""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a framing made of the bytes so far.

    Attributes:
        pdu: The answer, from its function code on; None if it is not there yet.
        used: How many bytes need not be shown again.
        noises: What was found beside the answer; told once, as the bytes they stand for are among those used.
    """

    pdu: bytes | None = None
    used: int = 0
    noises: Sequence[Noise] = ()


class Framing(Protocol):
    """One way to put a message on a line."""

    def frame(self, unit: int, transaction: int, pdu: bytes) -> bytes:
        """Return the bytes to send."""
        ...

    def take(self, data: bytes, question: Question) -> Taken:
        """Look for the answer in all that came and was not used yet."""
        ...

    def left(self, data: bytes, question: Question) -> Sequence[Noise]:
        """Say what these unused bytes are, now that no more will come; nothing for no bytes."""
        ...


def verdict(noises: Sequence[Noise]) -> Status:
    """Return why there is no answer, given all that came instead; the worst sign of a fault on the line goes first."""
    for noise, status in (
        (Noise.CHECKSUM, Status.CHECKSUM),
        (Noise.TRUNCATED, Status.TRUNCATED),
        (Noise.STRAY, Status.STRAY_ANSWER),
        (Noise.BABBLE, Status.CHECKSUM),
        (Noise.ECHO, Status.ECHO_ONLY),
    ):
        if noise in noises:
            return status
    return Status.TIMEOUT


class Mbap:
    """Frames with a header that bears number and length: they cannot be mistaken, but a lost byte is the end."""

    def frame(self, unit: int, transaction: int, pdu: bytes) -> bytes:
        """Return the bytes to send."""
        return _REPLY.pack(transaction, 0, len(pdu) + 1, unit) + pdu

    def take(self, data: bytes, question: Question) -> Taken:
        """Look for the answer; bytes that are no header are babble, after which the stream is of no more use."""
        used = 0
        noises: list[Noise] = []
        while len(data) - used >= _REPLY.size:
            transaction, protocol, length, unit = _REPLY.unpack_from(data, used)
            if protocol or not 2 <= length <= _LARGEST + 1:
                return Taken(None, len(data), [*noises, Noise.BABBLE])
            end = used + 6 + length
            if len(data) < end:
                break
            if transaction == question.transaction and question.unit in {0, unit}:
                return Taken(data[used + 7 : end], end, noises)
            noises.append(Noise.STRAY)
            used = end
        return Taken(None, used, noises)

    def left(self, data: bytes, question: Question) -> Sequence[Noise]:  # noqa: ARG002 - a header says it all
        """Say what an unfinished frame is."""
        return [Noise.TRUNCATED] if data else []


class Rtu:
    """Frames without a mark, told by their check alone: the answer is the stretch of bytes that checks and fits."""

    def frame(self, unit: int, transaction: int, pdu: bytes) -> bytes:  # noqa: ARG002 - RTU numbers nothing
        """Return the bytes to send."""
        frame = bytes([unit]) + pdu
        return frame + crc16(frame)

    def take(self, data: bytes, question: Question) -> Taken:
        """Look for the answer, at every place where it could begin."""
        at = 0
        # a frame that brings just what was asked is never an echo, which may look like an answer of another length
        if not _is_whole(data, question) and question.sent and data.startswith(question.sent):
            at = len(question.sent)
        for begin in range(at, len(data) - _SHORTEST_RTU + 1):
            end = begin + _rtu_size(data, begin, question)
            if begin < end <= len(data) and crc16(data[begin : end - 2]) == data[end - 2 : end]:
                return Taken(data[begin + 1 : end - 2], len(data), self._before(data[:begin], question))
        return Taken()

    def left(self, data: bytes, question: Question) -> Sequence[Noise]:
        """Say what came instead of an answer."""
        if not data:
            return []
        if question.sent and data.startswith(question.sent):
            return [Noise.ECHO, *self.left(data[len(question.sent) :], question)]
        if len(data) >= _SHORTEST_RTU and crc16(data[:-2]) == data[-2:]:
            return [Noise.STRAY]
        expected = _rtu_size(data, 0, question)
        if expected:
            return [Noise.TRUNCATED if len(data) < expected else Noise.CHECKSUM]
        return [Noise.TRUNCATED if len(data) < _SHORTEST_RTU else Noise.CHECKSUM]

    def _before(self, data: bytes, question: Question) -> Sequence[Noise]:
        """Say what stood before the answer; what checks there belongs to somebody, the rest is noise."""
        noises = self.left(data, question)
        return [Noise.BABBLE if noise in {Noise.TRUNCATED, Noise.CHECKSUM} else noise for noise in noises]


class Ascii:
    """Frames between a colon and a line's end, two digits a byte."""

    def frame(self, unit: int, transaction: int, pdu: bytes) -> bytes:  # noqa: ARG002 - ASCII numbers nothing
        """Return the bytes to send."""
        frame = bytes([unit]) + pdu
        return b":" + (frame + lrc(frame)).hex().upper().encode() + b"\r\n"

    def take(self, data: bytes, question: Question) -> Taken:
        """Look for the answer, frame by frame; what stands before a colon is noise."""
        used = 0
        noises: list[Noise] = []
        while (end := data.find(b"\r\n", used)) >= 0:
            colon = data.rfind(b":", used, end)
            if colon != used:
                noises.append(Noise.BABBLE)
            message = _from_hex(data[colon + 1 : end]) if colon >= 0 else b""
            begin, used = used, end + 2
            if data[begin:used] == question.sent:
                noises.append(Noise.ECHO)
            elif message is None:
                noises.append(Noise.CHECKSUM)
            elif message and question.unit in {0, message[0]}:
                return Taken(message[1:], used, noises)
            elif message:
                noises.append(Noise.STRAY)
        return Taken(None, used, noises)

    def left(self, data: bytes, question: Question) -> Sequence[Noise]:  # noqa: ARG002 - frames are marked
        """Say what an unfinished frame is."""
        return [Noise.TRUNCATED] if data else []


def crc16(data: bytes) -> bytes:
    """Return the check of an RTU frame, low byte first (Modbus over Serial Line V1.02, 6.2.2)."""
    crc = 0xFFFF
    for byte in data:
        crc = (crc >> 8) ^ _CRC[(crc ^ byte) & 0xFF]
    return crc.to_bytes(2, "little")


def lrc(data: bytes) -> bytes:
    """Return the check of an ASCII frame: what makes the sum of all bytes 0 (Modbus over Serial Line V1.02, 6.2.1)."""
    return bytes([-sum(data) & 0xFF])


def _crc_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0xA001 if byte & 1 else 0)
    return byte


_CRC = [_crc_of(byte) for byte in range(256)]


def _rtu_size(data: bytes, begin: int, question: Question) -> int:
    """Return the length of the frame that would begin here, 0 if none of an answer does."""
    if len(data) - begin < 3 or (question.unit and data[begin] != question.unit):
        return 0
    if data[begin + 1] == question.function:
        return data[begin + 2] + 5
    # an exception; of another function too, as a unit may refuse what it did not understand
    return 5 if data[begin + 1] & 0x80 else 0


def _is_whole(data: bytes, question: Question) -> bool:
    """Tell whether the bytes begin with an answer of just the length that was asked for."""
    size = question.size + 5
    return (
        _rtu_size(data, 0, question) == size
        and data[1] == question.function
        and len(data) >= size
        and crc16(data[: size - 2]) == data[size - 2 : size]
    )


def _from_hex(digits: bytes) -> bytes | None:
    """Return what an ASCII frame says, without its check; None if it does not check."""
    try:
        message = bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None
    return message[:-1] if len(message) >= 3 and not sum(message) & 0xFF else None
