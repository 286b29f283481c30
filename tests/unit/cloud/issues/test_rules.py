"""Which step of an issue follows which."""

from datetime import UTC, datetime

import pytest

from cloud.identity.schemas import Role
from cloud.issues import rules
from cloud.issues.schemas import IssueStatus

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize("status", IssueStatus)
def test_only_planners_and_admins_open_what_is_resolved(status):
    everybody = rules.allowed(status, Role.WORKER)
    for role in (Role.PLANNER, Role.ADMIN):
        more = [IssueStatus.OPEN] if status is IssueStatus.RESOLVED else []
        assert rules.allowed(status, role) == everybody + more
    assert IssueStatus.OPEN not in everybody
    assert status not in everybody


def test_opening_again_forgets_who_ended_it():
    traces = rules.traces(IssueStatus.OPEN, 7, NOW)
    assert (traces["reopened_by"], traces["reopened_at"]) == (7, NOW)
    assert traces["resolved_at"] is traces["acknowledged_at"] is traces["resolution"] is None


def test_a_mean_of_nothing_is_none():
    assert rules.mean_minutes(None, 0) is rules.mean_minutes(0.0, 0) is None
    assert rules.mean_minutes(180.0, 2) == 1.5
