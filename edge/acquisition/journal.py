"""What happened on a connection lately: its holes and its errors, the newest of each, for the page; pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from shared.reading import Gap

# what a person scrolls through; the cloud has all of them
MOST = 50


@dataclass(frozen=True, slots=True)
class Event:
    """Something that went wrong. `time_us`: microseconds since 1970 UTC."""

    time_us: int
    message: str


class Journal:
    """The newest holes and errors of one connection, the oldest forgotten first."""

    def __init__(self) -> None:
        self._gaps: deque[Gap] = deque(maxlen=MOST)
        self._errors: deque[Event] = deque(maxlen=MOST)

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Holes that were recorded since the start, in order."""
        return tuple(self._gaps)

    @property
    def errors(self) -> tuple[Event, ...]:
        """Errors since the start, in order."""
        return tuple(self._errors)

    def note_gaps(self, gaps: Sequence[Gap]) -> None:
        """Take holes that the buffer took."""
        self._gaps.extend(gaps)

    def note_error(self, time_us: int, message: str) -> None:
        """Take an error; one that repeats the last moves its time."""
        if self._errors and self._errors[-1].message == message:
            self._errors.pop()
        self._errors.append(Event(time_us, message))
