"""Owns what can be done about maintenance: open orders and take them to their end, plan, and say what comes next."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes, marks, paging, windows
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound
from cloud.identity.schemas import Caller
from cloud.languages import Message
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.maintenance import messages, rules
from cloud.maintenance.models import MaintenanceOrder, MaintenancePlan
from cloud.maintenance.schemas import (
    Basis,
    CompletionIn,
    Done,
    Due,
    Kind,
    MaintenanceOut,
    NextOut,
    OrderIn,
    OrderOut,
    OrderPatch,
    OrderStatus,
    PlanDueOut,
    PlanIn,
    PlanOut,
    PlanPatch,
)
from cloud.paging import Page
from cloud.preconditions import WHICHEVER, Seen
from cloud.telemetry import service as telemetry
from cloud.windows import Window

STANDING = """
    SELECT concat(count(completed_at), '.', max(completed_at)) FROM maintenance_order WHERE machine_id = wanted.id
"""
"""Of the machine `wanted.id`, what stays the same as long as no more maintenance is known to be done; an SQL query."""
_PLANNED_WORK = text(f"""
    SELECT asked.number, found.* FROM {windows.ASKED} CROSS JOIN LATERAL (
        SELECT started_at, coalesce(completed_at, asked.end_at) AS ended_at FROM maintenance_order
        WHERE machine_id = asked.machine_id AND kind <> :corrective AND cancelled_at IS NULL
              AND started_at < asked.end_at
              AND coalesce(completed_at, asked.end_at) > greatest(started_at, asked.start_at)
        OFFSET 0
    ) AS found
""")  # noqa: S608 - names of ours
HISTORY = 50
# what the machine's own `maintenance_schedule_hours` is called among the plans
SCHEDULE = "maintenance_schedule_hours"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders of a list are wanted; None wants all."""

    status: OrderStatus | None = None
    kind: Kind | None = None
    machine: str | None = None


async def of_machine(session: AsyncSession, who: Caller, id_or_code: str, now: datetime) -> MaintenanceOut:
    """Return a machine's history, its plans, and what falls due next.

    Raises:
        NotFound: The organization has no such machine.
    """
    machine = await machines.resolve(session, who.organization_id, id_or_code)
    plans = await _plans(session, machine.id)
    due = [await _due_of(session, plan, now) if plan.is_active else None for plan in plans]
    newest = select(MaintenanceOrder).where(col(MaintenanceOrder.machine_id) == machine.id)
    newest = newest.order_by(col(MaintenanceOrder.opened_at).desc(), col(MaintenanceOrder.id).desc()).limit(HISTORY)
    return MaintenanceOut(
        machine_id=machine.id,
        last_maintenance_date=machine.last_maintenance_date,
        next=_first(plans, due, await _due_by_schedule(session, machine, now)),
        plans=[PlanDueOut(**dict(plan), due=at) for plan, at in zip(plans, due, strict=True)],
        history=[OrderOut.model_validate(row) for row in await session.scalars(newest)],
    )


async def orders(session: AsyncSession, who: Caller, page: paging.Paging, wanted: Wanted) -> Page[OrderOut]:
    """Return a page of the organization's orders, newest first.

    Raises:
        NotFound: The organization has no such machine.
    """
    statement = select(MaintenanceOrder).where(col(MaintenanceOrder.organization_id) == who.organization_id)
    if wanted.machine is not None:
        machine = await machines.resolve(session, who.organization_id, wanted.machine)
        statement = statement.where(col(MaintenanceOrder.machine_id) == machine.id)
    for column, value in ((MaintenanceOrder.status, wanted.status), (MaintenanceOrder.kind, wanted.kind)):
        if value is not None:
            statement = statement.where(col(column) == value)
    keys = [col(MaintenanceOrder.opened_at), col(MaintenanceOrder.id)]
    found = await paging.read(session, statement, keys, page, descending=True)
    return Page(
        items=[OrderOut.model_validate(row[0]) for row in found.rows], next_cursor=found.next_cursor, total=found.total
    )


async def order(session: AsyncSession, who: Caller, order_id: int) -> OrderOut:
    """Return one order.

    Raises:
        NotFound: There is none, or it is another organization's.
    """
    return OrderOut.model_validate(await _order(session, who, order_id))


async def planned_work(session: AsyncSession, asked: Sequence[Window]) -> list[list[tuple[datetime, datetime]]]:
    """Return when maintenance that was planned was done on each window's machine, as far as it overlaps the window."""
    found = await windows.rows(session, _PLANNED_WORK, asked, corrective=Kind.CORRECTIVE.value)
    return [[(row.started_at, row.ended_at) for row in several] for several in found]


async def done_by(session: AsyncSession, machine_ids: Collection[uuid.UUID], as_of: datetime) -> list[Done]:
    """Return which maintenance of machines was known at an instant to be completed, the oldest first."""
    row = MaintenanceOrder
    known_at = func.greatest(col(row.completed_at), col(row.completion_recorded_at))
    statement = select(col(row.machine_id), col(row.completed_at), known_at, col(row.kind)).where(
        col(row.machine_id).in_(machine_ids), col(row.completed_at) <= as_of, known_at <= as_of
    )
    found = await session.execute(statement.order_by(col(row.completed_at), col(row.id)))
    return [Done(machine_id, at, known, kind) for machine_id, at, known, kind in found if at is not None]


async def open_order(session: AsyncSession, who: Caller, id_or_code: str, given: OrderIn, now: datetime) -> OrderOut:
    """Open an order.

    Raises:
        NotFound: The organization has no such machine, or no such plan.
        Conflict: The machine is decommissioned.
        Invalid: The plan is another machine's.
    """
    machine = await machines.require_in_use(session, who.organization_id, id_or_code)
    if given.plan_id is not None and (await _plan(session, who, given.plan_id)).machine_id != machine.id:
        raise Invalid(messages.PLAN_OF_ANOTHER, plan=given.plan_id)
    row = MaintenanceOrder(
        organization_id=who.organization_id,
        machine_id=machine.id,
        opened_by=who.user_id,
        opened_at=now,
        **given.model_dump(),
    )
    session.add(row)
    await session.flush()
    await session.refresh(row)
    shown = OrderOut.model_validate(row)
    await changes.record(session, who, Entity.MAINTENANCE, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def change_order(
    session: AsyncSession, who: Caller, order_id: int, given: OrderPatch, seen: Seen = WHICHEVER
) -> OrderOut:
    """Change what an order says, as long as it is not closed.

    Raises:
        NotFound: There is none, or it is another organization's.
        PreconditionFailed: It is not as the caller saw it.
        Conflict: It is completed or cancelled.
    """
    row = await _order(session, who, order_id, lock=True)
    before = OrderOut.model_validate(row)
    seen.require(before)
    if not rules.NEXT[row.status]:
        raise _refused(row, messages.CLOSED)
    return await _written(session, who, row, before, given.model_dump(exclude_unset=True))


async def start(session: AsyncSession, who: Caller, order_id: int, now: datetime) -> OrderOut:
    """Begin the work on an order.

    Raises:
        NotFound, Conflict: There is none, or it is not open.
    """
    row, before = await _stepping(session, who, order_id, OrderStatus.IN_PROGRESS)
    return await _written(session, who, row, before, {"started_by": who.user_id, "started_at": now})


async def cancel(session: AsyncSession, who: Caller, order_id: int, now: datetime) -> OrderOut:
    """Give an order up.

    Raises:
        NotFound, Conflict: There is none, or it is closed already.
    """
    row, before = await _stepping(session, who, order_id, OrderStatus.CANCELLED)
    return await _written(session, who, row, before, {"cancelled_by": who.user_id, "cancelled_at": now})


async def complete(session: AsyncSession, who: Caller, order_id: int, given: CompletionIn, now: datetime) -> OrderOut:
    """Say that an order is done: its plan's interval begins anew, and the machine's dates follow.

    Raises:
        NotFound, Conflict: There is none, or it is closed already.
        Invalid: It is done only in the future.
    """
    at = given.completed_at or now
    if at > now:
        raise Invalid(messages.COMPLETED_IN_FUTURE, told=at, now=now)
    row, before = await _stepping(session, who, order_id, OrderStatus.COMPLETED)
    values = {
        "completed_by": who.user_id,
        "completed_at": at,
        "completion_recorded_at": now,
        "resolution": given.resolution,
    }
    shown = await _written(session, who, row, before, values)
    if row.plan_id is not None:
        plan = await _plan(session, who, row.plan_id, lock=True)
        plan.last_done_at = max(at, plan.last_done_at) if plan.last_done_at else at
        await session.flush()
    await _tell_machine(session, who, row.machine_id, now, done_at=at)
    return shown


async def plan(session: AsyncSession, who: Caller, id_or_code: str, given: PlanIn, now: datetime) -> PlanDueOut:
    """Plan maintenance that comes again.

    Raises:
        NotFound: The organization has no such machine.
        Conflict: The machine is decommissioned.
    """
    machine = await machines.require_in_use(session, who.organization_id, id_or_code)
    values = given.model_dump() | {"starts_at": given.starts_at or now}
    row = MaintenancePlan(organization_id=who.organization_id, machine_id=machine.id, **values)
    session.add(row)
    await session.flush()
    await session.refresh(row)
    shown = PlanOut.model_validate(row)
    await changes.record(session, who, Entity.MAINTENANCE_PLAN, shown.id, ChangeKind.CREATED, after=shown)
    await _tell_machine(session, who, machine.id, now)
    return PlanDueOut(**dict(shown), due=await _due_of(session, shown, now))


async def one_plan(session: AsyncSession, who: Caller, plan_id: int, now: datetime) -> PlanDueOut:
    """Return one plan, and when it falls due.

    Raises:
        NotFound: There is none, or it is another organization's.
    """
    return await _shown_with_due(session, PlanOut.model_validate(await _plan(session, who, plan_id)), now)


async def change_plan(
    session: AsyncSession, who: Caller, plan_id: int, given: PlanPatch, now: datetime, seen: Seen = WHICHEVER
) -> PlanDueOut:
    """Change a plan, or put it out of force.

    Raises:
        NotFound: There is none, or it is another organization's.
        PreconditionFailed: The caller saw another version of it.
    """
    row = await _plan(session, who, plan_id, lock=True)
    before = PlanOut.model_validate(row)
    seen.require(PlanDueOut(**dict(before), due=None))
    for name, value in given.model_dump(exclude_unset=True).items():
        setattr(row, name, value)
    await session.flush()
    shown = PlanOut.model_validate(row)
    await changes.record(
        session, who, Entity.MAINTENANCE_PLAN, shown.id, ChangeKind.UPDATED, before=before, after=shown
    )
    await _tell_machine(session, who, row.machine_id, now)
    return await _shown_with_due(session, shown, now)


async def _shown_with_due(session: AsyncSession, plan: PlanOut, now: datetime) -> PlanDueOut:
    return PlanDueOut(**dict(plan), due=await _due_of(session, plan, now) if plan.is_active else None)


async def _stepping(
    session: AsyncSession, who: Caller, order_id: int, to: OrderStatus
) -> tuple[MaintenanceOrder, OrderOut]:
    """Return an order, locked and taken to its next status, and how it was before."""
    row = await _order(session, who, order_id, lock=True)
    before = OrderOut.model_validate(row)
    if to not in rules.NEXT[row.status]:
        raise _refused(row, messages.CANNOT[to])
    row.status = to
    return row, before


def _refused(row: MaintenanceOrder, refusal: Message) -> Conflict:
    return Conflict(
        messages.TRANSITION,
        order=row.id,
        is_now=messages.IS_NOW[row.status],
        refusal=refusal,
        current_status=row.status,
        allowed=list(rules.NEXT[row.status]),
    )


async def _written(
    session: AsyncSession, who: Caller, row: MaintenanceOrder, before: OrderOut, values: Mapping[str, Any]
) -> OrderOut:
    for name, value in values.items():
        setattr(row, name, value)
    await session.flush()
    shown = OrderOut.model_validate(row)
    if shown.started_at is not None:
        end = shown.completed_at or shown.cancelled_at or shown.started_at + timedelta(minutes=1)
        await marks.put(session, row.machine_id, shown.started_at, end, figures_only=True)
    await changes.record(session, who, Entity.MAINTENANCE, shown.id, ChangeKind.UPDATED, before=before, after=shown)
    return shown


async def _tell_machine(
    session: AsyncSession, who: Caller, machine_id: uuid.UUID, now: datetime, *, done_at: datetime | None = None
) -> None:
    machine = await machines.resolve(session, who.organization_id, str(machine_id))
    last = machine.last_maintenance_date
    if done_at is not None and (last is None or last < done_at):
        last = done_at
        machine = machine.model_copy(update={"last_maintenance_date": last})
    plans = await _plans(session, machine_id)
    due = [await _due_of(session, each, now) if each.is_active else None for each in plans]
    first = _first(plans, due, await _due_by_schedule(session, machine, now))
    await machines.note_maintenance(session, who, machine_id, last, first.due_at if first is not None else None)


def _first(plans: Sequence[PlanOut], due: Sequence[Due | None], by_schedule: Due | None) -> NextOut | None:
    known = [
        NextOut(**dict(at), plan_id=each.id, title=each.title)
        for each, at in zip(plans, due, strict=True)
        if at is not None and at.due_at is not None
    ]
    if by_schedule is not None and by_schedule.due_at is not None:
        known.append(NextOut(**dict(by_schedule), plan_id=None, title=SCHEDULE))
    return min(known, key=lambda each: (each.due_at is None, each.due_at), default=None)


async def _due_of(session: AsyncSession, plan: PlanOut, now: datetime) -> Due:
    return await _due(session, plan.machine_id, plan.basis, plan.every, plan.last_done_at or plan.starts_at, now)


async def _due_by_schedule(session: AsyncSession, machine: MachineOut, now: datetime) -> Due | None:
    if machine.maintenance_schedule_hours is None:
        return None
    began = machine.last_maintenance_date or machine.created_at
    return await _due(session, machine.id, Basis.RUNNING_HOURS, machine.maintenance_schedule_hours, began, now)


async def _due(
    session: AsyncSession, machine_id: uuid.UUID, basis: Basis, every: float, began: datetime, now: datetime
) -> Due:
    if basis is Basis.CALENDAR:
        return rules.due(basis, every, began, None, None, now)
    used = await telemetry.used_since(session, machine_id, began, now)
    lately = await telemetry.used_since(session, machine_id, now - rules.LOOK_BACK, now)
    if basis is Basis.CYCLES:
        return rules.due(basis, every, began, used.cycles, lately.cycles, now)
    return rules.due(basis, every, began, _hours(used.running_s), _hours(lately.running_s), now)


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 3600


async def _plans(session: AsyncSession, machine_id: uuid.UUID) -> list[PlanOut]:
    statement = select(MaintenancePlan).where(col(MaintenancePlan.machine_id) == machine_id)
    return [PlanOut.model_validate(row) for row in await session.scalars(statement.order_by(col(MaintenancePlan.id)))]


async def _plan(session: AsyncSession, who: Caller, plan_id: int, *, lock: bool = False) -> MaintenancePlan:
    statement = select(MaintenancePlan).where(
        col(MaintenancePlan.id) == plan_id, col(MaintenancePlan.organization_id) == who.organization_id
    )
    found = (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()
    if found is None:
        raise NotFound(messages.PLAN_NOT_FOUND, plan=plan_id)
    return found


async def _order(session: AsyncSession, who: Caller, order_id: int, *, lock: bool = False) -> MaintenanceOrder:
    statement = select(MaintenanceOrder).where(
        col(MaintenanceOrder.id) == order_id, col(MaintenanceOrder.organization_id) == who.organization_id
    )
    found = (await session.scalars(statement.with_for_update() if lock else statement)).one_or_none()
    if found is None:
        raise NotFound(messages.ORDER_NOT_FOUND, order=order_id)
    return found
