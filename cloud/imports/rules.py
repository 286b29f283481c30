"""Owns what the rows of an older backend become here: users, orders, stages and issues, each repaired or refused.

The ids of what a row belongs to are ids of here already; a row's own is given when all are read.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from cloud.identity.schemas import MovedUser, Role
from cloud.imports.cells import Cells, Orphan
from cloud.issues.schemas import IssueStatus, IssueType, MovedIssue, Severity
from cloud.workorders.schemas import StageStatus
from cloud.workorders.service.moving import MovedOrder, MovedStage

T = TypeVar("T")

# until every row is read
NO_ID = 0
# opens nothing: no hash looks like it
NO_PASSWORD = "!"  # noqa: S105 - the absence of one
_HASH = re.compile(r"\$2[abxy]\$(0[4-9]|[12]\d|3[01])\$[A-Za-z0-9+/.]{53}|\$argon2id\$.+")
_MINUTE = timedelta(minutes=1)

ROLES = {
    **{role.value: role for role in Role},
    **dict.fromkeys(("administrator", "yonetici", "superuser"), Role.ADMIN),
    **dict.fromkeys(("planlamaci", "planlayici", "plan", "supervisor"), Role.PLANNER),
    **dict.fromkeys(("isci", "operator", "calisan", "user", "kullanici"), Role.WORKER),
}
STATUSES = {
    **dict.fromkeys(("planned", "pending", "waiting", "open", "new", "planlandi", "bekliyor"), StageStatus.PLANNED),
    **dict.fromkeys(
        ("in_progress", "inprogress", "started", "running", "active", "devam_ediyor", "basladi"),
        StageStatus.IN_PROGRESS,
    ),
    **dict.fromkeys(("done", "completed", "complete", "finished", "closed", "tamamlandi", "bitti"), StageStatus.DONE),
}
TYPES = {
    **{kind.value: kind for kind in IssueType},
    **dict.fromkeys(("machine", "breakdown", "ariza", "makine", "makine_arizasi"), IssueType.MACHINE_FAILURE),
    **dict.fromkeys(("material", "malzeme", "malzeme_eksikligi", "malzeme_eksik"), IssueType.MATERIAL_SHORTAGE),
    **dict.fromkeys(("kalite", "kalite_sorunu", "quality_issue"), IssueType.QUALITY),
    **dict.fromkeys(("kalip", "takim", "tool", "mold", "mould"), IssueType.TOOLING),
    **dict.fromkeys(("guvenlik", "is_guvenligi", "is_kazasi", "accident"), IssueType.SAFETY),
    **dict.fromkeys(("ayar", "kurulum"), IssueType.SETUP),
    **dict.fromkeys(("diger", "baska"), IssueType.OTHER),
}
ISSUE_STATUSES = {
    **{status.value: status for status in IssueStatus},
    **dict.fromkeys(("acknowledged", "in_progress"), IssueStatus.ACK),
    **dict.fromkeys(("closed", "done", "cozuldu", "kapandi", "fixed"), IssueStatus.RESOLVED),
    **dict.fromkeys(("new", "acik"), IssueStatus.OPEN),
}
SEVERITIES = {severity.value: severity for severity in Severity}


@dataclass(frozen=True, slots=True)
class Window:
    """What was planned; times in UTC."""

    planned_start: datetime
    planned_end: datetime


def user(cells: Cells, taken: Collection[str], now: datetime) -> MovedUser:
    """Return a user. Their name is the one they signed in with, or with a number behind it where that is taken.

    Args:
        cells: The row.
        taken: The names that are somebody's, in lower case.
        now: UTC; when a user came of whom that is not known.

    Raises:
        Refused: There is no name that somebody could sign in with.
    """
    name = cells.text("username").lower()
    if len(name) > 64:
        raise cells.refuse("username", "is longer than the 64 characters that a sign-in takes")
    return MovedUser(
        id=NO_ID,
        username=_free(cells, name, taken),
        password_hash=_password_hash(cells),
        role=cells.word("role", ROLES, Role.WORKER, "a worker may do least"),
        is_active=str(cells.raw("is_active") if cells.raw("is_active") is not None else 1).lower() not in _NO,
        created_at=cells.moment("created_at", is_server=True) or now,
    )


_NO = frozenset({"0", "0.0", "false", "f", "no", "hayir", "hayır"})


def _free(cells: Cells, name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while (other := f"{name[:58]}.{number}") in taken:
        number += 1
    cells.note("username", f"is somebody else's already (case does not matter); they sign in as {other}")
    return other


def _password_hash(cells: Cells) -> str:
    value = cells.raw("password_hash")
    if isinstance(value, str) and _HASH.fullmatch(value.strip()):
        return value.strip()
    cells.note("password_hash", "is no bcrypt or argon2id hash; `tezgah-cloud user passwd` gives them a password")
    return NO_PASSWORD


def order(cells: Cells) -> MovedOrder:
    """Return an order; its status is written when its stages are read.

    Raises:
        Refused: It says not what is to be made, how many, or when.
    """
    window = _window(cells, None)
    return MovedOrder(
        id=NO_ID,
        product_code=cells.text("product_code"),
        lot_no=cells.text("lot_no", "-"),
        qty=cells.quantity("qty"),
        planned_start=window.planned_start,
        planned_end=window.planned_end,
        status=StageStatus.PLANNED,
    )


def stage(cells: Cells, order_id: int, of_order: Window, op_number: int) -> MovedStage:
    """Return a stage of an order.

    Args:
        cells: The row.
        order_id: The order's id here.
        of_order: The order's window, for a stage that has none.
        op_number: Its place.

    Raises:
        Refused: One of its times is none.
    """
    window = _window(cells, of_order)
    begun, ended = _actual(cells)
    status = _status(cells, begun, ended)
    if status is StageStatus.DONE and ended is None:
        ended = max(window.planned_end, begun or window.planned_end)
        cells.note("actual_end", "is empty, though it is done; the planned end was taken")
    if status is not StageStatus.PLANNED and begun is None:
        begun = window.planned_start if ended is None else min(window.planned_start, ended)
        cells.note("actual_start", "is empty, though it was started; the planned start was taken")
    return MovedStage(
        id=NO_ID,
        work_order_id=order_id,
        op_number=op_number,
        stage_name=cells.text("stage_name", "-"),
        planned_start=window.planned_start,
        planned_end=window.planned_end,
        actual_start=begun,
        actual_end=ended,
        status=status,
    )


def issue(cells: Cells, stage_id: int, order_id: int, created_by: int | None, now: datetime) -> MovedIssue:
    """Return an issue of a stage.

    Args:
        cells: The row.
        stage_id: The stage's id here.
        order_id: Its order's id here.
        created_by: Who reported it, by the id here.
        now: UTC; when one was reported of which that is not known.

    Raises:
        Refused: The time of the report is none.
    """
    description = cells.text("description", "-", is_prose=True)
    before = len(cells.notes)
    kind = cells.word("type", TYPES, IssueType.OTHER, "written as other, with the old word before the description")
    if len(cells.notes) > before and (word := cells.raw("type")) is not None:
        description = f"[{word}] {description}"
    created_at = cells.moment("created_at", is_server=True)
    if created_at is None:
        cells.note("created_at", "is empty; the time of the import was taken")
    is_said = cells.raw("status") is not None
    is_graded = cells.raw("severity") is not None
    return MovedIssue(
        id=NO_ID,
        work_order_stage_id=stage_id,
        work_order_id=order_id,
        type=kind,
        description=description,
        severity=cells.word("severity", SEVERITIES, Severity.MEDIUM, "written as medium")
        if is_graded
        else Severity.MEDIUM,
        status=cells.word("status", ISSUE_STATUSES, IssueStatus.OPEN, "written as open")
        if is_said
        else IssueStatus.OPEN,
        created_by=created_by,
        created_at=created_at or now,
    )


def owner(cells: Cells, column: str, known: Mapping[str, T], what: str) -> T:
    """Return what a row belongs to.

    Raises:
        Orphan: That is not here.
    """
    value = cells.raw(column)
    found = None if value is None else known.get(key(value))
    if found is None:
        reason = f"names no {what}" if value is None else f"there is no {what} {value} among those that were brought"
        raise Orphan(column, value, reason)
    return found


def reporter(cells: Cells, by_id: Mapping[str, int], by_name: Mapping[str, int]) -> int | None:
    """Return who reported an issue, by the id here; the old backend may have written an id or a name."""
    value = cells.raw("created_by")
    if value is None:
        return None
    found = by_id.get(key(value))
    if found is None:
        found = by_name.get(str(value).strip().lower())
    if found is None:
        cells.note("created_by", "is no user that was brought; left empty")
    return found


def key(value: object) -> str:
    """Return an id as it is compared: 7, 7.0 and "7" are one."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def wanted_id(old_id: str) -> int | None:
    """Return an old id as a number that could be kept, or None."""
    return int(old_id) if old_id.isascii() and old_id.isdigit() and len(old_id) <= 10 else None


def _window(cells: Cells, otherwise: Window | None) -> Window:
    start, end = cells.moment("planned_start"), cells.moment("planned_end")
    if start is None and end is None:
        if otherwise is None:
            raise cells.refuse("planned_start", "is empty, and planned_end too")
        cells.note("planned_start", "is empty, and planned_end too; the order's were taken")
        return otherwise
    if start is None and end is not None:
        start = end - _MINUTE
        cells.note("planned_start", "is empty; a minute before planned_end was taken")
    if end is None and start is not None:
        end = start + _MINUTE
        cells.note("planned_end", "is empty; a minute after planned_start was taken")
    assert start is not None and end is not None  # noqa: S101, PT018 - for the type checker: both are above
    if start == end:
        cells.note("planned_end", "is not after planned_start; a minute after it was taken")
        return Window(start, start + _MINUTE)
    if end < start:
        cells.note("planned_end", "is before planned_start; the two were exchanged")
        return Window(end, start)
    return Window(start, end)


def _actual(cells: Cells) -> tuple[datetime | None, datetime | None]:
    begun, ended = cells.moment("actual_start", is_server=True), cells.moment("actual_end", is_server=True)
    if begun is not None and ended is not None and ended < begun:
        cells.note("actual_end", "is before actual_start; the two were exchanged")
        return ended, begun
    return begun, ended


def _status(cells: Cells, begun: datetime | None, ended: datetime | None) -> StageStatus:
    evident = StageStatus.DONE if ended else StageStatus.IN_PROGRESS if begun else StageStatus.PLANNED
    said = cells.word("status", STATUSES, evident, f"by its actual times it is {evident}")
    if list(StageStatus).index(evident) > list(StageStatus).index(said):
        cells.note("status", f"contradicts its actual times, by which it is {evident}")
        return evident
    return said
