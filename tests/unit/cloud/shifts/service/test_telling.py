"""What was told of shifts follows from the record of changes, and a change of today tells nothing of yesterday."""

from datetime import UTC, date, datetime, timedelta

import pytest

from cloud.changes import ChangeKind, Entity
from cloud.shifts.service.telling import Change, tellings

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
A, B = "machine-a", "machine-b"
DAY_SHIFT = {"name": "day", "day": 0, "start": "06:00:00", "end": "14:00:00", "crew": None, "breaks": []}
NIGHT = {"name": "night", "day": 0, "start": "22:00:00", "end": "06:00:00", "crew": None, "breaks": []}


def pattern(name: str, kind: ChangeKind = ChangeKind.CREATED, **members):
    whole = {
        "id": int(name),
        "name": "p",
        "time_zone": "Europe/Istanbul",
        "cycle_days": 1,
        "anchor": "2026-01-01",
        "valid_to": None,
        "shifts": [DAY_SHIFT],
        "is_default": False,
        "machines": [],
        "trouble": None,
    }
    return Entity.SHIFT_PATTERN, name, kind, whole | members if kind is ChangeKind.CREATED else members


def exception(day: str, kind: ChangeKind = ChangeKind.CREATED):
    return Entity.SHIFT_EXCEPTION, "7", kind, {"id": 7, "pattern_id": 1, "business_date": day, "shifts": []}


def told(*changes):
    rows = [
        Change(
            BEGIN + timedelta(days=place),
            entity.value,
            name,
            kind.value,
            members if kind is ChangeKind.DELETED else None,
            None if kind is ChangeKind.DELETED else members,
        )
        for place, (entity, name, kind, members) in enumerate(changes)
    ]
    return tellings(rows)


def shifts(pattern):
    return [shift.name for shift in pattern.shifts]


def test_each_telling_holds_from_when_it_was_told():
    first, second = told(
        pattern("1", is_default=True), pattern("1", ChangeKind.UPDATED, shifts=[DAY_SHIFT, NIGHT], trouble=None)
    )
    assert (first.at, second.at) == (BEGIN, BEGIN + timedelta(days=1))
    assert shifts(first.followed_by(A)) == ["day"]
    assert shifts(second.followed_by(A)) == ["day", "night"]
    assert second.followed_by(A).anchor == date(2026, 1, 1)


def test_a_machine_follows_the_pattern_that_named_it_last_and_else_the_default():
    _, both, moved, none = told(
        pattern("1", machines=[A]),
        pattern("2", is_default=True),
        pattern("3", machines=[A]),
        pattern("3", ChangeKind.UPDATED, machines=[]),
    )
    assert both.followed_by(A) is both.patterns["1"]
    assert both.followed_by(B) is both.patterns["2"]
    assert moved.followed_by(A) is moved.patterns["3"]
    assert none.followed_by(A) is none.patterns["2"]  # as everybody's, and not again its former one


def test_another_default_takes_the_place_of_the_one_before_and_one_may_cease_to_be_it():
    _, other, ceased = told(
        pattern("1", is_default=True), pattern("2", is_default=True), pattern("2", ChangeKind.UPDATED, is_default=False)
    )
    assert other.default == "2"
    assert ceased.default is None
    assert ceased.followed_by(A) is None


def test_a_pattern_that_is_removed_is_followed_by_nobody():
    _, _, gone = told(pattern("1", is_default=True), pattern("2", machines=[A]), pattern("2", ChangeKind.DELETED))
    assert gone.followed_by(A) is gone.patterns["1"]
    assert list(gone.patterns) == ["1"]
    _, gone = told(pattern("1", is_default=True), pattern("1", ChangeKind.DELETED))
    assert gone.followed_by(A) is None


def test_an_exception_holds_from_when_it_was_told_until_it_is_taken_back():
    before, closed, open_again = told(
        pattern("1", is_default=True), exception("2026-02-27"), exception("2026-02-27", ChangeKind.DELETED)
    )
    assert dict(before.followed_by(A).exceptions) == {}
    assert dict(closed.followed_by(A).exceptions) == {date(2026, 2, 27): []}
    assert dict(open_again.followed_by(A).exceptions) == {}


def test_an_exception_outlives_a_change_of_its_pattern_and_not_its_removal():
    *_, changed, removed = told(
        pattern("1", is_default=True),
        exception("2026-02-27"),
        pattern("1", ChangeKind.UPDATED, cycle_days=2),
        pattern("1", ChangeKind.DELETED),
    )
    assert list(changed.followed_by(A).exceptions) == [date(2026, 2, 27)]
    assert removed.patterns == {}
    assert told(exception("2026-02-27")) == []  # of a pattern of which nothing was told


@pytest.mark.parametrize("members", [{"name": "plant"}, None])
def test_a_change_that_tells_nothing_of_the_clock_is_no_telling(members):
    assert told((Entity.ORGANIZATION, "o", ChangeKind.CREATED, members)) == []
    [zone] = told((Entity.ORGANIZATION, "o", ChangeKind.UPDATED, {"time_zone": "Europe/Istanbul"}))
    assert zone.zone.key == "Europe/Istanbul"


def test_of_transactions_that_overlap_the_one_written_later_holds():
    zones = ((BEGIN, "UTC"), (BEGIN - timedelta(seconds=1), "Asia/Tokyo"))
    rows = [Change(at, Entity.ORGANIZATION.value, "o", "updated", None, {"time_zone": zone}) for at, zone in zones]
    assert [(each.at, each.zone.key) for each in tellings(rows)] == [(BEGIN, "UTC"), (BEGIN, "Asia/Tokyo")]
