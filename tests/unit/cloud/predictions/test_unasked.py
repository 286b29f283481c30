"""What the watch says unasked is what the service would say, and others beside it."""

import uuid

import numpy as np
import pytest

from cloud.predictions.grounds import cut
from cloud.predictions.history import DAY, HOUR
from cloud.predictions.learning.serving import Speaker
from cloud.predictions.past import Past
from cloud.predictions.unasked import turn
from cloud.predictions.unseen import unseen
from cloud.production.service.moments import us, utc
from tests.unit.cloud.predictions import plant

MACHINES = [uuid.UUID(int=number) for number in range(1, 4)]
NOW = utc(plant.BEGIN + 60 * DAY)
HISTORY = cut(plant.plant(machines=3, days=60), us(NOW))
NAMES = ("hours_since_stop", "alarms_24h")


def past(**over) -> Past:
    values = {
        "history": HISTORY,
        "machines": MACHINES,
        "codes": {each: str(each) for each in MACHINES},
        "since": dict.fromkeys(MACHINES, plant.BEGIN),
    }
    return Past(**values | over)


def model(number: int, *names: str) -> Speaker:
    """Return a model that says the same of everybody."""

    def say(values):
        return np.full(len(values), number / 100)

    return Speaker(uuid.UUID(int=1000 + number), f"boosting {number}", NOW, names, np.zeros(len(names)), say)


def said(known: Past, *models: tuple[Speaker, bool], over=frozenset()) -> dict[uuid.UUID, dict[str, bool]]:
    """Return by machine who spoke of it, and whether it only challenged."""
    found: dict[uuid.UUID, dict[str, bool]] = {}
    for each in turn(known, unseen(known, ()), NOW, 24, models, over).made:
        assert each.at == NOW
        found.setdefault(each.machine_id, {})[each.served_by] = each.is_challenger
    return found


@pytest.fixture(autouse=True)
def all_run():
    """See to it that no machine stands: of those nothing is said."""
    ends = HISTORY.stops.end[HISTORY.stops.at < us(NOW)]
    assert (ends < us(NOW)).all()


def test_where_no_model_is_promoted_the_best_rule_serves_and_the_next_one_challenges():
    for by in said(past()).values():
        assert sorted(by.values()) == [False, True]
        assert len(by) == 2


def test_the_promoted_model_serves_and_rules_and_candidates_challenge():
    champion, candidate = model(20, *NAMES), model(30, *NAMES)
    found = said(past(), (champion, False), (candidate, True))
    assert set(found) == set(MACHINES)
    for by in found.values():
        assert [name for name, is_challenger in by.items() if not is_challenger] == ["boosting 20"]
        assert by["boosting 30"]
        assert len(by) == 4


def test_of_a_machine_of_which_a_model_hears_no_more_it_does_not_speak_and_the_best_rule_serves():
    heard = {"alarms": {MACHINES[1]: us(NOW) - 49 * HOUR, MACHINES[2]: us(NOW) - 47 * HOUR}}
    champion, candidate, deaf = model(20, *NAMES), model(30, *NAMES), model(40, "hours_since_stop")
    rule = next(name for name, is_challenger in said(past())[MACHINES[1]].items() if not is_challenger)
    found = said(past(heard=heard), (champion, False), (candidate, True), (deaf, True))
    for heard_of in (MACHINES[0], MACHINES[2]):
        assert [name for name, is_challenger in found[heard_of].items() if not is_challenger] == ["boosting 20"]
        assert found[heard_of]["boosting 30"]
    blind = found[MACHINES[1]]
    assert [name for name, is_challenger in blind.items() if not is_challenger] == [rule]
    # one that looks at no alarms loses nothing by their silence
    assert set(blind) - {rule, "boosting 40"} < set(said(past())[MACHINES[1]])
    assert blind["boosting 40"]


def test_nothing_is_said_of_what_nobody_will_tell_of_nor_of_what_is_over_nor_of_what_was_never_seen():
    since = dict.fromkeys(MACHINES[1:], plant.BEGIN)
    assert set(said(past(since=since))) == set(MACHINES[1:])
    assert set(said(past(), over={MACHINES[1]})) == {MACHINES[0], MACHINES[2]}
    heard = {"stops": {MACHINES[0]: us(NOW) - 49 * HOUR, MACHINES[2]: us(NOW) - 47 * HOUR}}
    assert set(said(past(heard=heard))) == set(MACHINES[1:])


def test_of_too_short_a_past_nothing_is_said():
    early = plant.BEGIN + DAY
    known = past(history=cut(plant.plant(machines=3, days=1), early))
    told = turn(known, unseen(known, ()), utc(early), 24, (), frozenset())
    assert (told.made, told.drifting) == ([], [])
