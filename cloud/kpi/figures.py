"""Owns the formulas (ISO 22400-2): ratios of sums, each None where there is nothing to divide by.

PBT  = APT + AUST + ADET + ADOT + UNKNOWN            POT = PDOT + PBT
OEE  = A x E x Q = sum(ideal x good) / PBT
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cloud.kpi.elements import BUSY, LOSS_OF, Category, Loss, PieceKind, TimeElement
from cloud.kpi.facts import Facts
from cloud.kpi.policy import MissingQuality, Policy, UnknownTime

_REJECTED = (PieceKind.SCRAP, PieceKind.STARTUP)


class QualityBasis:
    """How it is known which pieces are good."""

    MEASURED = "measured"
    ASSUMED_GOOD = "assumed_good"
    NOT_MEASURED = "not_measured"
    NO_PIECES = "no_pieces"


@dataclass(frozen=True, slots=True)
class Times:
    """The elements of a window under a policy, microseconds."""

    apt: int
    aust: int
    adet: int
    adot: int
    unknown: int
    pdot: int
    not_scheduled: int
    overtime: int
    unassigned: int

    @property
    def pbt(self) -> int:
        """Planned busy time."""
        return self.apt + self.aust + self.adet + self.adot + self.unknown

    @property
    def pot(self) -> int:
        """Planned operation time."""
        return self.pbt + self.pdot

    @property
    def aupt(self) -> int:
        """Actual unit processing time."""
        return self.apt + self.aust

    @property
    def aubt(self) -> int:
        """Actual unit busy time."""
        return self.aupt + self.adet

    @property
    def calendar(self) -> int:
        """All of the window."""
        return self.pot + self.not_scheduled


@dataclass(frozen=True, slots=True)
class Figures:
    """The key figures of a window; None where it cannot be said.

    Attributes:
        effectiveness: Raw: it may exceed 1.
        performance: The same for display, capped where the policy caps.
        standard_suspect: Pieces came faster than their ideal cycle allows: the standard is wrong, or the counter is.
        oee: The headline: of the three bounds the one that the policy names.
        coverage: How much of the planned busy time was seen.
    """

    availability: float | None
    effectiveness: float | None
    performance: float | None
    standard_suspect: bool
    quality: float | None
    quality_basis: str
    oee: float | None
    oee_lower: float | None
    oee_known: float | None
    oee_upper: float | None
    coverage: float | None
    nee: float | None
    teep: float | None
    allocation_efficiency: float | None
    utilization_efficiency: float | None
    technical_efficiency: float | None
    setup_ratio: float | None
    scrap_ratio: float | None
    rework_ratio: float | None


def times(facts: Facts, policy: Policy) -> Times:
    """Return the elements of a window under a policy."""
    of = dict.fromkeys(TimeElement, 0)
    for category, spent in facts.time_us.items():
        of[policy.element(category)] += spent
    found = Times(
        of[TimeElement.APT],
        of[TimeElement.AUST],
        of[TimeElement.ADET],
        of[TimeElement.ADOT],
        of[TimeElement.UNKNOWN],
        of[TimeElement.PDOT],
        of[TimeElement.NOT_SCHEDULED],
        facts.time_us.get(Category.OVERTIME, 0),
        facts.time_us.get(Category.RUN_UNASSIGNED, 0),
    )
    if found.calendar != facts.calendar_us or sum(of[each] for each in BUSY) != found.pbt:
        raise AssertionError(f"elements of {found.calendar} us do not add up to the calendar's {facts.calendar_us}")
    return found


def produced(facts: Facts) -> int:
    """Return all pieces of planned operation time, whatever became of them (PQ)."""
    return sum(facts.pieces.values())


def figures(facts: Facts, policy: Policy) -> Figures:
    """Return the key figures of a window under a policy."""
    time = times(facts, policy)
    basis = quality_basis(facts, policy)
    ideal_all = sum(facts.ideal_us.values())
    ideal_good = _good(facts.ideal_us, policy)
    has_standard = not facts.without_ideal
    is_judged = basis != QualityBasis.NOT_MEASURED
    availability = ratio(time.apt, time.pbt)
    effectiveness = ratio(ideal_all, time.apt) if has_standard else None
    quality = _quality(facts, policy) if is_judged else None
    known = is_judged and has_standard
    lower = ratio(ideal_good, time.pbt) if known else None
    bounds = {
        UnknownTime.LOWER: lower,
        UnknownTime.KNOWN: ratio(ideal_good, time.pbt - time.unknown) if known else None,
        UnknownTime.UPPER: ratio(ideal_good + time.unknown, time.pbt) if known else None,
    }
    return Figures(
        availability=availability,
        effectiveness=effectiveness,
        performance=None if effectiveness is None else min(effectiveness, 1.0) if policy.cap else effectiveness,
        standard_suspect=effectiveness is not None and effectiveness > 1,
        quality=quality,
        quality_basis=basis,
        oee=bounds[policy.unknown_time],
        oee_lower=lower,
        oee_known=bounds[UnknownTime.KNOWN],
        oee_upper=bounds[UnknownTime.UPPER],
        coverage=ratio(time.pbt - time.unknown, time.pbt),
        nee=_nee(time, ideal_good) if known else None,
        teep=ratio(ideal_good, time.calendar) if known else None,
        allocation_efficiency=ratio(time.aubt, time.pbt),
        utilization_efficiency=ratio(time.apt, time.aubt),
        technical_efficiency=ratio(time.apt, time.apt + time.adet),
        setup_ratio=ratio(time.aust, time.aupt),
        scrap_ratio=ratio(sum(facts.pieces.get(kind, 0) for kind in _REJECTED), produced(facts)) if is_judged else None,
        rework_ratio=ratio(facts.pieces.get(PieceKind.REWORK, 0), produced(facts)) if is_judged else None,
    )


def quality_basis(facts: Facts, policy: Policy) -> str:
    """Return how it is known which pieces of a window are good."""
    if not any(facts.pieces.values()):
        return QualityBasis.NO_PIECES
    if not facts.pieces.get(PieceKind.MADE, 0):
        return QualityBasis.MEASURED
    return QualityBasis.ASSUMED_GOOD if policy.missing_quality is MissingQuality.GOOD else QualityBasis.NOT_MEASURED


def waterfall(facts: Facts, policy: Policy) -> dict[str, int]:
    """Return how the planned busy time was lost, microseconds: `good` and each loss; they sum to PBT exactly.

    Of pieces that came faster than ideal, `reduced_speed` is negative: the standard is wrong, and it shows.
    """
    time = times(facts, policy)
    lost = dict.fromkeys(Loss, 0)
    in_run = 0
    for category, spent in facts.time_us.items():
        element = policy.element(category)
        if element in BUSY and category in LOSS_OF:
            lost[LOSS_OF[category]] += spent
            in_run += spent if element is TimeElement.APT else 0
    lost[Loss.STARTUP] += facts.ideal_us.get(PieceKind.STARTUP, 0)
    lost[Loss.PROCESS_DEFECT] += facts.ideal_us.get(PieceKind.SCRAP, 0) + facts.ideal_us.get(PieceKind.REWORK, 0)
    if quality_basis(facts, policy) == QualityBasis.NOT_MEASURED:
        lost[Loss.NOT_JUDGED] += facts.ideal_us.get(PieceKind.MADE, 0)
    good = sum(facts.ideal_us.values()) - lost[Loss.STARTUP] - lost[Loss.PROCESS_DEFECT] - lost[Loss.NOT_JUDGED]
    lost[Loss.REDUCED_SPEED] = time.apt - in_run - sum(facts.ideal_us.values())
    shown = {"good": good, **{loss.value: spent for loss, spent in lost.items()}}
    if sum(shown.values()) != time.pbt:
        raise AssertionError(f"a waterfall of {sum(shown.values())} us over a planned busy time of {time.pbt}")
    return shown


def line(machines: Iterable[Facts], policy: Policy) -> tuple[float | None, float | None, float | None]:
    """Return a line's OEE, the mean of its machines' (which it is not), and its worst machine's."""
    each = list(machines)
    found = [oee for facts in each if (oee := figures(facts, policy).oee) is not None]
    whole = Facts()
    for facts in each:
        whole += facts
    return figures(whole, policy).oee, sum(found) / len(found) if found else None, min(found, default=None)


def ratio(part: int, whole: int) -> float | None:
    """Return part / whole; None where there is no whole."""
    return part / whole if whole else None


def _good(amounts: Mapping[PieceKind, int], policy: Policy) -> int:
    assumed = amounts.get(PieceKind.MADE, 0) if policy.missing_quality is MissingQuality.GOOD else 0
    return amounts.get(PieceKind.GOOD, 0) + assumed


def _quality(facts: Facts, policy: Policy) -> float | None:
    # of several parts a piece weighs as much as the time that it takes
    if sum(facts.ideal_us.values()) and not facts.without_ideal:
        return ratio(_good(facts.ideal_us, policy), sum(facts.ideal_us.values()))
    return ratio(_good(facts.pieces, policy), produced(facts))


def _nee(time: Times, ideal_good: int) -> float | None:
    """Return AUPT / PBT x E x Q; nothing was made where APT is 0, and nothing is said."""
    return time.aupt * ideal_good / (time.pbt * time.apt) if time.apt and time.pbt else None
