"""A kept model says the same when it is taken again; a file that somebody else wrote is refused."""

import hashlib
import pickle
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from skops import io

from cloud.errors import Invalid
from cloud.predictions.artefact import Artefact, kept, taken, versions
from cloud.predictions.models import ALGORITHMS, Both, lasting, minutes_if, probability

RNG = np.random.default_rng(0)
ROWS = np.where(RNG.random((400, 4)) < 0.1, np.nan, RNG.normal(size=(400, 4))).astype(np.float32)
CAME = RNG.random(400) < 0.2


class Hostile:
    """What an attacker would put into a file."""


def trained(name):
    way = ALGORITHMS[name]
    return way.build(way.usual, 0).fit(ROWS, CAME)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_what_is_kept_says_the_same_to_the_bit(name):
    pipeline = trained(name)
    assert np.array_equal(probability(taken(kept(pipeline)), ROWS), probability(pipeline, ROWS))


def test_what_says_how_long_stops_last_is_kept_with_it():
    both = Both(trained("hist_gradient_boosting"), lasting(ROWS, np.linspace(1, 50, len(ROWS)), 0))
    again = taken(kept(both))
    assert np.array_equal(probability(again, ROWS), probability(both, ROWS))
    assert np.array_equal(minutes_if(again, ROWS), minutes_if(both, ROWS))
    assert minutes_if(taken(kept(both.stops)), ROWS) is None


def artefact(content):
    return Artefact(content, hashlib.sha256(content).hexdigest(), versions())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (io.dumps({"model": Hostile()}), "Hostile"),
        (pickle.dumps({"model": 1}), "cannot be read"),
        (b"", "cannot be read"),
        (kept({"x": 1}).content[:40], "cannot be read"),
        (kept({"x": 1}).content, "it is a dict and no pipeline"),
        (io.dumps(np.zeros(10_000_000), compression=zipfile.ZIP_DEFLATED), "80,000,... bytes unpacked"),
    ],
    ids=["class", "pickle", "empty", "cut", "no pipeline", "bomb"],
)
def test_what_no_pipeline_of_ours_holds_is_refused(content, why):
    with pytest.raises(Invalid, match=why):
        taken(artefact(content))


def test_a_file_that_was_changed_is_refused():
    good = kept(trained("logistic_regression"))
    with pytest.raises(Invalid, match="digest"):
        taken(replace(good, content=good.content + b" "))


def test_a_model_of_another_version_is_refused_with_the_way_out():
    good = kept(trained("logistic_regression"))
    with pytest.raises(Invalid, match="train again"):
        taken(replace(good, versions={"scikit-learn": "0.1", "skops": "0.1"}))


def test_what_is_too_large_to_be_taken_again_is_not_kept():
    with pytest.raises(Invalid, match="68 MB, at most 64 are kept; ask for fewer trees"):
        kept(np.zeros(9_000_000))
