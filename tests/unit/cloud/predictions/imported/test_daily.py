"""The OEE of days that an import counted: whole ones, by the site's clock, of what is told of all of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from cloud.predictions.history import HOUR, Spans, no_spans
from cloud.predictions.imported.daily import counted
from cloud.production.service.moments import us

# the clocks of Berlin go back on 25 October: that day has 25 hours
BERLIN = ZoneInfo("Europe/Berlin")
BEGIN = datetime(2026, 10, 23, 22, tzinfo=UTC)
ALL = (BEGIN, BEGIN + timedelta(days=9))


def work(hours: int, **columns: float) -> Spans:
    at = us(BEGIN) + (np.arange(hours) + 1) * HOUR
    told = {"run": 45.0, "good": 81.0, "scrap": 9.0, "ideal": 100.0, **columns}
    values = {name: np.full(hours, value) for name, value in told.items()}
    return Spans(np.zeros(hours, np.int32), at, at, values, HOUR)


def test_a_day_of_the_sites_clock_has_the_figures_of_its_hours_and_half_a_day_has_none():
    found = counted(work(24 + 25 + 23), BERLIN, ALL)
    assert [each.start.isoformat() for each in found] == ["2026-10-24T00:00:00+02:00", "2026-10-25T00:00:00+02:00"]
    assert (found[0].availability, found[0].performance, found[0].quality) == pytest.approx((0.75, 0.9, 0.9))
    assert found[0].oee == pytest.approx(0.75 * 0.9 * 0.9)


def test_availability_is_of_the_planned_time_where_that_is_told():
    [day] = counted(work(24, planned=50.0), BERLIN, ALL)
    assert day.availability == pytest.approx(0.9)


def test_a_day_that_reaches_out_of_the_time_asked_for_is_left_out():
    assert [each.start.day for each in counted(work(49), BERLIN, (BEGIN + timedelta(hours=1), ALL[1]))] == [25]
    assert [each.start.day for each in counted(work(49), BERLIN, (BEGIN, BEGIN + timedelta(hours=48)))] == [24]


@pytest.mark.parametrize(
    "columns",
    [{"scrap": np.nan}, {"planned": 0.0}, {"ideal": 0.0}, {"good": 0.0, "scrap": 0.0}],
    ids=["no value", "nothing planned", "no ideal", "no piece"],
)
def test_a_day_without_all_that_it_takes_has_no_figure(columns):
    assert counted(work(24, **columns), BERLIN, ALL) == []


def test_without_the_columns_that_it_takes_or_any_row_there_is_no_day():
    assert counted(no_spans(), BERLIN, ALL) == []
    bare = work(24)
    del bare.columns["scrap"]
    assert counted(bare, BERLIN, ALL) == []
