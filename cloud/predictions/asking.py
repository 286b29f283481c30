"""Owns what is answered about a machine's next hours: from memory while nothing new is known, else computed and kept.

An answer is remembered under who served it, the machine, the state of all that is known of it, and the horizon. A new
event makes another state, so nothing remembered is ever out of date by it; after `SLOT` it is computed anew anyway,
for time itself is a feature. Machines' slots end at moments of their own: what a plant's screens ask all the time is
never computed for all machines at once. That there is too little to answer from is not remembered: a history may be on
its way.
"""

import asyncio
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.errors import Invalid
from cloud.machines import service as machines
from cloud.predictions import hearing, keeping, messages, past, speaking, unseen
from cloud.predictions.answering import Asked, answer
from cloud.predictions.features import Instants, Matrix, features
from cloud.predictions.grounds import Ground, Lacking, cut, lay, look, plain
from cloud.predictions.history import HOUR
from cloud.predictions.keeping import Made
from cloud.predictions.learning import messages as learning
from cloud.predictions.learning.serving import Refused, Speakers
from cloud.predictions.past import Past
from cloud.predictions.remembered import Remembered
from cloud.predictions.said import Question, Said, Serving, shown
from cloud.predictions.schemas import DowntimePredictionOut
from cloud.predictions.standing import standing
from cloud.production.service.moments import us, utc

# what an answer says changes by that little in so long, while nothing happens
SLOT = timedelta(minutes=10)
# rules are learned anew so often
RELEARNED = timedelta(hours=1)
# some two hundred machines by a few horizons; each answer is 2 KB, each ground 2 MB
MOST_ANSWERS, MOST_GROUNDS = 2_000, 16


@dataclass(frozen=True, slots=True)
class Looked:
    """At what is looked, with which features stated by the caller, who answers, and what imports there are."""

    at: datetime
    given: Mapping[str, float]
    server: Serving
    brought: str = ""


class Memory:
    """What a process remembers of answers and of what they stand on."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Begin empty."""
        asked = Counter(
            "tezgah_predictions_answers_total",
            "Predictions answered and rules learned for them: computed, or known already.",
            ["what", "kind"],
            registry=registry,
        )
        self.answers: Remembered[Said] = Remembered(asked, "answer", MOST_ANSWERS)
        self.grounds: Remembered[Ground | Lacking] = Remembered(asked, "rule", MOST_GROUNDS)
        self.speakers = Speakers(registry)
        # one at a time of an organization's: whoever asks for the same meanwhile waits, and finds it
        self.turns: defaultdict[uuid.UUID, asyncio.Lock] = defaultdict(asyncio.Lock)


async def downtime(
    session: AsyncSession,
    organization_id: uuid.UUID,
    memory: Memory,
    named: Sequence[str],
    asked: Question,
    now: datetime,
) -> list[DowntimePredictionOut]:
    """Return what is said of machines, in their order.

    Raises:
        NotFound: The organization has no such machine.
        Invalid: The instant is later than now, or a feature is unknown.
    """
    require_past(asked.as_of, now)
    wanted = await machines.resolve_all(session, organization_id, named)
    said = await say(session, organization_id, memory, [each.id for each in wanted], asked, now)
    return [shown(machine, said[machine.id], asked) for machine in wanted]


async def say(
    session: AsyncSession,
    organization_id: uuid.UUID,
    memory: Memory,
    machine_ids: Sequence[uuid.UUID],
    asked: Question,
    now: datetime,
) -> dict[uuid.UUID, Said]:
    """Return what is said of machines, remembered where it may be; what is computed of the present is kept."""
    stands = await standing(session, organization_id, machine_ids, asked.horizon_h)
    server = await _server(session, stands.champion, memory.speakers, asked)
    # all that it is remembered by must have been recorded by then, also where this clock is behind PostgreSQL's
    given, at = tuple(sorted(asked.features.items())), asked.as_of or max(now, stands.at)
    common = (organization_id, stands.brought, server.key, asked.horizon_h, given)
    keys = {each: (each, stands.known[each], asked.as_of or slot(each, now), *common) for each in machine_ids}
    found = {each: memory.answers.get(key) for each, key in keys.items()}
    lacking = [each for each, known in found.items() if known is None]
    if lacking:
        async with memory.turns[organization_id]:
            found |= {each: memory.answers.peek(keys[each]) for each in lacking}
            lacking = [each for each in lacking if found[each] is None]
            looked = Looked(at, asked.features, server, stands.brought)
            made = await _made(session, organization_id, memory, lacking, asked, looked)
            for each, said in made.items():
                if said.answer is not None:
                    memory.answers.put(keys[each], said)
        found |= made
    return {each: said for each, said in found.items() if said is not None}


async def _made(
    session: AsyncSession,
    organization_id: uuid.UUID,
    memory: Memory,
    machine_ids: Sequence[uuid.UUID],
    asked: Question,
    looked: Looked,
) -> dict[uuid.UUID, Said]:
    """Return what is computed of machines; of the present it is kept."""
    if not machine_ids:
        return {}
    # rules look at what happened only; a model at all that is known of the machine
    spans_of = () if looked.server.model is None else machine_ids
    known = await past.read(session, organization_id, looked.at, spans_of)
    ground = await _ground(session, memory, organization_id, known, asked, looked)
    made = await asyncio.to_thread(_computed, known, ground, machine_ids, looked)
    if asked.as_of is None and not asked.features:
        new = [
            Made(each, said.at, said.answer, model.name if model else said.rule, model.id if model else None)
            for each, said in made.items()
            if said.answer is not None
            for model in (said.server.model,)
        ]
        await keeping.keep(session, organization_id, asked.horizon_h, "asked", new)
    return made


def slot(machine_id: uuid.UUID, at: datetime) -> int:
    """Return the number of a machine's slot: another one after each `SLOT`, begun at a moment of the machine's own."""
    length = us(utc(0) + SLOT)
    return (us(at) + machine_id.int % length) // length


def require_past(as_of: datetime | None, now: datetime) -> None:
    """Refuse an instant that is still to come.

    Raises:
        Invalid: It is.
    """
    if as_of is not None and as_of > now:
        raise Invalid(messages.AS_OF_LATER, told=as_of, now=now)


async def _ground(
    session: AsyncSession, memory: Memory, organization_id: uuid.UUID, known: Past, asked: Question, looked: Looked
) -> Ground | Lacking:
    """Return what answers stand on: of the present one of this hour, of the past one of that very instant."""
    at, hour = us(looked.at), us(looked.at) // us(utc(0) + RELEARNED)
    key = (organization_id, asked.horizon_h, asked.as_of or hour, len(known.machines), looked.brought)
    found = memory.grounds.get(key)
    # a plant that has too little may have enough in the next minute: its history is being imported
    if found is None or isinstance(found, Lacking):
        blind = await unseen.read(session, known, looked.at)
        found = await asyncio.to_thread(lay, known.history, asked.horizon_h * HOUR, at, blind.reaches_into)
        memory.grounds.put(key, found)
    return found


async def _server(session: AsyncSession, champion: uuid.UUID | None, speakers: Speakers, asked: Question) -> Serving:
    """Return who answers: the model that is promoted, unless it cannot or knows what came later."""
    if champion is None:
        return Serving()
    found = await speakers.taken(session, champion)
    if isinstance(found, Refused):
        return Serving(None, learning.MODEL_REFUSED, {"reason": found.reason})
    if asked.as_of is not None and asked.as_of < found.learned_until:
        return Serving(None, learning.MODEL_TOO_YOUNG)
    return Serving(found, messages.MODEL_SERVES)


def _computed(
    known: Past, ground: Ground | Lacking, machine_ids: Sequence[uuid.UUID], looked: Looked
) -> dict[uuid.UUID, Said]:
    stops, at, model = len(known.history.stops), looked.at, looked.server.model
    if isinstance(ground, Lacking):
        return {each: Said(at, None, stops=ground.stops) for each in machine_ids}
    places = np.array([known.place(each) for each in machine_ids], np.int32)
    instants = Instants(places, np.full(len(places), us(at), np.int64))
    matrix = features(plain(known.history, us(at)), instants)
    full = None if model is None else model.fitted(features(cut(known.history, us(at)), instants, wanted=model.names))
    _require_known(looked.given, matrix, full)
    matrix = _overridden(matrix, looked.given)
    full = None if full is None else _overridden(full, looked.given)
    codes = [(each, known.codes.get(each, str(each))) for each in known.machines]
    found = {}
    for row, machine_id in enumerate(machine_ids):
        chosen = np.array([row])
        one = Asked(look(int(places[row]), us(at)), matrix.take(chosen))
        server = looked.server
        if model is not None and full is not None:
            asked = speaking.put(one, model, full.take(chosen), known, machine_id)
            server = server if asked else Serving(None, learning.MODEL_BLIND, {"hours": hearing.HOURS})
            one = asked or one
        found[machine_id] = Said(
            at,
            answer(ground, one, known.history),
            ground.rule,
            utc(ground.until),
            stops,
            codes,
            ground.scores[ground.rule],
            server,
            hearing.is_silent(known.heard, machine_id, us(at)),
        )
    return found


def _require_known(given: Mapping[str, float], *matrices: Matrix | None) -> None:
    known = list(dict.fromkeys(name for matrix in matrices if matrix is not None for name in matrix.names))
    for name in given:
        if name not in known:
            raise Invalid(messages.FEATURE_UNKNOWN, name=name, known=", ".join(known))


def _overridden(matrix: Matrix, given: Mapping[str, float]) -> Matrix:
    """Return the features with those that the caller states in their place."""
    if not given:
        return matrix
    values = matrix.values.copy()
    for name, value in given.items():
        if name in matrix.names:
            values[:, matrix.names.index(name)] = value
    return Matrix(values, matrix.names, matrix.groups)
