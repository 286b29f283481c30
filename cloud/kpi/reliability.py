"""Owns how often something fails and how long it takes to mend it; without a failure nothing is made up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reliability:
    """Mean times, in the unit of the times given.

    Attributes:
        mtbf: Operating time / failures; None without a failure, never 0 and never infinite.
        mtbf_at_least: Without a failure: it is at least that long, as far as was looked.
        mtbf_iso22400: Operating time / (failures + 1), as ISO 22400-2 has it.
        mttr: Repair time / failures; None without a failure.
        failure_rate: Failures / operating time; None where there was no operating time.
    """

    failures: int
    mtbf: float | None
    mtbf_at_least: float | None
    mtbf_iso22400: float
    mttr: float | None
    failure_rate: float | None


def reliability(operating: float, failures: int, repair: float = 0.0) -> Reliability:
    """Return the mean times of what operated so long, failed so often, and was under repair so long."""
    return Reliability(
        failures=failures,
        mtbf=operating / failures if failures else None,
        mtbf_at_least=None if failures else operating,
        mtbf_iso22400=operating / (failures + 1),
        mttr=repair / failures if failures else None,
        failure_rate=failures / operating if operating else None,
    )
