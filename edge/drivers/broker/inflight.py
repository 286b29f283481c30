"""Messages of QoS 1 between their arrival and their PUBACK, across connections of one broker session; pure.

A broker sends every message that was not acknowledged again when a connection is resumed (MQTT 3.1.1,
4.4), marked DUP, under its old packet identifier. As long as this process lives it can tell such a copy
from a new reading: somebody still holds the receipt of the first arrival. References are weak on
purpose: a sample that was thrown away takes its messages with it, and the copy then counts as new.

Not every broker marks its copies (Aedes 0.51 does not, against 3.3.1.1). An identifier that was not acknowledged may
mean no other message (2.3.1), so an unmarked copy is known as well, as long as nothing but copies has come: what is
sent again comes first. Later an unmarked one is new: the broker may have let go of what it had in flight, as some do
with messages that expire, and have given the identifier to another.
"""

import weakref
from collections.abc import Iterable, Sequence
from itertools import chain

from edge.drivers.broker.packets import Message


class Receipt:
    """What a sample's acknowledgement acknowledges: its messages of QoS 1, in order of arrival."""

    __slots__ = ("__weakref__", "messages")

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages


class InFlight:
    """Which messages the station was given and has not acknowledged yet."""

    def __init__(self) -> None:
        self._receipts: weakref.WeakSet[Receipt] = weakref.WeakSet()
        # what a new connection may bring again, by packet identifier
        self._expected: weakref.WeakValueDictionary[int, Message] = weakref.WeakValueDictionary()
        # those of them that are on disk, whose receipts nobody holds any more
        self._committed: dict[int, Message] = {}
        # nothing new has come since the connection was resumed
        self._only_copies = False

    def hand_over(self, messages: Sequence[Message]) -> Receipt:
        """Make the receipt of messages that are about to be given to the station."""
        receipt = Receipt(messages)
        self._receipts.add(receipt)
        return receipt

    def settle(self, receipts: Iterable[Receipt]) -> list[int]:
        """Take note that messages are on disk; return the packet identifiers to acknowledge now, in order."""
        mids: list[int] = []
        for receipt in receipts:
            self._receipts.discard(receipt)
            for message in receipt.messages:
                if message.is_here:
                    # once only: the broker may use the identifier for another message now
                    message.is_here = False
                    mids.append(message.mid)
                elif self._expected.get(message.mid) is message:
                    message.is_committed = True
                    self._committed[message.mid] = message
        return mids

    def recognise(self, arrival: Message) -> Message | None:
        """Return the message of which this arrival is a copy, or None if it is a new one.

        A copy that `is_committed` wants its PUBACK at once; another one gets it with its receipt.
        """
        if not self._expected:
            return None
        known = self._expected.pop(arrival.mid, None)
        self._committed.pop(arrival.mid, None)
        may_be = arrival.is_dup or (self._only_copies and not arrival.is_retained)
        # the content is compared because a broker restored from a backup may number its messages anew
        if known is None or not may_be or (known.topic, known.payload) != (arrival.topic, arrival.payload):
            # a retained message comes with the subscription, in between
            self._only_copies &= arrival.is_retained
            return None
        known.is_here = True
        return known

    def lose_connection(self, waiting: Iterable[Message]) -> None:
        """Expect copies of everything that was given out, or is `waiting` to be, and was not acknowledged."""
        self._only_copies = True
        given = (message for receipt in self._receipts for message in receipt.messages)
        for message in chain(given, waiting):
            if message.mid:
                message.is_here = False
                self._expected[message.mid] = message

    def forget(self) -> None:
        """The broker's session is a new one: its packet identifiers mean other messages."""
        self._receipts.clear()
        self._expected.clear()
        self._committed.clear()
