"""Owns the report on settled predictions: by who served, with what drifts, and challengers held against who serves."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from cloud.predictions import reliability
from cloud.predictions.answering import LEVEL
from cloud.predictions.drifting import Concept, apart, concept
from cloud.predictions.history import DAY, HOUR, Floats, Times
from cloud.predictions.schemas import (
    BinOut,
    BlockOut,
    BoundsOut,
    ChallengeOut,
    ConceptOut,
    ServerWatchOut,
    WatchOut,
)
from cloud.predictions.scoring import Flags
from cloud.production.service.moments import us, utc

# what is said from here on is an alarm
ALARM_FROM = 0.5
_BLOCK = 30 * DAY
# a month of fewer predictions tells little of who is better
_FEWEST = 100


@dataclass(frozen=True, slots=True)
class Settled:
    """A prediction of which it is known what came."""

    COLUMNS: ClassVar = (
        "machine_id",
        "model_id",
        "served_by",
        "is_challenger",
        "at",
        "probability",
        "baseline",
        "minutes_lower",
        "minutes_upper",
        "outcome",
        "came_minutes",
    )

    machine_id: uuid.UUID
    model_id: uuid.UUID | None
    served_by: str
    is_challenger: bool
    at: datetime
    probability: float
    baseline: float
    minutes_lower: float
    minutes_upper: float
    outcome: str
    came_minutes: float | None


@dataclass(frozen=True, slots=True)
class _Columns:
    machine: NDArray[np.int32]
    at: Times
    said: Floats
    rule: Floats
    lower: Floats
    upper: Floats
    came: Flags
    minutes: Floats


Key = tuple[str, uuid.UUID | None]


def look_at(
    settled: Sequence[Settled], horizon_h: int, made_at: datetime | None, pending: int, left_out: int
) -> WatchOut:
    """Return the report on settled predictions; with none of them, one that says nothing."""
    places = {each: place for place, each in enumerate(sorted({row.machine_id for row in settled}))}
    groups: dict[tuple[Key, bool], list[Settled]] = {}
    for row in settled:
        groups.setdefault(((row.served_by, row.model_id), row.is_challenger), []).append(row)
    served = [row for row in settled if not row.is_challenger]
    # who served may have changed: what the plant was told is one series
    told = _columns(served, places)
    found = _concept(told, horizon_h * HOUR) if served else None
    return WatchOut(
        horizon_h=horizon_h,
        made_at=made_at,
        pending=pending,
        left_out=left_out,
        servers=[_server(key, is_challenger, _columns(rows, places)) for (key, is_challenger), rows in groups.items()],
        concept=ConceptOut(**asdict(found), is_alarm=found.is_alarm) if found is not None else None,
        is_concept_drift=found is not None and found.is_alarm,
        inputs=[],
        is_input_drift=False,
        is_worse_than_rule=_is_worse(told),
        challenges=_challenges(served, groups, places),
    )


def _columns(rows: Sequence[Settled], places: dict[uuid.UUID, int]) -> _Columns:
    return _Columns(
        np.array([places[row.machine_id] for row in rows], np.int32),
        np.array([us(row.at) for row in rows], np.int64),
        np.array([row.probability for row in rows], np.float64),
        np.array([row.baseline for row in rows], np.float64),
        np.array([row.minutes_lower for row in rows], np.float64),
        np.array([row.minutes_upper for row in rows], np.float64),
        np.array([row.outcome == "stop" for row in rows], bool),
        np.array([row.came_minutes or 0.0 for row in rows], np.float64),
    )


def _server(key: Key, is_challenger: bool, rows: _Columns) -> ServerWatchOut:
    bins = reliability.reliability(rows.said, rows.came)
    alarms = reliability.alarms_per_machine_month(rows.said, rows.machine, rows.at, ALARM_FROM)
    return ServerWatchOut(
        name=key[0],
        model_id=key[1],
        is_challenger=is_challenger,
        rows=len(rows.said),
        stops=int(rows.came.sum()),
        brier=reliability.brier(rows.said, rows.came),
        baseline_brier=reliability.brier(rows.rule, rows.came),
        calibration_error=reliability.expected_calibration_error(bins),
        reliability=[BinOut(**asdict(each)) for each in bins],
        coverage=_known(reliability.coverage(rows.minutes, rows.lower, rows.upper)),
        coverage_level=LEVEL,
        alarms_per_machine_month=_known(alarms),
        rolling=_rolling(rows),
    )


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def _rolling(rows: _Columns) -> list[BlockOut]:
    last = int(rows.at.max())
    back = (last - rows.at) // _BLOCK
    blocks = []
    for number in sorted(set(back.tolist()), reverse=True):
        own = back == number
        start = utc(last - (number + 1) * _BLOCK)
        word, rule = (reliability.brier(said[own], rows.came[own]) for said in (rows.said, rows.rule))
        blocks.append(BlockOut(start=start, rows=int(own.sum()), brier=word, baseline_brier=rule))
    return blocks


def _concept(rows: _Columns, horizon: int) -> Concept:
    lately = np.flatnonzero(rows.at > rows.at.max() - _BLOCK)
    chosen = lately[apart(rows.machine[lately], rows.at[lately], horizon)]
    return concept(rows.said[chosen], rows.came[chosen])


def _is_worse(rows: _Columns) -> bool:
    if not len(rows.at):
        return False
    lately = rows.at > rows.at.max() - _BLOCK
    if lately.sum() < _FEWEST:
        return False
    rule, came = rows.rule[lately], rows.came[lately]
    found = reliability.against(rule, rows.said[lately], came, rows.machine[lately])
    return found is not None and found.excludes_zero


def _challenges(
    served: Sequence[Settled],
    groups: dict[tuple[Key, bool], list[Settled]],
    places: dict[uuid.UUID, int],
) -> list[ChallengeOut]:
    told = {(row.machine_id, row.at): row for row in served}
    found = []
    for (key, is_challenger), rows in groups.items():
        both = [(told[row.machine_id, row.at], row) for row in rows if (row.machine_id, row.at) in told]
        if not is_challenger or not both:
            continue
        champion, challenger = (_columns([pair[side] for pair in both], places) for side in (0, 1))
        gain = reliability.against(challenger.said, champion.said, champion.came, champion.machine)
        found.append(
            ChallengeOut(
                champion=", ".join(sorted({pair[0].served_by for pair in both})),
                challenger=key[0],
                challenger_model_id=key[1],
                rows=len(both),
                champion_brier=reliability.brier(champion.said, champion.came),
                challenger_brier=reliability.brier(challenger.said, challenger.came),
                gain=BoundsOut(lower=gain.lower, upper=gain.upper, level=gain.level) if gain is not None else None,
                is_better=gain is not None and gain.excludes_zero,
            )
        )
    return found
