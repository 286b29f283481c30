"""What an answer amounts to: data, or the status that says why there is none; pure.

Status codes of bad readings: 1..255 are the device's exception codes (Modbus Application Protocol V1.1b3, 7),
from 0x100 on they are this driver's.
"""

from dataclasses import dataclass
from enum import IntEnum


class Status(IntEnum):
    """Why a point has no value; 0 is that it has one."""

    OK = 0
    ILLEGAL_FUNCTION = 0x01
    ILLEGAL_ADDRESS = 0x02
    ILLEGAL_VALUE = 0x03
    DEVICE_FAILURE = 0x04
    ACKNOWLEDGE = 0x05
    DEVICE_BUSY = 0x06
    NEGATIVE_ACKNOWLEDGE = 0x07
    MEMORY_PARITY_ERROR = 0x08
    GATEWAY_PATH_UNAVAILABLE = 0x0A
    GATEWAY_NO_RESPONSE = 0x0B
    TIMEOUT = 0x100
    SHORT_ANSWER = 0x101
    ALIEN_ANSWER = 0x102
    # no answer, but something else came on the line while it was awaited
    STRAY_ANSWER = 0x103
    CHECKSUM = 0x104
    TRUNCATED = 0x105
    ECHO_ONLY = 0x106


# the unit itself did not answer, whatever was asked of it
UNANSWERED = frozenset(
    {
        Status.TIMEOUT,
        Status.GATEWAY_PATH_UNAVAILABLE,
        Status.GATEWAY_NO_RESPONSE,
        Status.STRAY_ANSWER,
        Status.CHECKSUM,
        Status.TRUNCATED,
        Status.ECHO_ONLY,
    }
)
# the unit answered, and would perhaps answer a smaller block; 3 is how some refuse a count
DIVISIBLE = frozenset({Status.ILLEGAL_ADDRESS, Status.ILLEGAL_VALUE, Status.SHORT_ANSWER})


@dataclass(frozen=True, slots=True)
class Answer:
    """A response as it came.

    Attributes:
        function: Its function code, with the top bit set in an exception.
        exception: The exception's code, 0 if it is none.
        announced: How many bytes it says it brings.
        data: The bytes it brings.
    """

    function: int
    exception: int = 0
    announced: int = 0
    data: bytes = b""

    @classmethod
    def read(cls, pdu: bytes) -> "Answer":
        """Take a response apart, from its function code on; whatever it is, `status_of` judges it."""
        if pdu[0] & 0x80:
            return cls(pdu[0], exception=pdu[1] if len(pdu) > 1 else 0)
        return cls(pdu[0], announced=pdu[1] if len(pdu) > 1 else 0, data=pdu[2:])


# what an engineer should look at, given what came instead of an answer
_CAME_INSTEAD = {
    Status.STRAY_ANSWER: "what came was for another request or from another unit; is there a second master on the "
    "line, or is `timeout` shorter than the device needs?",
    Status.CHECKSUM: "what came does not check; look at baud, parity, termination and shielding of the line",
    Status.TRUNCATED: "what came broke off; look at the line, and give `timeout` more time",
    Status.ECHO_ONLY: "only the request's own echo came; check `unit`, the device's supply, and A and B of the line",
}


def status_of(answer: Answer | Status, function: int, size: int) -> int:
    """Judge an answer.

    Args:
        answer: The response, or why none came in time.
        function: What was asked.
        size: How many bytes a whole answer has.

    Returns:
        A `Status`, or an exception code that has no name here.
    """
    if isinstance(answer, Status):
        return answer
    if answer.function & 0x7F != function:
        return Status.ALIEN_ANSWER
    if answer.function & 0x80:
        # an exception without a code still is one
        return answer.exception or Status.DEVICE_FAILURE
    if answer.announced != len(answer.data) or len(answer.data) > size:
        return Status.ALIEN_ANSWER
    return Status.SHORT_ANSWER if len(answer.data) < size else Status.OK


def explain(name: str, status: int, answer: Answer | Status, function: int, size: int) -> str:
    """Say for people why a block cannot be read, and what to look at; arguments as for `status_of`."""
    if isinstance(answer, Status):
        if answer in _CAME_INSTEAD:
            return f"{name} is not answered: {_CAME_INSTEAD[answer]}"
        return f"{name} is not answered, while its unit answers others; check the number, or set read.max_gap: 0"
    came = f"function {answer.function}, {_amount(len(answer.data), function)}"
    match status:
        case Status.SHORT_ANSWER:
            expected_amount = size if function <= 2 else size // 2
            return f"{name} answered {_amount(len(answer.data), function)}, {expected_amount} expected; check `type`"
        case Status.ALIEN_ANSWER:
            expected = f"function {function}, {_amount(size, function)}"
            return f"{name} answered {came}; expected {expected}; check `unit`, and what else uses the line"
        case Status.ILLEGAL_ADDRESS | Status.ILLEGAL_VALUE:
            return f"{name} is refused ({_word(status)}); check the number, `type` and address_base"
        case _:
            return f"{name} is refused ({_word(status)}); look at the device"


def _amount(size: int, function: int) -> str:
    amount, word = (size, "byte") if function <= 2 else (size // 2, "word")
    return f"{amount} {word}" if amount == 1 else f"{amount} {word}s"


def _word(status: int) -> str:
    known = status in set(Status)
    return f"exception {status}, {Status(status).name.lower().replace('_', ' ')}" if known else f"exception {status}"
