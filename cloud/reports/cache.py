"""Owns answers that were computed already: each under what was asked and which state of the data it is of."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter

Answer = TypeVar("Answer")

# a dashboard of 200 machines and 31 days is some 400 KB
MOST = 64


class Cache(Generic[Answer]):
    """A process's own; an answer is good as long as its key, so nothing in it is ever out of date."""

    def __init__(self, registry: CollectorRegistry, most: int = MOST) -> None:
        """Begin empty.

        Args:
            registry: Where its figures are counted.
            most: How many answers are kept; the one longest unused goes first.
        """
        self._answers: OrderedDict[Hashable, Answer] = OrderedDict()
        self._most = most
        self._asked = Counter(
            "tezgah_analytics_answers_total",
            "Dashboards and trends answered: computed, or known already.",
            ["kind"],
            registry=registry,
        )

    async def get(self, key: Hashable, compute: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the answer of a key, computed if it is not known.

        Args:
            key: What was asked, by whom it may be seen, and the revision of the data.
            compute: Two who ask at once may both compute; the answers are equal.
        """
        if key in self._answers:
            self._answers.move_to_end(key)
            self._asked.labels("known").inc()
            return self._answers[key]
        found = await compute()
        self._asked.labels("computed").inc()
        self._answers[key] = found
        if len(self._answers) > self._most:
            self._answers.popitem(last=False)
        return found
