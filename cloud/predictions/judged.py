"""Owns the report on settled predictions: by who served, with what drifts, and challengers held against who serves."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from cloud.predictions import minutes, reliability
from cloud.predictions.answering import LEVEL
from cloud.predictions.drifting import Concept, apart, concept
from cloud.predictions.history import DAY, HOUR, Floats, Times
from cloud.predictions.minutes import MinutesScore
from cloud.predictions.schemas import BoundsOut
from cloud.predictions.scoring import Flags
from cloud.predictions.watched import (
    BinOut,
    BlockOut,
    ChallengeOut,
    ConceptOut,
    MinutesScoreOut,
    ServerWatchOut,
    WatchOut,
)
from cloud.predictions.windows import lanes
from cloud.production.service.moments import us, utc

# what is said from here on is an alarm
ALARM_FROM = 0.5
_BLOCK = 30 * DAY
# a month of fewer predictions tells little of who is better
_FEWEST = 100


@dataclass(frozen=True, slots=True)
class Settled:
    """A prediction of which it is known what came, as it is read."""

    COLUMNS: ClassVar = (
        "machine_id",
        "model_id",
        "served_by",
        "is_challenger",
        "at",
        "probability",
        "baseline",
        "minutes",
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
    minutes: float
    minutes_lower: float
    minutes_upper: float
    outcome: str
    came_minutes: float | None


@dataclass(frozen=True, slots=True)
class Server:
    """Who said something: a model or a rule, served or only noted beside what was."""

    is_challenger: bool
    name: str
    model_id: uuid.UUID | None


@dataclass(frozen=True, slots=True)
class Columns:
    """Settled predictions, some sixty bytes each: of a large hall half a year is a million.

    Attributes:
        machine: Place of the machine in the order of ids.
        server: Place in `servers`.
    """

    machine: NDArray[np.int32]
    server: NDArray[np.int16]
    at: Times
    said: Floats
    rule: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    came: Flags
    minutes: Floats
    servers: Sequence[Server]

    def take(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> "Columns":
        """Return some of the rows."""
        return replace(self, **{each: getattr(self, each)[rows] for each in _BY_ROW})


_BY_ROW = tuple(each.name for each in fields(Columns))[:-1]


class Gathered:
    """Gathers settled predictions machine by machine, so that no more than one machine's are objects at a time."""

    def __init__(self) -> None:
        """Begin with none."""
        self._servers: dict[Server, int] = {}
        self._parts: list[tuple[NDArray[np.generic], ...]] = []

    def add(self, rows: Sequence[Settled]) -> None:
        """Take one machine's; machines come in the order of their ids."""
        places = [
            self._servers.setdefault(Server(row.is_challenger, row.served_by, row.model_id), len(self._servers))
            for row in rows
        ]
        numbers = [(row.probability, row.baseline, row.minutes, row.minutes_lower, row.minutes_upper) for row in rows]
        said, rule, expected, lower, upper = np.array(numbers, np.float64).reshape(-1, 5).T
        self._parts.append(
            (
                np.full(len(rows), len(self._parts), np.int32),
                np.array(places, np.int16),
                np.array([us(row.at) for row in rows], np.int64),
                *(said, rule, expected, lower, upper),
                np.array([row.outcome == "stop" for row in rows], bool),
                np.array([row.came_minutes or 0.0 for row in rows], np.float64),
            )
        )

    def columns(self) -> Columns:
        """Return all that was taken."""
        if not self._parts:
            self.add([])
        whole: list[NDArray[Any]] = [np.concatenate(each) for each in zip(*self._parts, strict=True)]
        return Columns(**dict(zip(_BY_ROW, whole, strict=True)), servers=list(self._servers))


def look_at(rows: Columns, horizon_h: int, made_at: datetime | None, pending: int, left_out: int) -> WatchOut:
    """Return the report on settled predictions; with none of them, one that says nothing."""
    challenges = np.array([each.is_challenger for each in rows.servers], bool)
    # who served may have changed: what the plant was told is one series
    told = rows.take(~challenges[rows.server])
    found = _concept(told, horizon_h * HOUR) if len(told.at) else None
    order = sorted(range(len(rows.servers)), key=lambda place: _rank(rows.servers[place]))
    return WatchOut(
        horizon_h=horizon_h,
        made_at=made_at,
        pending=pending,
        left_out=left_out,
        servers=[_server(rows.servers[place], rows.take(rows.server == place)) for place in order],
        concept=ConceptOut(**asdict(found), is_alarm=found.is_alarm) if found is not None else None,
        is_concept_drift=found is not None and found.is_alarm,
        inputs=[],
        is_input_drift=False,
        is_worse_than_rule=_is_worse(told),
        challenges=_challenges(rows, told, [place for place in order if challenges[place]]),
    )


def _rank(server: Server) -> tuple[bool, str, str]:
    return server.is_challenger, server.name, str(server.model_id)


def _server(server: Server, rows: Columns) -> ServerWatchOut:
    bins = reliability.reliability(rows.said, rows.came)
    alarms = reliability.alarms_per_machine_month(rows.said, rows.machine, rows.at, ALARM_FROM)
    return ServerWatchOut(
        name=server.name,
        model_id=server.model_id,
        is_challenger=server.is_challenger,
        rows=len(rows.said),
        stops=int(rows.came.sum()),
        brier=reliability.brier(rows.said, rows.came),
        baseline_brier=reliability.brier(rows.rule, rows.came),
        calibration_error=reliability.expected_calibration_error(bins),
        reliability=[BinOut(**asdict(each)) for each in bins],
        coverage=_known(reliability.coverage(rows.minutes, rows.lower, rows.upper)),
        coverage_level=LEVEL,
        minutes=_minutes(minutes.score(rows.expected, rows.minutes)),
        alarms_per_machine_month=_known(alarms),
        rolling=_rolling(rows),
    )


def _known(figure: float) -> float | None:
    return None if math.isnan(figure) else figure


def _minutes(found: MinutesScore) -> MinutesScoreOut:
    """Return it as the API gives it: what is no number is none."""
    return MinutesScoreOut(bias=_known(found.bias), deviance=found.deviance, lift=_known(found.lift))


def _rolling(rows: Columns) -> list[BlockOut]:
    last = int(rows.at.max())
    back = (last - rows.at) // _BLOCK
    blocks = []
    for number in sorted(set(back.tolist()), reverse=True):
        own = back == number
        start = utc(last - (number + 1) * _BLOCK)
        word, rule = (reliability.brier(said[own], rows.came[own]) for said in (rows.said, rows.rule))
        blocks.append(BlockOut(start=start, rows=int(own.sum()), brier=word, baseline_brier=rule))
    return blocks


def _concept(rows: Columns, horizon: int) -> Concept:
    lately = np.flatnonzero(rows.at > rows.at.max() - _BLOCK)
    chosen = lately[apart(rows.machine[lately], rows.at[lately], horizon)]
    return concept(rows.said[chosen], rows.came[chosen])


def _is_worse(rows: Columns) -> bool:
    if not len(rows.at):
        return False
    lately = rows.at > rows.at.max() - _BLOCK
    if lately.sum() < _FEWEST:
        return False
    rule, came = rows.rule[lately], rows.came[lately]
    found = reliability.against(rule, rows.said[lately], came, rows.machine[lately])
    return found is not None and found.excludes_zero


def _challenges(rows: Columns, told: Columns, challengers: Sequence[int]) -> list[ChallengeOut]:
    moments = lanes(told.machine, told.at)
    by_moment = np.argsort(moments, kind="stable")
    moments = moments[by_moment]
    found = []
    for place in challengers:
        challenger = rows.take(rows.server == place)
        asked = lanes(challenger.machine, challenger.at)
        where = np.searchsorted(moments, asked, side="right") - 1
        same = (where >= 0) & (moments[where] == asked) if len(moments) else np.zeros(len(asked), bool)
        if not same.any():
            continue
        challenger, champion = challenger.take(same), told.take(by_moment[where[same]])
        gain = reliability.against(challenger.said, champion.said, champion.came, champion.machine)
        found.append(
            ChallengeOut(
                champion=", ".join(sorted({rows.servers[each].name for each in np.unique(champion.server)})),
                challenger=rows.servers[place].name,
                challenger_model_id=rows.servers[place].model_id,
                rows=len(challenger.at),
                champion_brier=reliability.brier(champion.said, champion.came),
                challenger_brier=reliability.brier(challenger.said, challenger.came),
                gain=BoundsOut(lower=gain.lower, upper=gain.upper, level=gain.level) if gain is not None else None,
                is_better=gain is not None and gain.excludes_zero,
            )
        )
    return found
