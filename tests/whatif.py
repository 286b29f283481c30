"""The made-up plant's ledger, day by day, and each bucket's what-if beside the plant run anew with less of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cloud.kpi.elements import PieceKind
from cloud.kpi.facts import Facts, total
from cloud.kpi.figures import figures
from cloud.kpi.ledger import Layers, Order, Pieces, Planned, Shelf, Stretch, draw_up
from cloud.kpi.policy import ISO22400
from cloud.kpi.spans import SECOND, Span
from cloud.predictions.optimizer.losses import LossKind
from cloud.predictions.optimizer.whatif import Gain, what_if
from cloud.seed_plant import MICROSTOP_S, Knobs, MachinePast, Plant, plant, state_changes

LAST = date(2026, 3, 31)
USUAL = Knobs(startup_pieces=16)
# how much of each loss is taken away, and by which knob
TURNED: Mapping[LossKind, tuple[float, Knobs]] = {
    LossKind.SET_UP: (0.75, replace(USUAL, setup=0.25)),
    LossKind.MICRO_STOPS: (0.9, replace(USUAL, micro_stops=0.1)),
    LossKind.SPEED: (0.25, replace(USUAL, slack=0.75)),
    LossKind.REPAIR_TIME: (0.5, replace(USUAL, repair=0.5)),
    LossKind.START_UP_SCRAP: (0.5, replace(USUAL, startup_pieces=8)),
}


@dataclass(frozen=True, slots=True)
class Held:
    """A what-if beside the plant run anew: mean gains in OEE, and how many intervals held the machine's own."""

    bucket: LossKind
    reduction: float
    estimated: float
    simulated: float
    inside: int
    machines: int

    @property
    def ratio(self) -> float:
        """Return how much of the simulated gain was estimated."""
        return self.estimated / self.simulated


def held(days: int, size: int, seed: int = 1) -> Iterator[Held]:
    """Yield every bucket's, of a plant of so many days and machines."""
    before = [facts_of(machine, usual) for usual in [_plant(days, size, seed, USUAL)] for machine in usual.machines]
    for bucket, (reduction, knobs) in TURNED.items():
        turned = _plant(days, size, seed, knobs)
        after = [facts_of(machine, turned) for machine in turned.machines]
        gains = [what_if(each, ISO22400, bucket, reduction) for each in before]
        came = [_oee(new) - _oee(old) for new, old in zip(after, before, strict=True)]
        told = [gain for gain in gains if isinstance(gain, Gain)]
        inside = sum(gain.lower <= real <= gain.upper for gain, real in zip(told, came, strict=True))
        yield Held(
            bucket,
            reduction,
            sum(gain.gain for gain in told) / len(told),
            sum(came) / len(came),
            inside,
            len(told),
        )


def facts_of(machine: MachinePast, whole: Plant) -> list[Facts]:
    """Return the ledger's facts of a machine, a business date each."""
    shelf = Shelf(layers(machine, whole))
    found: dict[date, list[Facts]] = {}
    for shift in whole.shifts:
        window = Span(shift.start * SECOND, shift.end * SECOND)
        found.setdefault(shift.business_date, []).append(draw_up(window, shelf.around(window)).facts)
    return [total(shifts) for shifts in found.values()]


def layers(machine: MachinePast, whole: Plant) -> Layers:
    """Return what is known of a machine, as the ledger takes it; times are since the past began."""
    changes = state_changes(machine)
    ends = [at for at, _ in changes[1:]] + [whole.seconds]
    pauses = [Span(each.break_start * SECOND, each.break_end * SECOND) for each in whole.shifts]
    return Layers(
        stretches=[
            Stretch(Span(at * SECOND, end * SECOND), state) for (at, state), end in zip(changes, ends, strict=True)
        ],
        planned=Planned([Span(each.start * SECOND, each.end * SECOND) for each in whole.shifts], pauses),
        orders=[Order(Span(run.start * SECOND, run.end * SECOND), place) for place, run in enumerate(machine.runs)],
        pieces=list(_pieces(machine, whole.cycles)),
        microstop_us=MICROSTOP_S * SECOND,
    )


def _pieces(machine: MachinePast, cycles: Sequence[int]) -> Iterator[Pieces]:
    for lot in machine.lots:
        ideal = (machine.cycle_s if lot.product is None else cycles[lot.product]) * SECOND
        counts = ((PieceKind.GOOD, lot.good), (PieceKind.SCRAP, lot.scrap), (PieceKind.STARTUP, lot.startup))
        yield from (Pieces(lot.at * SECOND, kind, count, ideal) for kind, count in counts if count)


def _plant(days: int, size: int, seed: int, knobs: Knobs) -> Plant:
    return plant(LAST, days, seed, knobs, size)


def _oee(days: Sequence[Facts]) -> float:
    found = figures(total(days), ISO22400).oee_lower
    assert found is not None
    return found
