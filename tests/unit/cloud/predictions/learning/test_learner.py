"""Which looks a training learns from: those that are asked for, and no more than there is memory for."""

import uuid
from datetime import timedelta

import numpy as np

from cloud.predictions.history import DAY, HOUR, History, Stops, no_events, no_spans
from cloud.predictions.learning.learner import MOST_LOOKS, looks
from cloud.predictions.learning.schemas import TrainingFilter
from cloud.predictions.past import Past
from cloud.production.service.moments import utc
from tests.unit.cloud.predictions.plant import BEGIN

MACHINES = [uuid.UUID(int=number) for number in range(1, 201)]
NONE = no_events()
PAST = Past(
    History([], Stops(NONE.machine, NONE.at, NONE.known, NONE.kind), NONE, NONE, no_spans(), no_spans()),
    MACHINES,
    {},
    {},
)


def test_one_an_hour_of_each_machine_where_there_is_room():
    found = looks(PAST, TrainingFilter(machine_ids=[str(MACHINES[3]), str(MACHINES[7])]), BEGIN, BEGIN + 2 * DAY)
    assert len(found) == 2 * 48
    assert set(found.machine.tolist()) == {3, 7}


def test_a_hall_of_ten_years_fits_and_every_hour_of_the_week_is_seen():
    found = looks(PAST, TrainingFilter(), BEGIN, BEGIN + 3650 * DAY)
    assert 0.8 * MOST_LOOKS < len(found) <= MOST_LOOKS
    assert len(np.unique(found.at[found.machine == 5] // HOUR % (24 * 7))) == 24 * 7
    assert len(np.unique(found.machine)) == 200


def test_what_is_not_asked_for_takes_no_room():
    since, until = utc(BEGIN + 100 * DAY), utc(BEGIN + 110 * DAY)
    found = looks(PAST, TrainingFilter(start_date=since, end_date=until), BEGIN, BEGIN + 3650 * DAY)
    assert len(found) == 200 * 240
    assert (utc(int(found.at.min())), utc(int(found.at.max()))) == (since, until - timedelta(hours=1))
    assert len(looks(PAST, TrainingFilter(start_date=utc(BEGIN + 9 * DAY)), BEGIN, BEGIN + 8 * DAY)) == 0
