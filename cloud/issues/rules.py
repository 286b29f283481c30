"""Owns the decisions about issues: which step follows which, who may take it, and what it leaves behind."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cloud.identity.schemas import Role
from cloud.issues.schemas import IssueStatus

NEXT: Mapping[IssueStatus, tuple[IssueStatus, ...]] = {
    IssueStatus.OPEN: (IssueStatus.ACK, IssueStatus.RESOLVED),
    IssueStatus.ACK: (IssueStatus.RESOLVED,),
    IssueStatus.RESOLVED: (IssueStatus.OPEN,),
}
"""What an issue may become."""

REOPENERS = frozenset({Role.PLANNER, Role.ADMIN})


def is_reopening(now: IssueStatus, wanted: IssueStatus) -> bool:
    """Return whether this step takes up again what was resolved."""
    return now is IssueStatus.RESOLVED and wanted is IssueStatus.OPEN


def allowed(now: IssueStatus, role: Role) -> list[IssueStatus]:
    """Return what somebody of a role may make of an issue."""
    return [wanted for wanted in NEXT[now] if role in REOPENERS or not is_reopening(now, wanted)]


def traces(wanted: IssueStatus, user_id: int, at: datetime) -> dict[str, Any]:
    """Return what a step writes down: who took it, and when. Opening again forgets the way there.

    Args:
        wanted: What the issue becomes.
        user_id: Who takes the step.
        at: UTC.
    """
    match wanted:
        case IssueStatus.ACK:
            return {"acknowledged_by": user_id, "acknowledged_at": at}
        case IssueStatus.RESOLVED:
            return {"resolved_by": user_id, "resolved_at": at}
        case IssueStatus.OPEN:
            forgotten = ("acknowledged_by", "acknowledged_at", "resolved_by", "resolved_at", "resolution")
            return {**dict.fromkeys(forgotten), "reopened_by": user_id, "reopened_at": at}


def mean_minutes(seconds: float | None, count: int) -> float | None:
    """Return a mean from a sum, or None of nothing.

    Args:
        seconds: The sum; None when there is nothing to add up.
        count: Of how many.
    """
    return None if seconds is None or count == 0 else seconds / count / 60
