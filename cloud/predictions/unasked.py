"""Owns what the watch says unasked: of every machine that runs what the service would say, and others beside it."""

import uuid
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from cloud.predictions import hearing
from cloud.predictions.answering import Asked, answer
from cloud.predictions.drifting import Input, inputs
from cloud.predictions.features import Instants, Matrix, features
from cloud.predictions.grounds import Ground, Lacking, cut, lay, look, plain
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.keeping import Made
from cloud.predictions.learning.serving import Speaker
from cloud.predictions.outcomes import grid, step_of
from cloud.predictions.past import Past
from cloud.predictions.speaking import put
from cloud.predictions.unseen import Unseen
from cloud.production.service.moments import us

# what inputs are compared with
_LEARNED = timedelta(days=182)
# at all machines together; of each feature some thirty distributions are made of them
_MOST_LOOKS = 20_000


@dataclass(frozen=True, slots=True)
class Turn:
    """What is said, and which inputs are other ones than they were."""

    made: Sequence[Made]
    drifting: Sequence[Input]


def turn(
    known: Past,
    blind: Unseen,
    now: datetime,
    horizon_h: int,
    models: Sequence[tuple[Speaker, bool]],
    over: Set[uuid.UUID],
) -> Turn:
    """Return what is said of every machine that runs, by who serves and by those that might beside it.

    Args:
        known: The plant's past.
        blind: When nobody knew.
        now: The instant.
        horizon_h: How far ahead.
        models: Who speaks, and whether each only challenges.
        over: Machines whose life is over: that they stop no more says nothing of who predicts.
    """
    ground = lay(known.history, horizon_h * HOUR, us(now), blind.reaches_into)
    if isinstance(ground, Lacking):
        return Turn([], [])
    told, whole = plain(known.history, us(now)), cut(known.history, us(now))
    # of one whose past ended long ago nobody will know what came; an import of every night goes on telling
    silent = over | {each for each in known.machines if hearing.is_silent(known.heard, each, us(now))}
    places = [place for place, each in enumerate(known.machines) if each in known.since and each not in silent]
    instants = Instants(np.array(places, np.int32), np.full(len(places), us(now), np.int64))
    matrix = features(told, instants)
    fulls = [model.fitted(features(whole, instants, wanted=model.names)) for model, _ in models]
    made: list[Made] = []
    for row, place in enumerate(places):
        machine_id, one = known.machines[place], Asked(look(place, us(now)), matrix.take(np.array([row])))
        speaking = [
            (model, is_challenger, asked)
            for (model, is_challenger), full in zip(models, fulls, strict=True)
            if (asked := put(one, model, full.take(np.array([row])), known, machine_id)) is not None
        ]
        is_model_serving = any(not is_challenger for _, is_challenger, _ in speaking)
        for name, is_challenger in _rules(ground):
            said = answer(ground.served_by(name), one, known.history)
            if said.is_down:
                continue
            made.append(Made(machine_id, now, said, name, is_challenger=is_challenger or is_model_serving))
        for model, is_challenger, asked in speaking:
            said = answer(ground, asked, known.history)
            if not said.is_down:
                made.append(Made(machine_id, now, said, model.name, model.id, is_challenger))
    return Turn(made, _drifting(known, now))


def _rules(ground: Ground) -> list[tuple[str, bool]]:
    ranked = sorted(ground.scores, key=lambda name: ground.scores[name])
    return [(name, place > 0) for place, name in enumerate(ranked[:2])]


def _drifting(known: Past, now: datetime) -> list[Input]:
    """Return the inputs of which two weeks in a row are unlike the half year before."""
    begin = max(us(now - _LEARNED), min(known.since.values(), default=us(now)) + 7 * DAY)
    # of a large hall fewer looks at each machine are enough
    step = step_of(len(known.machines), begin, us(now), _MOST_LOOKS)
    instants = grid(len(known.machines), begin, us(now), step)
    if not len(instants):
        return []
    matrix: Matrix = features(plain(known.history, us(now)), instants)
    return [each for each in inputs(matrix, instants.at, us(now)) if each.is_drift]
