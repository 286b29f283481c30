"""Owns whether a model speaks of a machine: asked or unasked, of one of which it hears no more it does not."""

import uuid
from dataclasses import replace

from cloud.predictions import hearing
from cloud.predictions.answering import Asked
from cloud.predictions.features import Matrix
from cloud.predictions.learning.serving import Speaker
from cloud.predictions.past import Past


def put(one: Asked, model: Speaker, full: Matrix, known: Past, machine_id: uuid.UUID) -> Asked | None:
    """Return a look as it is put to a model; None where the best rule has to answer in its place.

    Args:
        one: The look, as rules see it.
        model: Who might speak.
        full: The look's one row of features, `fitted` to the model.
        known: The past of the plant.
        machine_id: At which machine is looked.
    """
    if hearing.is_blind(known.heard, machine_id, set(full.groups.values()), int(one.instants.at[0])):
        return None
    return replace(one, predict=model.predict, full=full, usual=model.usual, lasts=model.lasts)
