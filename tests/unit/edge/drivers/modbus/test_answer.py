"""An answer is taken for what it is, and said so."""

import pytest

from edge.drivers.modbus.answer import Answer, Status, explain, status_of

# two registers asked of table 3: four bytes expected
GOOD = Answer(3, announced=4, data=b"\0\1\0\2")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (GOOD, Status.OK),
        (Status.TIMEOUT, Status.TIMEOUT),
        (Answer(0x83, exception=2), Status.ILLEGAL_ADDRESS),
        (Answer(0x83, exception=0x0B), Status.GATEWAY_NO_RESPONSE),
        (Answer(0x83, exception=0x55), 0x55),
        (Answer(0x83), Status.DEVICE_FAILURE),
        (Answer(3, announced=2, data=b"\0\1"), Status.SHORT_ANSWER),
        (Answer(3), Status.SHORT_ANSWER),
        (Answer(3, announced=6, data=b"\0\1\0\2\0\3"), Status.ALIEN_ANSWER),
        (Answer(3, announced=4, data=b"\0\1\0"), Status.ALIEN_ANSWER),
        (Answer(3, announced=2, data=b"\0\1\0\2"), Status.ALIEN_ANSWER),
        (Answer(4, announced=4, data=b"\0\1\0\2"), Status.ALIEN_ANSWER),
        (Answer(0x84, exception=2), Status.ALIEN_ANSWER),
    ],
)
def test_an_answer_is_good_only_if_it_is_whole_and_ours(answer: Answer | Status, status: int) -> None:
    assert status_of(answer, 3, 4) == status


def test_the_drivers_own_codes_are_beyond_every_exception_code() -> None:
    own = {status for status in Status if status.value >= Status.TIMEOUT}
    assert {Status.SHORT_ANSWER, Status.ALIEN_ANSWER, Status.CHECKSUM} < own
    assert all(status <= 0xFF for status in set(Status) - own)


@pytest.mark.parametrize(
    ("status", "answer", "sentence"),
    [
        (
            Status.SHORT_ANSWER,
            Answer(3, announced=4, data=bytes(4)),
            "press-3.power: holding 40 answered 2 words, 4 expected; check `type`",
        ),
        (
            Status.ALIEN_ANSWER,
            Answer(4, announced=2, data=bytes(2)),
            (
                "press-3.power: holding 40 answered function 4, 1 word; expected function 3, 4 words; "
                "check `unit`, and what else uses the line"
            ),
        ),
        (
            Status.ILLEGAL_ADDRESS,
            Answer(0x83, exception=2),
            (
                "press-3.power: holding 40 is refused (exception 2, illegal address); "
                "check the number, `type` and address_base"
            ),
        ),
        (0x55, Answer(0x83, exception=0x55), "press-3.power: holding 40 is refused (exception 85); look at the device"),
        (
            Status.TIMEOUT,
            Status.TIMEOUT,
            (
                "press-3.power: holding 40 is not answered, while its unit answers others; "
                "check the number, or set read.max_gap: 0"
            ),
        ),
    ],
)
def test_trouble_is_told_with_the_thing_the_value_and_the_next_step(
    status: int, answer: Answer | Status, sentence: str
) -> None:
    assert explain("press-3.power: holding 40", status, answer, 3, 8) == sentence
