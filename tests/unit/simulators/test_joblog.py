"""The job log that is made up."""

from datetime import datetime

from simulators.joblog import COLUMNS, TIMES, Dirt, joblog

BEGIN = datetime(2026, 3, 2)  # noqa: DTZ001 - as such tables hold it


def test_the_same_seed_makes_the_same_rows_and_all_dirt_is_among_them():
    made = list(joblog(1, 2_000, BEGIN))
    assert made == list(joblog(1, 2_000, BEGIN))
    assert made != list(joblog(2, 2_000, BEGIN))
    assert {each.dirt for each in made} == set(Dirt)


def test_a_clean_rows_columns_add_up_to_its_duration():
    for made in joblog(3, 200, BEGIN, dirt=0):
        assert tuple(made.row) == COLUMNS
        assert sum(int(made.row[name]) for name in TIMES) == int(made.row["JobDuration"])
