"""How large a batch may be, so that a request takes a few seconds on the line as it is; pure.

A batch is sealed once and sent as it is, so its size is decided when it is sealed, by how the last ones went. On a fast
line that is the largest there is. What counts is the time on the line: how long the cloud took to store a batch it says
itself (`Server-Timing`), and that is no reason to send it more and smaller ones.
"""

# 50,000 readings are the most that are worth it (edge.buffer.sealing)
MOST_ROWS = 50_000
# before anything is known of the line, and no reason any more to call it thin
USUAL_ROWS = 20_000
# below that a request's own bytes outweigh what it brings
LEAST_ROWS = 250
# a line that needs longer for a batch is a thin one: what is new would wait behind what is old
AIM_S = 4.0
# beyond half of that, one at a time is quick enough for all
_THIN_S = AIM_S / 2
# as many requests in a row: from the largest batch to the smallest it takes seven
_LOST = 10
# how much more is tried where it went well
_GROWTH = 1.5


class Fit:
    """Learns from each request.

    Attributes:
        rows: As many readings a batch may have.
        is_thin: Whether the line is slow, so that requests under way together only make each other late.
    """

    def __init__(self) -> None:
        self.rows = USUAL_ROWS
        self.is_thin = False
        self._missed = 0

    @property
    def is_lost(self) -> bool:
        """Whether nothing has got through for long: what is sealed for others need not be small for its sake."""
        return self._missed > _LOST

    def brought(self, rows: int, took_s: float) -> None:
        """Note that a batch of so many readings was so long on the line."""
        self._missed = 0
        if took_s > AIM_S:
            self.is_thin = True
            self.rows = _within(rows * AIM_S / took_s)
        elif took_s < _THIN_S and rows >= self.rows / _GROWTH:
            # a small one that was quick says nothing of a large one
            self.rows = _within(max(self.rows, rows) * _GROWTH)
            self.is_thin = self.is_thin and self.rows < USUAL_ROWS

    def failed(self, rows: int, took_s: float) -> None:
        """Note that a batch did not get through in so long; a connection that was refused says nothing of a line."""
        self._missed += 1
        if took_s > AIM_S:
            self.is_thin = True
            self.rows = _within(min(self.rows, rows) / 2)


def _within(rows: float) -> int:
    return round(min(max(rows, LEAST_ROWS), MOST_ROWS))
