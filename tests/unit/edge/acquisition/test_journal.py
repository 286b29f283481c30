from edge.acquisition.journal import MOST, Event, Journal
from shared.reading import Gap, GapCause


def test_the_newest_holes_and_errors_are_kept() -> None:
    journal = Journal()
    for n in range(MOST + 5):
        journal.note_gaps([Gap(GapCause.OVERFLOW, n, n + 1)])
        journal.note_error(n, f"error {n}")
    assert [gap.from_us for gap in journal.gaps] == list(range(5, MOST + 5))
    assert journal.errors[-1] == Event(MOST + 4, f"error {MOST + 4}")
    assert len(journal.errors) == MOST


def test_an_error_that_repeats_is_one_with_a_later_time() -> None:
    journal = Journal()
    for time_us, message in ((1, "refused"), (2, "refused"), (3, "lost"), (4, "refused")):
        journal.note_error(time_us, message)
    assert journal.errors == (Event(2, "refused"), Event(3, "lost"), Event(4, "refused"))
