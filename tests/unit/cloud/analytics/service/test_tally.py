"""Facts by machine and by period are one sum, or there is no answer."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cloud.analytics.schemas import Grain
from cloud.analytics.service import tally
from cloud.analytics.service.tally import Tally
from cloud.kpi.elements import Category, PieceKind
from cloud.kpi.facts import Facts
from cloud.kpi.ledger import LedgerBroken

MACHINE = uuid.UUID(int=1)
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)
RAN = Facts({Category.RUN: 60}, {PieceKind.GOOD: 3})


def test_what_comes_in_parts_is_added_up_and_says_from_when_until_when_it_is():
    sums, key = Tally(), (MONDAY, MONDAY.date(), None)
    for hour in (6, 2):
        span = MONDAY + timedelta(hours=hour), MONDAY + timedelta(hours=hour + 1)
        sums.of(MACHINE, RAN, 1)
        sums.put(key, span, RAN, 1)
    found = sums.summed(has_between=False)
    [period] = found.periods
    assert (period.start.hour, period.end.hour, period.revision) == (2, 7, 2)
    assert found.of_machine == {MACHINE: (RAN + RAN, 2)}
    assert period.facts == RAN + RAN


def test_what_is_of_no_period_is_in_the_sum_too():
    sums = Tally()
    sums.of(MACHINE, RAN, 1)
    sums.between.append(RAN)
    assert sums.summed(has_between=True).between == RAN


@pytest.mark.parametrize("lost", [Facts({Category.RUN: 1}), Facts({}, {PieceKind.SCRAP: 1}), Facts(overtime_pieces=1)])
def test_sums_that_do_not_hold_are_no_answer(lost):
    sums = Tally()
    sums.of(MACHINE, RAN + lost, 1)
    sums.put((MONDAY, None, None), (MONDAY, MONDAY + timedelta(hours=1)), RAN, 1)
    with pytest.raises(LedgerBroken, match="the periods come to"):
        sums.summed(has_between=False)


def test_periods_begin_on_their_first_day_in_the_plants_time_zone():
    day = date(2026, 11, 19)
    assert tally.first(day, Grain.WEEK) == MONDAY.date()
    assert tally.following(date(2026, 12, 1), Grain.MONTH) == date(2027, 1, 1)
    assert tally.following(MONDAY.date(), Grain.WEEK) == date(2026, 11, 23)
    assert tally.midnight(day, ZoneInfo("Europe/Istanbul")) == datetime(2026, 11, 18, 21, tzinfo=UTC)
