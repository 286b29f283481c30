"""A stored model that cannot answer is refused when it is read, and not met by whoever asks."""

import uuid
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from cloud.predictions.artefact import kept
from cloud.predictions.learning.serving import Refused, Speaker, Speakers
from cloud.predictions.models import ALGORITHMS, Both, lasting

RNG = np.random.default_rng(1)
ROWS = RNG.normal(size=(200, 3)).astype(np.float32)
CAME = RNG.random(200) < 0.3


class Stored:
    """A session that knows one model's row."""

    def __init__(self, pipeline, names=("a", "b", "c"), **calibration):
        file = kept(pipeline)
        self._row = SimpleNamespace(
            algorithm="logistic_regression",
            number=4,
            learned_until=datetime(2026, 3, 1, tzinfo=UTC),
            features=list(names),
            usual=[0.0] * len(names),
            calibration={"slope": 1.0, "shift": 0.0} | calibration,
            artefact=file.content,
            sha256=file.sha256,
            versions=file.versions,
        )

    async def execute(self, *_):
        return SimpleNamespace(one=lambda: self._row)


def learned():
    way = ALGORITHMS["logistic_regression"]
    return way.build(way.usual, 0).fit(ROWS, CAME)


async def test_one_that_answers_speaks():
    found = await Speakers().taken(Stored(learned()), uuid.uuid4())
    assert isinstance(found, Speaker)
    assert found.name == "logistic_regression 4"
    assert 0 < found.say(ROWS[:1])[0] < 1


@pytest.mark.parametrize(
    ("stored", "why"),
    [
        (Stored(Pipeline([("model", LogisticRegression())])), "does not answer (NotFittedError)"),
        (Stored(learned(), names=("a", "b")), "does not answer (ValueError)"),
        (Stored(learned(), slope=float("nan")), "answers [nan]"),
    ],
    ids=["not trained", "of other features", "no number"],
)
async def test_one_that_does_not_is_refused_and_why_is_said(stored, why):
    found = await Speakers().taken(stored, uuid.uuid4())
    assert isinstance(found, Refused)
    assert why in found.reason


async def test_one_that_says_how_long_stops_last_says_it_and_no_nonsense():
    minutes = np.linspace(1, 50, len(ROWS))
    found = await Speakers().taken(Stored(Both(learned(), lasting(ROWS, minutes, 0))), uuid.uuid4())
    assert isinstance(found, Speaker)
    assert 0 < found.lasts(ROWS[:1])[0] < 50
    assert (await Speakers().taken(Stored(learned()), uuid.uuid4())).lasts is None
    # neither part may be missing or untrained
    for strange in (Both(learned(), Pipeline([("model", LogisticRegression())])), Both(None, learned())):
        assert isinstance(await Speakers().taken(Stored(strange), uuid.uuid4()), Refused)
