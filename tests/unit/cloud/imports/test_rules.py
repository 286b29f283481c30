from datetime import UTC, datetime, timedelta

import pytest

from cloud.identity.schemas import Role
from cloud.imports import rules
from cloud.imports.cells import Cells, Orphan, Refused
from cloud.imports.rules import Window
from cloud.issues.schemas import IssueStatus, IssueType
from cloud.workorders.schemas import StageStatus

EIGHT, NINE, TEN = (datetime(2026, 3, 2, hour, tzinfo=UTC) for hour in (8, 9, 10))
HASH = "$2b$12$" + "a" * 53


def cells(**values):
    return Cells({name: str(v) if isinstance(v, datetime) else v for name, v in values.items()}, UTC)


def user(*, taken=(), **values):
    row = cells(**{"username": "ayse", "password_hash": HASH, "role": "worker"} | values)
    return rules.user(row, set(taken), TEN), [note.column for note in row.notes]


def test_a_plain_user_is_taken_as_it_is():
    made, notes = user(username=" Ayse ")
    assert (made.username, made.password_hash, made.role, made.is_active) == ("ayse", HASH, Role.WORKER, True)
    assert notes == []


@pytest.mark.parametrize("password", [None, "", "plain text", HASH[:-1], "$2b$99$" + "a" * 53, "$2b$12$" + "!" * 53, 7])
def test_what_is_no_hash_opens_nothing(password):
    made, notes = user(password_hash=password)
    assert made.password_hash == rules.NO_PASSWORD
    assert notes == ["password_hash"]


def test_a_name_that_is_somebody_elses_gets_the_next_free_number():
    made, notes = user(taken={"ayse", "ayse.2"})
    assert made.username == "ayse.3"
    assert notes == ["username"]


@pytest.mark.parametrize(
    ("said", "active"), [(0, False), ("False", False), (0.0, False), (1, True), (None, True), ("t", True)]
)
def test_who_was_locked_out_stays_so(said, active):
    assert user(is_active=said)[0].is_active is active


@pytest.mark.parametrize("username", [None, "  ", "x" * 65])
def test_a_name_that_nobody_could_sign_in_with_is_refused(username):
    with pytest.raises(Refused):
        user(username=username)


def order(**values):
    row = cells(**{"product_code": "P", "lot_no": "L", "qty": 1, "planned_start": EIGHT, "planned_end": TEN} | values)
    return rules.order(row), [note.column for note in row.notes]


@pytest.mark.parametrize(
    ("start", "end", "window"),
    [
        (EIGHT, TEN, (EIGHT, TEN)),
        (TEN, EIGHT, (EIGHT, TEN)),
        (EIGHT, EIGHT, (EIGHT, EIGHT + timedelta(minutes=1))),
        (EIGHT, None, (EIGHT, EIGHT + timedelta(minutes=1))),
        (None, TEN, (TEN - timedelta(minutes=1), TEN)),
    ],
)
def test_a_window_goes_forward_whatever_it_was(start, end, window):
    made, notes = order(planned_start=start, planned_end=end)
    assert (made.planned_start, made.planned_end) == window
    assert bool(notes) is ((start, end) != window)


@pytest.mark.parametrize("missing", [{"planned_start": None, "planned_end": None}, {"product_code": " "}, {"qty": "-"}])
def test_an_order_that_says_not_what_or_when_is_refused(missing):
    with pytest.raises(Refused):
        order(**missing)


def stage(**values):
    row = cells(**{"stage_name": "Montaj", "status": "planned", "planned_start": EIGHT, "planned_end": NINE} | values)
    return rules.stage(row, 1, Window(EIGHT, TEN), 10), [note.column for note in row.notes]


@pytest.mark.parametrize(
    ("said", "begun", "ended", "became", "noted"),
    [
        ("planned", None, None, (StageStatus.PLANNED, None, None), []),
        ("Tamamlandı", EIGHT, NINE, (StageStatus.DONE, EIGHT, NINE), []),
        ("done", None, None, (StageStatus.DONE, EIGHT, NINE), ["actual_end", "actual_start"]),
        ("done", TEN, None, (StageStatus.DONE, TEN, TEN), ["actual_end"]),
        ("in progress", None, None, (StageStatus.IN_PROGRESS, EIGHT, None), ["actual_start"]),
        ("planned", EIGHT, None, (StageStatus.IN_PROGRESS, EIGHT, None), ["status"]),
        ("in_progress", EIGHT, NINE, (StageStatus.DONE, EIGHT, NINE), ["status"]),
        ("???", EIGHT, NINE, (StageStatus.DONE, EIGHT, NINE), ["status"]),
        (None, None, None, (StageStatus.PLANNED, None, None), ["status"]),
        ("done", NINE, EIGHT, (StageStatus.DONE, EIGHT, NINE), ["actual_end"]),
    ],
)
def test_a_stages_status_and_its_times_agree(said, begun, ended, became, noted):
    made, notes = stage(status=said, actual_start=begun, actual_end=ended)
    assert (made.status, made.actual_start, made.actual_end) == became
    assert notes == noted


def test_a_stage_without_a_window_has_its_orders():
    made, _ = stage(planned_start=None, planned_end=None)
    assert (made.planned_start, made.planned_end) == (EIGHT, TEN)


def test_an_issue_of_an_unknown_kind_keeps_the_old_word():
    row = cells(type="gremlins", description="here", created_at=EIGHT)
    made = rules.issue(row, 1, 2, None, TEN)
    assert (made.type, made.description, made.status) == (IssueType.OTHER, "[gremlins] here", IssueStatus.OPEN)
    assert [note.column for note in row.notes] == ["type"]


def test_what_belongs_to_nothing_is_an_orphan():
    assert rules.owner(cells(order=7.0), "order", {"7": 70}, "order") == 70
    for value in (8, None, "x"):
        with pytest.raises(Orphan):
            rules.owner(cells(order=value), "order", {"7": 70}, "order")


def test_a_reporter_may_be_an_id_or_a_name():
    assert rules.reporter(cells(created_by="3"), {"3": 30}, {}) == 30
    assert rules.reporter(cells(created_by=" Ayse"), {}, {"ayse": 31}) == 31
    row = cells(created_by=4)
    assert rules.reporter(row, {"3": 30}, {}) is None
    assert len(row.notes) == 1


@pytest.mark.parametrize(
    ("old", "wanted"), [("7", 7), ("0", 0), ("-7", None), ("a-1", None), ("²", None), ("9" * 5000, None)]
)
def test_only_a_number_is_an_id_that_could_be_kept(old, wanted):
    assert rules.wanted_id(old) == wanted
