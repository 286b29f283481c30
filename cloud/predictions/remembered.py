"""Owns answers that were computed already, each under what was asked and the state of what it was computed from."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from prometheus_client import Counter

Answer = TypeVar("Answer")


class Remembered(Generic[Answer]):
    """A process's own: so many answers at most, the one longest unused goes first."""

    def __init__(self, asked: Counter, what: str, most: int) -> None:
        """Begin empty.

        Args:
            asked: Counts by `what` and by `kind`: known, or computed.
            what: Is remembered.
            most: How many are kept.
        """
        self._what = what
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._asked = asked
        self._most = most

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._answers)

    def get(self, key: Hashable) -> Answer | None:
        """Return the answer of a key, None where it is not known."""
        found = self._answers.get(key)
        self._asked.labels(self._what, "computed" if found is None else "known").inc()
        if found is not None:
            self._answers.move_to_end(key)
        return found

    def peek(self, key: Hashable) -> Answer | None:
        """Return the same for one that asks again, which is counted once."""
        return self._answers.get(key)

    def put(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer."""
        self._answers[key] = answer
        self._answers.move_to_end(key)
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)

    def forget(self) -> None:
        """Keep nothing."""
        self._answers.clear()
