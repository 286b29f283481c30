"""Owns what was said of a machine's next hours: by whom, from what, and in the form in which its caller sees it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cloud import languages
from cloud.languages import Language, Message
from cloud.machines.schemas import MachineOut
from cloud.predictions import messages
from cloud.predictions.answering import LEVEL, Answer, Reason
from cloud.predictions.grounds import FEWEST_STOPS
from cloud.predictions.hearing import HOURS
from cloud.predictions.learning.serving import Speaker
from cloud.predictions.schemas import (
    AlikeOut,
    BaselineOut,
    BoundsOut,
    CaseOut,
    DowntimePredictionOut,
    EffectOut,
    ServedOut,
    Server,
    Status,
)
from cloud.production.service.moments import utc


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers: a model, or else the best rule, and why.

    Attributes:
        model: None where the rule does.
        why: A sentence, and what it names.
    """

    model: Speaker | None = None
    why: Message = messages.NO_MODEL
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def key(self) -> object:
        """What an answer of its is remembered by."""
        return (self.model.id if self.model is not None else None, self.why.en)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, with what it stands on.

    Attributes:
        at: The instant it is of.
        answer: None where there is too little to answer from.
        rule: Name of the best rule.
        learned_until: When the rule was learned.
        stops: How many unplanned stops the plant is known to have had.
        codes: Of machines, those of similar cases among them, by place.
        score: The rule's Brier score on the latest part of the past.
        server: Who said it.
        is_silent: Nobody tells any more when the machine stands.
    """

    at: datetime
    answer: Answer | None
    rule: str = ""
    learned_until: datetime | None = None
    stops: int = 0
    machines: Sequence[tuple[uuid.UUID, str]] = ()
    score: float = 0.0
    server: Serving = field(default_factory=Serving)
    is_silent: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of machines."""

    horizon_h: int
    threshold: float
    as_of: datetime | None
    features: Mapping[str, float] = field(default_factory=dict)


def shown(machine: MachineOut, said: Said, asked: Question) -> DowntimePredictionOut:
    """Return what was said of a machine as its caller sees it."""
    language = languages.current()
    found = said.answer
    common = {
        "machine_id": machine.id,
        "machine": machine.code,
        "as_of": said.at,
        "horizon_h": asked.horizon_h,
        "confidence_threshold": asked.threshold,
        "learned_until": said.learned_until,
        "stops_known": said.stops,
    }
    if found is None:
        few = messages.FEW_STOPS if asked.as_of is None else messages.FEW_STOPS_THEN
        detail = few.said(language, {"stops": said.stops, "needed": FEWEST_STOPS, "as_of": said.at})
        return DowntimePredictionOut.model_validate(common | _NOTHING | {"detail": detail})
    abstains = said.is_silent or found.confidence < asked.threshold
    facts = {"confidence": round(found.confidence, 2), "threshold": asked.threshold, "hours": HOURS}
    why = messages.SILENT if said.is_silent else messages.ABSTAINS
    return DowntimePredictionOut.model_validate(
        common
        | {
            "status": Status.ABSTAINED if abstains else Status.ANSWERED,
            "detail": why.said(language, facts) if abstains else None,
            "probability": found.probability,
            "interval": BoundsOut(lower=found.lower, upper=found.upper, level=LEVEL),
            "will_stop": None if abstains else found.probability >= 0.5,
            "confidence": found.confidence,
            "abstained": abstains,
            **_minutes(found),
            "baseline": BaselineOut(name=said.rule, value=found.rule),
            "served_by": _served(said, language),
            "reasons": [_effect(each, language) for each in found.reasons],
            "similar_cases": _alike(found, said.machines),
            "is_down": found.is_down,
        }
    )


def _minutes(found: Answer) -> dict[str, object]:
    # a stop that may come and takes no time: of this plant's stops nobody knows how long they took
    if found.probability > 0 and found.minutes == 0:
        return {"expected_minutes": None, "minutes_interval": None}
    bounds = BoundsOut(lower=found.minutes_lower, upper=found.minutes_upper, level=LEVEL)
    return {"expected_minutes": found.minutes, "minutes_interval": bounds}


def _effect(reason: Reason, language: Language) -> EffectOut:
    """Return a reason with its direction, in words."""
    sentence = messages.REASON_RAISES if reason.effect > 0 else messages.REASON_LOWERS
    facts = {"what": messages.GROUPS.get(reason.group, reason.group), "points": round(abs(reason.effect) * 100, 1)}
    said = sentence.said(language, facts)
    return EffectOut(group=reason.group, effect=reason.effect, says=said[:1].upper() + said[1:])


def _served(said: Said, language: Language) -> ServedOut:
    model, why = said.server.model, said.server.why.said(language, said.server.facts)
    if model is None:
        return ServedOut(kind=Server.BASELINE, name=said.rule, model_id=None, why=why)
    return ServedOut(kind=Server.MODEL, name=model.name, model_id=model.id, why=why)


_NOTHING: dict[str, object] = {
    "status": Status.INSUFFICIENT_DATA,
    "probability": None,
    "interval": None,
    "will_stop": None,
    "confidence": None,
    "abstained": True,
    "expected_minutes": None,
    "minutes_interval": None,
    "baseline": None,
    "served_by": None,
    "reasons": [],
    "similar_cases": None,
    "is_down": False,
}


def _alike(found: Answer, known: Sequence[tuple[uuid.UUID, str]]) -> AlikeOut:
    cases = [
        CaseOut(
            machine_id=known[each.machine][0],
            machine=known[each.machine][1],
            at=utc(each.at),
            stopped=each.stopped,
            minutes=each.minutes,
        )
        for each in found.cases
    ]
    return AlikeOut(asked=found.alike, stopped=found.alike_stopped, cases=cases)
