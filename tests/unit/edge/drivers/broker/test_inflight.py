"""Copies and readings told apart: what the broker sends again while somebody holds its receipt is no new reading."""

from collections.abc import Sequence

from edge.drivers.broker.inflight import InFlight
from edge.drivers.broker.packets import Message


def arrive(mids: Sequence[int], payload: bytes = b"1") -> list[Message]:
    return [Message("t", payload, 0, mid, is_retained=False) for mid in mids]


def again(flight: InFlight, mid: int, payload: bytes = b"1", *, is_dup: bool = True) -> Message | None:
    return flight.recognise(Message("t", payload, 0, mid, is_retained=False, is_dup=is_dup))


def test_what_is_on_disk_is_acknowledged_in_the_order_of_arrival() -> None:
    flight = InFlight()
    first, second = flight.hand_over(arrive([7, 8])), flight.hand_over(arrive([3]))
    assert flight.settle([first, second]) == [7, 8, 3]
    assert flight.settle([first]) == [], "a second PUBACK could be taken for that of another message"


def test_after_a_loss_nothing_may_be_acknowledged_until_its_copy_is_here() -> None:
    flight = InFlight()
    messages = arrive([1, 2])
    receipt = flight.hand_over(messages)
    flight.lose_connection(())
    assert again(flight, 1) is messages[0]
    assert flight.settle([receipt]) == [1], "2 has not come again: its identifier may mean another message by now"
    late = again(flight, 2)
    assert late is messages[1]
    assert late.is_committed, "it is on disk, so its copy wants a PUBACK at once"


def test_a_copy_comes_but_once() -> None:
    flight = InFlight()
    receipt = flight.hand_over(arrive([1]))
    flight.lose_connection(())
    assert again(flight, 1) is not None
    assert again(flight, 1) is None
    flight.lose_connection(())
    assert again(flight, 1) is not None, "still unacknowledged, so it may come again"
    assert flight.settle([receipt]) == [1]


def test_what_was_acknowledged_is_a_new_reading_when_its_number_comes_again() -> None:
    flight = InFlight()
    flight.settle([flight.hand_over(arrive([1]))])
    flight.lose_connection(())
    assert again(flight, 1) is None


def test_another_content_or_a_first_delivery_is_a_new_reading() -> None:
    flight = InFlight()
    receipt = flight.hand_over(arrive([1, 2]))
    flight.lose_connection(())
    assert again(flight, 1, b"2") is None
    assert again(flight, 2, is_dup=False) is None
    assert flight.settle([receipt]) == [], "their identifiers now mean other messages"


def test_a_copy_without_its_mark_is_known_until_something_new_has_come() -> None:
    flight = InFlight()
    receipt = flight.hand_over(arrive([1, 2, 3]))
    flight.lose_connection(())
    assert again(flight, 1, is_dup=False) is not None
    assert flight.recognise(Message("kept", b"1", 0, 9, is_retained=True)) is None, "comes with the subscription"
    assert again(flight, 2, is_dup=False) is not None
    assert again(flight, 10, is_dup=False) is None
    assert again(flight, 3, is_dup=False) is None, "copies come first: this is another message"
    assert flight.settle([receipt]) == [1, 2]
    flight.lose_connection(())
    assert again(flight, 3, is_dup=False) is None, "nobody holds what was told as another message"


def test_a_sample_that_was_thrown_away_is_read_again() -> None:
    flight = InFlight()
    receipt = flight.hand_over(arrive([1]))
    flight.lose_connection(())
    del receipt
    assert again(flight, 1) is None


def test_what_was_read_and_never_taken_counts_while_it_waits() -> None:
    flight = InFlight()
    waiting = arrive([1, 0])
    flight.lose_connection(waiting)
    assert again(flight, 1) is waiting[0]
    assert flight.settle([flight.hand_over(waiting[:1])]) == [1]
    assert again(flight, 0) is None, "QoS 0 has no identifier"


def test_a_new_session_of_the_broker_has_nothing_of_the_old() -> None:
    flight = InFlight()
    receipt = flight.hand_over(arrive([1, 2]))
    flight.lose_connection(())
    flight.forget()
    assert again(flight, 1) is None
    assert flight.settle([receipt]) == []
    flight.lose_connection(())
    assert again(flight, 2) is None
