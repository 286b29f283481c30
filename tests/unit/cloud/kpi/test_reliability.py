"""Mean times, and what is said without a failure."""

from cloud.kpi.reliability import reliability


def test_without_a_failure_there_is_a_least_and_no_mean():
    told = reliability(168, 0)
    assert (told.mtbf, told.mttr, told.failure_rate) == (None, None, 0.0)
    assert (told.mtbf_at_least, told.mtbf_iso22400) == (168, 168)


def test_both_denominators_stand_beside_each_other():
    told = reliability(100, 4, 10)
    assert (told.mtbf, told.mtbf_iso22400, told.mttr, told.mtbf_at_least) == (25, 20, 2.5, None)


def test_what_did_not_operate_has_no_rate():
    assert reliability(0, 0).failure_rate is None
