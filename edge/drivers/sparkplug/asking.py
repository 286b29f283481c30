"""Which nodes are to be asked for their birth, and when: each now and then, and never all at once; pure."""

from edge.drivers.sparkplug.nodes import Source


class Asking:
    """Nodes that were not understood, with the time at which each may be asked; times are monotonic seconds."""

    def __init__(self, every_s: float, pace_s: float) -> None:
        """Ask a node at most once in `every_s`, and any at most once in `pace_s`."""
        self._every_s = every_s
        self._pace_s = pace_s
        self._wanted: dict[Source, float] = {}
        self._asked: dict[Source, float] = {}
        self._next_s = 0.0

    def want(self, node: Source, now_s: float) -> None:
        """A node's birth is needed."""
        self._wanted.setdefault(node, max(now_s, self._asked.get(node, now_s - self._every_s) + self._every_s))

    def born(self, node: Source) -> None:
        """It came; the node may still not be asked again before its time."""
        self._wanted.pop(node, None)

    def forget(self) -> None:
        """The session ended."""
        self._wanted.clear()

    def due(self, now_s: float) -> Source | None:
        """Return a node that is to be asked now, the one that waits longest; it stays wanted until it is born."""
        if not self._wanted or now_s < self._next_s:
            return None
        node, at_s = min(self._wanted.items(), key=lambda item: item[1])
        if at_s > now_s:
            return None
        self._wanted[node] = now_s + self._every_s
        self._asked[node] = now_s
        self._next_s = now_s + self._pace_s
        return node

    def due_in_s(self, now_s: float) -> float | None:
        """Return after how many seconds `due` will have a node; None if none is wanted."""
        if not self._wanted:
            return None
        return max(min(self._wanted.values()), self._next_s, now_s) - now_s
