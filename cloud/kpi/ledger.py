"""Owns the ledger: every moment of a window in exactly one category, every piece in exactly one event.

The layers that go in are laid over each other: when it was planned to work, what the machine did, why it stood, which
order ran, which maintenance was planned. Layers keep their full length and are cut here, at the window's edges and at
each other's, so that how long a stop was does not depend on who asks. What comes out is a partition of the window,
and that is checked each time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from cloud.kpi import spans
from cloud.kpi.elements import CATEGORY_OF, RUNNING, STOPPED, UNASSIGNED, Category, Loss, PieceKind, TimeElement
from cloud.kpi.facts import Facts
from cloud.kpi.spans import Span
from shared.reading import MachineState

T = TypeVar("T")
Key = TypeVar("Key", bound=Hashable)


class LedgerBroken(AssertionError):
    """The sums do not hold: a mistake of ours, and no figure is better than a wrong one."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a machine stood, as far as the figures care.

    Attributes:
        code: What people call it.
        element: Which element its time is; None leaves that to state and order.
        loss: Which of the six big losses; None likewise.
        is_failure: The machine was broken: counts for MTBF and MTTR.
        is_planned: The plan asked for it.
    """

    code: str
    element: TimeElement | None = None
    loss: Loss | None = None
    is_failure: bool = False
    is_planned: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a machine did from `span.start` to `span.end`, of its full length; `id` leads back to its row."""

    span: Span
    state: MachineState
    reason: Reason | None = None
    id: int | None = None

    @property
    def why(self) -> Reason | None:
        """The reason, where there is something to give one for: neither running nor unseen time stands still."""
        return None if self.state in RUNNING or self.state is MachineState.NO_DATA else self.reason


@dataclass(frozen=True, slots=True)
class Order:
    """That an order ran on the machine; `id` is its stage's."""

    span: Span
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of one event; a correction may be negative.

    Attributes:
        at: When, microseconds.
        ideal_us: Ideal microseconds a piece; None where nobody told.
    """

    at: int
    kind: PieceKind
    quantity: int
    ideal_us: int | None = None
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """When it is planned to work: the shifts, and the breaks in them. Without shifts it always is."""

    shifts: Sequence[Span] | None = None
    breaks: Sequence[Span] = ()


@dataclass(frozen=True, slots=True)
class Layers:
    """Everything that is known of a machine around a window; each layer in itself without overlap.

    Attributes:
        stretches: What it did; where there is none, nobody knows.
        planned: From the beginning of the earliest stretch on, so that a failure is counted once.
        maintenance: When planned maintenance was done.
        microstop_us: Shorter stops are minor ones, unless their reason is another loss.
    """

    stretches: Sequence[Stretch] = ()
    planned: Planned = Planned()
    orders: Sequence[Order] = ()
    maintenance: Sequence[Span] = ()
    pieces: Sequence[Pieces] = ()
    microstop_us: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: from when to when, what it is, and what it comes from."""

    span: Span
    category: Category
    stretch: Stretch | None = None
    order: int | None = None


@dataclass(frozen=True, slots=True)
class Ledger:
    """A window, taken apart."""

    window: Span
    entries: Sequence[Entry]
    pieces: Sequence[Pieces]
    overtime: Sequence[Pieces]
    failures: Sequence[Stretch]
    facts: Facts


def draw_up(window: Span, layers: Layers) -> Ledger:
    """Take a window apart.

    Raises:
        LedgerBroken: The entries are no partition of the window, or a layer overlaps itself.
    """
    shifts = None if layers.planned.shifts is None else spans.union(layers.planned.shifts)
    breaks = spans.union(layers.planned.breaks)
    stretches = _Layer([(each.span, each) for each in layers.stretches], "states")
    orders = _Layer([(each.span, each) for each in layers.orders], "orders")
    maintenance = _Layer([(span, span) for span in spans.union(layers.maintenance)], "maintenance")
    worked = None if shifts is None else _Layer([(span, span) for span in shifts], "shifts")
    paused = _Layer([(span, span) for span in breaks], "breaks")
    edges = [edge for layer in (stretches, orders, maintenance, worked, paused) if layer for edge in layer.edges]
    entries = []
    for span in spans.pieces(window, edges):
        stretch, order = stretches.at(span.start), orders.at(span.start)
        is_planned = worked is None or worked.at(span.start) is not None
        category = _category(
            stretch,
            has_order=order is not None,
            is_planned=is_planned,
            is_break=paused.at(span.start) is not None,
            in_maintenance=maintenance.at(span.start) is not None,
            microstop_us=layers.microstop_us,
        )
        entries.append(Entry(span, category, stretch, order.id if order else None))
    entries = _joined(entries)
    _check(window, entries)
    made, overtime = _counted(window, layers.pieces, worked, paused)
    failures = [stretch for stretch in layers.stretches if _begins_in(stretch, window, shifts)]
    return Ledger(window, entries, made, overtime, failures, _facts(entries, made, overtime, failures))


def shared_out(ledger: Ledger, key: Callable[[int | None, int], Key]) -> dict[Key, Facts]:
    """Return a ledger's facts by what its lines and pieces belong to; together they are the ledger's.

    Args:
        ledger: Of any window.
        key: What a line or a piece belongs to, by its order and when it began.
    """
    entries: dict[Key, list[Entry]] = {}
    whose: dict[int, Key] = {}
    for entry in ledger.entries:
        key_of = key(entry.order, entry.span.start)
        entries.setdefault(key_of, []).append(entry)
        if entry.stretch is not None:
            # a failure is theirs in whose time it began
            whose.setdefault(id(entry.stretch), key_of)
    made, overtime = _by_key(ledger.pieces, key), _by_key(ledger.overtime, key)
    failures: dict[Key, list[Stretch]] = {}
    for stretch in ledger.failures:
        failures.setdefault(whose[id(stretch)], []).append(stretch)
    return {
        each: _facts(entries.get(each, ()), made.get(each, ()), overtime.get(each, ()), failures.get(each, ()))
        for each in {**entries, **made, **overtime}
    }


def _by_key(pieces: Iterable[Pieces], key: Callable[[int | None, int], Key]) -> dict[Key, list[Pieces]]:
    found: dict[Key, list[Pieces]] = {}
    for each in pieces:
        found.setdefault(key(each.order, each.at), []).append(each)
    return found


class Shelf:
    """Layers in order, from which those around a window are taken without a walk through all of them."""

    def __init__(self, layers: Layers) -> None:
        self._all = layers
        self._stretches = _Row((each.span, each) for each in layers.stretches)
        self._orders = _Row((each.span, each) for each in layers.orders)
        self._maintenance = _Row((each, each) for each in layers.maintenance)
        self._shifts = None if layers.planned.shifts is None else _Row((each, each) for each in layers.planned.shifts)
        self._breaks = _Row((each, each) for each in layers.planned.breaks)
        self._pieces = sorted(layers.pieces, key=lambda each: each.at)
        self._times = [each.at for each in self._pieces]

    def around(self, window: Span) -> Layers:
        """Return the layers that a window's ledger is drawn up from."""
        stretches = self._stretches.overlapping(window)
        # a failure is the first shift's that it lasts into, so shifts are wanted from where it began
        whole = Span(min([window.start, *(each.span.start for each in stretches)]), window.end)
        shifts = None if self._shifts is None else self._shifts.overlapping(whole)
        first, last = bisect_left(self._times, window.start), bisect_left(self._times, window.end)
        return Layers(
            stretches,
            Planned(shifts, self._breaks.overlapping(window)),
            self._orders.overlapping(window),
            self._maintenance.overlapping(window),
            self._pieces[first:last],
            self._all.microstop_us,
        )


class _Row(Generic[T]):
    """A layer without overlap, in order."""

    def __init__(self, items: Iterable[tuple[Span, T]]) -> None:
        ordered = sorted(items, key=lambda each: each[0])
        self._items = [item for _, item in ordered]
        self._starts = [span.start for span, _ in ordered]
        self._ends = [span.end for span, _ in ordered]

    def overlapping(self, window: Span) -> list[T]:
        return self._items[bisect_right(self._ends, window.start) : bisect_left(self._starts, window.end)]


def is_failure(stretch: Stretch) -> bool:
    """Return whether the machine was broken: somebody says so, or it does and nobody says otherwise."""
    if stretch.why is not None:
        return stretch.why.is_failure
    return stretch.state is MachineState.FAULTED


class _Layer(Generic[T]):
    """A layer, to be asked what is there at a moment."""

    def __init__(self, items: Iterable[tuple[Span, T]], name: str) -> None:
        ordered = sorted((each for each in items if each[0].length), key=lambda each: each[0])
        self._spans = [span for span, _ in ordered]
        if shared := spans.overlaps(self._spans):
            raise LedgerBroken(f"the {name} overlap: {shared[0][0]} and {shared[0][1]}")
        self._items = [item for _, item in ordered]
        self._starts = [span.start for span in self._spans]

    @property
    def edges(self) -> Iterable[int]:
        return (edge for span in self._spans for edge in (span.start, span.end))

    def at(self, moment: int) -> T | None:
        index = bisect_right(self._starts, moment) - 1
        return self._items[index] if index >= 0 and self._spans[index].end > moment else None


def _category(
    stretch: Stretch | None,
    *,
    has_order: bool,
    is_planned: bool,
    is_break: bool,
    in_maintenance: bool,
    microstop_us: int,
) -> Category:
    is_running = stretch is not None and stretch.state in RUNNING
    if not is_planned:
        return Category.OVERTIME if is_running else Category.OFF_SHIFT
    if is_break:
        return Category.SHIFT_BREAK
    if stretch is None:
        return Category.UNKNOWN
    category = _of_stretch(stretch, microstop_us)
    if category is Category.MAINTENANCE and in_maintenance:
        return Category.PLANNED_MAINTENANCE
    return category if _counts_as_ordered(stretch, has_order=has_order) else UNASSIGNED.get(category, category)


def _of_stretch(stretch: Stretch, microstop_us: int) -> Category:
    reason = stretch.why
    is_short = stretch.span.length < microstop_us
    if reason is None:
        return Category.MINOR if stretch.state in STOPPED and is_short else CATEGORY_OF[stretch.state]
    if reason.is_planned or reason.element is TimeElement.PDOT:
        return Category.PLANNED_STOP
    if reason.element is TimeElement.AUST or reason.loss is Loss.SETUP_ADJUSTMENT:
        return Category.SETUP
    if reason.is_failure or reason.loss is Loss.BREAKDOWN:
        return Category.BREAKDOWN
    if reason.loss in {Loss.MINOR_STOP, Loss.IDLING}:
        # which of the two is a question of how long it was, whatever the reason is called
        return Category.MINOR if is_short else Category.IDLE
    return CATEGORY_OF[stretch.state]


def _counts_as_ordered(stretch: Stretch, *, has_order: bool) -> bool:
    element = stretch.why.element if stretch.why is not None else None
    match element:
        case TimeElement.ADET | TimeElement.AUST:
            return True
        case TimeElement.ADOT:
            return False
        case _:
            return has_order


def _joined(entries: Sequence[Entry]) -> list[Entry]:
    """Join neighbours that are cut only where some layer happened to have an edge."""
    joined: list[Entry] = []
    for (category, stretch, order), run in groupby(entries, key=lambda each: (each.category, each.stretch, each.order)):
        parts = list(run)
        joined.append(Entry(Span(parts[0].span.start, parts[-1].span.end), category, stretch, order))
    return joined


def _check(window: Span, entries: Sequence[Entry]) -> None:
    at = window.start
    for entry in entries:
        if entry.span.start != at or entry.span.end <= at:
            raise LedgerBroken(f"{entry.span} follows what ends at {at}")
        at = entry.span.end
    if at != max(window.start, window.end):
        raise LedgerBroken(f"the entries end at {at}, the window at {window.end}")


def _counted(
    window: Span, pieces: Sequence[Pieces], worked: "_Layer[Span] | None", paused: "_Layer[Span]"
) -> tuple[list[Pieces], list[Pieces]]:
    made: list[Pieces] = []
    overtime: list[Pieces] = []
    for each in pieces:
        if window.holds(each.at):
            is_planned = (worked is None or worked.at(each.at) is not None) and paused.at(each.at) is None
            (made if is_planned else overtime).append(each)
    return made, overtime


def _begins_in(stretch: Stretch, window: Span, shifts: Sequence[Span] | None) -> bool:
    """Return whether a failure is this window's: it begins here, or the first shift that it lasts into does."""
    if not is_failure(stretch) or not stretch.span.length:
        return False
    if shifts is None:
        return window.holds(stretch.span.start)
    first = next((part.start for shift in shifts if (part := stretch.span.clip(shift)).length), None)
    return first is not None and window.holds(first)


def _facts(
    entries: Sequence[Entry], made: Sequence[Pieces], overtime: Sequence[Pieces], failures: Sequence[Stretch]
) -> Facts:
    time: dict[Category, int] = {}
    repair = 0
    for entry in entries:
        time[entry.category] = time.get(entry.category, 0) + entry.span.length
        is_worked = entry.category not in {Category.OFF_SHIFT, Category.SHIFT_BREAK}
        if entry.stretch is not None and is_worked and is_failure(entry.stretch):
            repair += entry.span.length
    pieces: dict[PieceKind, int] = {}
    ideal: dict[PieceKind, int] = {}
    without = 0
    for each in made:
        pieces[each.kind] = pieces.get(each.kind, 0) + each.quantity
        if each.ideal_us is None:
            without += each.quantity
        else:
            ideal[each.kind] = ideal.get(each.kind, 0) + each.quantity * each.ideal_us
    after_hours = sum(each.quantity for each in overtime)
    return Facts(time, pieces, ideal, without, after_hours, len(failures), repair)
