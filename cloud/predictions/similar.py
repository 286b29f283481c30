"""Owns which moments of the past were most like the one asked about, and what came of them; pure.

They are looked for among looks whose horizon was over, and known to be, at the instant asked for; at most one a machine
and day, for neighbours in time are the same case told twice.
"""

from dataclasses import dataclass

import numpy as np

from cloud.predictions.features import Instants, Matrix
from cloud.predictions.history import DAY, Floats
from cloud.predictions.outcomes import Outcomes
from cloud.predictions.windows import Rows

# so many are asked what came of them
NEIGHBOURS = 60
# what makes two moments alike to whoever stands at the machine; names that are not had are left out
LIKENESS = (
    "hours_since_stop",
    "stops_24h",
    "stops_7d",
    "stops_30d",
    "alarms_24h",
    "alarms_72h",
    "hours_since_maintenance",
    "run_minutes_24h",
    "scrap_share_24h",
    "local_hour",
)


@dataclass(frozen=True, slots=True)
class Cases:
    """Past moments with what came of them, and how they are measured.

    Attributes:
        instants, outcomes: Row by row.
        places: Each in units of the spread of its column, shape (rows, columns).
        middle, spread: What the units are.
        columns: Which of the features.
    """

    instants: Instants
    outcomes: Outcomes
    places: Floats
    middle: Floats
    spread: Floats
    columns: tuple[str, ...]


def cases(instants: Instants, matrix: Matrix, outcomes: Outcomes) -> Cases:
    """Return past moments ready to be compared with."""
    columns = tuple(name for name in LIKENESS if name in matrix.names)
    values = _chosen(matrix, columns)
    middle, spread = np.zeros(len(columns)), np.ones(len(columns))
    for place in range(len(columns)):
        known = values[np.isfinite(values[:, place]), place]
        if len(known):
            middle[place] = np.median(known)
            low, high = np.quantile(known, [0.1, 0.9])
            spread[place] = high - low if high > low else 1.0
    return Cases(instants, outcomes, _scaled(values, middle, spread), middle, spread, columns)


def nearest(among: Cases, matrix: Matrix, row: int, machine: int, most: int = NEIGHBOURS) -> Rows:
    """Return the places of the most similar cases, the nearest first; of the own machine they are a little nearer."""
    if not len(among.instants):
        return np.empty(0, np.int64)
    here = _scaled(_chosen(matrix, among.columns)[row : row + 1], among.middle, among.spread)[0]
    distance = np.abs(among.places - here).sum(axis=1) + (among.instants.machine != machine) * 0.5
    order = np.argsort(distance, kind="stable")
    day = among.instants.machine.astype(np.int64) * 100_000 + among.instants.at // DAY
    _, first = np.unique(day[order], return_index=True)
    chosen: Rows = order[np.sort(first)][:most]
    return chosen


def _chosen(matrix: Matrix, columns: tuple[str, ...]) -> Floats:
    places = [matrix.names.index(name) for name in columns if name in matrix.names]
    found = np.full((len(matrix.values), len(columns)), np.nan)
    found[:, [column in matrix.names for column in columns]] = matrix.values[:, places]
    return found


def _scaled(values: Floats, middle: Floats, spread: Floats) -> Floats:
    # what was never seen lies far from all that was: no stop yet is unlike a stop an hour ago
    scaled = np.where(np.isfinite(values), (values - middle) / spread, 3.0)
    return np.clip(scaled, -3.0, 3.0)
