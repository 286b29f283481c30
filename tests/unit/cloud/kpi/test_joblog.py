"""A job log's row as time: exact in length, made up in place, and never scaled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.kpi.elements import TimeElement
from cloud.kpi.figures import times
from cloud.kpi.joblog import BY_NAME, COLUMNS, lay_out
from cloud.kpi.ledger import Layers, Order, Stretch, draw_up
from cloud.kpi.policy import ISO22400
from cloud.kpi.spans import SECOND, Span

ROW = Span(0, 3600 * SECOND)


def elements(seconds: dict[str, float]):
    laid = lay_out(ROW, seconds)
    stretches = [Stretch(span, column.state, column.reason) for column, span in laid.stretches]
    return times(draw_up(ROW, Layers(stretches, orders=[Order(ROW, 1)])).facts, ISO22400)


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.name)
def test_a_column_is_its_element(column):
    found = elements({column.name: 600})
    told = {
        TimeElement.APT: found.apt,
        TimeElement.AUST: found.aust,
        TimeElement.ADET: found.adet,
        TimeElement.ADOT: found.adot,
        TimeElement.PDOT: found.pdot,
    }
    assert {element for element, spent in told.items() if spent} == {column.element}
    assert told[column.element] == 600 * SECOND
    assert found.unknown == 3000 * SECOND


@given(st.dictionaries(st.sampled_from(sorted(BY_NAME)), st.integers(0, 600)))
def test_what_the_columns_leave_is_unaccounted_and_what_they_exceed_is_cut_off(seconds):
    laid = lay_out(ROW, seconds)
    assert laid.unaccounted_s == 3600 - sum(seconds.values())
    assert sum(span.length for _, span in laid.stretches) == min(3600, sum(seconds.values())) * SECOND


def test_a_minute_or_a_hundredth_is_let_pass():
    assert not lay_out(ROW, {"running": 3540}).is_flagged
    assert lay_out(ROW, {"running": 3539}).is_flagged
    assert lay_out(ROW, {"running": 3661}).is_flagged


@pytest.mark.parametrize(("seconds", "words"), [({"runing": 1}, "no column runing"), ({"idle": -1}, "less than 0")])
def test_what_cannot_be_laid_is_named(seconds, words):
    with pytest.raises(ValueError, match=words):
        lay_out(ROW, seconds)
