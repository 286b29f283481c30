"""Owns what is unusual about a machine's downtime: a day's time in a category, against the machine's own days before.

A day is unusual where it lies more than 3.5 robust deviations above the median of the machine's own days before it
(Iglewicz and Hoaglin, 1993). A category that hardly ever occurs has no deviation at all, so a minute is the least
that is supposed, and a day that is unusual by less than ten minutes is not told: nobody would act on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

# fewer days are no history
LEAST_DAYS = 10
LIMIT = 3.5
# the median absolute deviation of a normal distribution is 0.6745 of its standard deviation
NORMAL = 1.4826
LEAST_DEVIATION_S = 60.0
LEAST_EXCESS_S = 600.0


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An unusual day, with the evidence.

    Attributes:
        seconds: In the category, of a full day's planned time: a day half worked counts twice.
        usual_s: The median of the days before.
        deviation_s: The robust deviation of these.
        score: How many of those it lies above.
        days: How many days that is held against.
    """

    machine: str
    category: str
    day: date
    seconds: float
    usual_s: float
    deviation_s: float
    score: float
    days: int
    history: Sequence[float]


def anomalies(series: Mapping[tuple[str, str], Mapping[date, float]], since: date, most: int = 20) -> list[Anomaly]:
    """Return the unusual days, the most unusual first.

    Args:
        series: By machine and category, seconds of each day on which the machine was planned to work; zeros too.
        since: The first day that is judged; those before are history only.
        most: How many at most.
    """
    found = []
    for (machine, category), by_day in series.items():
        days = sorted(by_day)
        for number, day in enumerate(days):
            if day < since or number < LEAST_DAYS:
                continue
            history = [by_day[each] for each in days[:number]]
            usual = median(history)
            deviation = max(NORMAL * median(abs(each - usual) for each in history), LEAST_DEVIATION_S)
            score = (by_day[day] - usual) / deviation
            if score > LIMIT and by_day[day] - usual >= LEAST_EXCESS_S:
                evidence = tuple(history[-LEAST_DAYS:])
                found.append(
                    Anomaly(machine, category, day, by_day[day], usual, deviation, score, len(history), evidence)
                )
    return sorted(found, key=lambda each: (-each.score, each.day, each.machine, each.category))[:most]
