from edge.doctor import hostclock
from edge.drivers.inspection import Severity


def test_a_clock_that_nothing_keeps_is_a_warning_with_the_way_out() -> None:
    section = hostclock.examine(lambda: (False, 16.0))
    assert section.worst is Severity.WARNING
    assert "chrony" in section.findings[0].fix


def test_a_clock_that_is_kept_says_how_well() -> None:
    section = hostclock.examine(lambda: (True, 0.025))
    assert section.worst is None
    assert dict(section.facts)["synchronised"] == "yes, to 25 ms at most"


def test_where_it_cannot_be_asked_nothing_is_claimed() -> None:
    assert hostclock.examine(lambda: None).worst is None


def test_the_kernel_answers_or_cannot_be_asked() -> None:
    told = hostclock.kernel_clock()
    assert told is None or told[1] >= 0
