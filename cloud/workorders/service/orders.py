"""Owns what can be done with work orders: plan them, list them, change and hold them."""

import uuid
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import ColumnElement
from sqlmodel import col

from cloud import changes, marks, paging
from cloud.changes import Actor, Change, ChangeKind, Entity
from cloud.errors import Conflict, Invalid
from cloud.identity.schemas import Caller
from cloud.languages import Message
from cloud.machines import service as machines
from cloud.paging import Key, Page
from cloud.preconditions import WHICHEVER, Seen
from cloud.workorders import messages, rules
from cloud.workorders.models import WorkOrder, WorkOrderStage, due
from cloud.workorders.schemas import (
    OrderSort,
    Priority,
    StageIn,
    StageStatus,
    WorkOrderIn,
    WorkOrderOut,
    WorkOrderPatch,
)
from cloud.workorders.search import any_part_of
from cloud.workorders.service import routing, scope
from cloud.workorders.service.routing import Route

_NAMES = tuple(WorkOrderOut.model_fields)
_SHOWN = [col(getattr(WorkOrder, name)) for name in _NAMES]
_LIST = select(*_SHOWN)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders of a list are wanted, and in which order."""

    status: StageStatus | None = None
    product_code: str | None = None
    lot_no: str | None = None
    job_number: str | None = None
    priority: Priority | None = None
    on_hold: bool | None = None
    planned_from: datetime | None = None
    planned_to: datetime | None = None
    due_before: datetime | None = None
    text: str | None = None
    sort: OrderSort = "planned_start"


async def create(session: AsyncSession, actor: Actor, given: WorkOrderIn) -> WorkOrderOut:
    """Plan a work order in the actor's organization, with its stages or its product's route.

    Raises:
        NotFound: A stage names a machine that is not there.
        Invalid: The window is too short for the route's stages.
    """
    organization_id = actor.organization_id
    route = await routing.of_product(session, organization_id, given.product_code)
    values = given.model_dump(exclude={"stages"}) | {
        "sequencing": given.sequencing or route.sequencing,
        "over_report_percent": (
            route.over_report_percent if given.over_report_percent is None else given.over_report_percent
        ),
    }
    statement = insert(WorkOrder).values(organization_id=organization_id, **values).returning(*_SHOWN)
    shown = _shown((await session.execute(statement)).one())
    rows = (
        _planned(route, given)
        if given.stages is None
        else [await _given(session, organization_id, position, each) for position, each in enumerate(given.stages, 1)]
    )
    planned = insert(WorkOrderStage).returning(WorkOrderStage)
    made = (await session.scalars(planned, [{"work_order_id": shown.id, **row} for row in rows])).all()
    done = [Change(Entity.STAGE, stage.id or 0, ChangeKind.CREATED, after=scope.recorded(stage)) for stage in made]
    await changes.record_all(
        session, actor, [Change(Entity.WORK_ORDER, shown.id, ChangeKind.CREATED, after=shown), *done]
    )
    return shown


async def orders(session: AsyncSession, caller: Caller, page: paging.Paging, wanted: Wanted) -> Page[WorkOrderOut]:
    """Return a page of the orders that a caller may see."""
    statement = _LIST.where(*scope.orders_of(caller), *_conditions(wanted))
    is_descending = wanted.sort.startswith("-")
    found = await paging.read(session, statement, _keys(wanted.sort), page, descending=is_descending, columns_only=True)
    return Page(
        items=[_shown(row) for row in found.rows],
        next_cursor=found.next_cursor,
        total=found.total,
    )


async def order(session: AsyncSession, caller: Caller, order_id: int) -> WorkOrderOut:
    """Return one order.

    Raises:
        NotFound: There is none, or it is not the caller's to see: the same answer.
    """
    return WorkOrderOut.model_validate(await scope.require_order(session, caller, order_id))


async def change(
    session: AsyncSession, caller: Caller, order_id: int, patch: WorkOrderPatch, seen: Seen = WHICHEVER
) -> WorkOrderOut:
    """Change an order. While none of its stages has begun, they move with its window, in proportion.

    Raises:
        NotFound: There is none, or it is not the caller's to see.
        Invalid: The window would end before it begins.
        Conflict: It would be of fewer pieces than were made, or a done order would get another window.
        PreconditionFailed: It is not as the caller saw it.
    """
    known = await scope.require_order(session, caller, order_id, lock=True)
    before = WorkOrderOut.model_validate(known)
    seen.require(before)
    values = patch.model_dump(exclude_unset=True)
    window = values.get("planned_start", known.planned_start), values.get("planned_end", known.planned_end)
    if window[0] >= window[1]:
        raise Invalid(messages.WINDOW_BACKWARDS)
    if window != (known.planned_start, known.planned_end):
        await _move(session, caller, known, *window)
    if "qty" in values or "over_report_percent" in values:
        await _require_enough(session, known, values)
    if values.get("part_number", before.part_number) != before.part_number:
        # which has another ideal cycle
        await marks.put_order(session, caller.organization_id, before.id)
    return await _write(session, caller, before, values)


async def set_hold(session: AsyncSession, caller: Caller, order_id: int, *, on_hold: bool) -> WorkOrderOut:
    """Hold an order, with all its stages, or release it; doing so twice changes nothing.

    Raises:
        NotFound: There is none, or it is not the caller's to see.
        Conflict: It is done, so there is nothing to hold.
    """
    known = await scope.require_order(session, caller, order_id, lock=True)
    if on_hold and known.status is StageStatus.DONE:
        raise _done(known, messages.NOT_HELD)
    if known.on_hold is on_hold:
        return WorkOrderOut.model_validate(known)
    return await _write(session, caller, WorkOrderOut.model_validate(known), {"on_hold": on_hold})


async def lot(session: AsyncSession, organization_id: uuid.UUID, product_code: str, lot_no: str) -> int | None:
    """Return the id of the first order for a lot, or None."""
    statement = select(col(WorkOrder.id)).where(
        col(WorkOrder.organization_id) == organization_id,
        col(WorkOrder.product_code) == product_code,
        col(WorkOrder.lot_no) == lot_no,
    )
    return await session.scalar(statement.order_by(col(WorkOrder.id)).limit(1))


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    equal = {
        WorkOrder.status: wanted.status,
        WorkOrder.product_code: wanted.product_code,
        WorkOrder.lot_no: wanted.lot_no,
        WorkOrder.job_number: wanted.job_number,
        WorkOrder.priority: wanted.priority,
        WorkOrder.on_hold: wanted.on_hold,
    }
    conditions: list[ColumnElement[bool]] = [
        col(column) == value for column, value in equal.items() if value is not None
    ]
    # an order belongs to a time window when its own overlaps it; both are half-open
    if wanted.planned_from is not None:
        conditions.append(col(WorkOrder.planned_end) > wanted.planned_from)
    if wanted.planned_to is not None:
        conditions.append(col(WorkOrder.planned_start) < wanted.planned_to)
    if wanted.due_before is not None:
        conditions.append(due() < wanted.due_before)
    if wanted.text is not None and (query := any_part_of(wanted.text)):
        conditions.append(col(WorkOrder.search).op("@@")(cast(func.search_fold(query), TSQUERY)))
    return conditions


def _keys(sort: OrderSort) -> list[Key]:
    name = sort.removeprefix("-")
    return [due() if name == "due_date" else col(getattr(WorkOrder, name)), col(WorkOrder.id)]


async def _given(session: AsyncSession, organization_id: uuid.UUID, position: int, stage: StageIn) -> dict[str, Any]:
    machine = await machines.resolve(session, organization_id, stage.machine) if stage.machine else None
    return stage.model_dump(exclude={"machine", "op_number"}) | {
        "op_number": stage.op_number or rules.OP_STEP * position,
        "machine_id": machine.id if machine else None,
    }


def _planned(route: Route, given: WorkOrderIn) -> list[dict[str, Any]]:
    stages = rules.planned_stages(route.steps, given.planned_start, given.planned_end)
    for stage in stages:
        if stage.planned_start >= stage.planned_end:
            raise Invalid(messages.WINDOW_TOO_SHORT, stage_name=stage.stage_name)
    return [asdict(stage) for stage in stages]


async def _move(session: AsyncSession, caller: Caller, known: WorkOrder, start: datetime, end: datetime) -> None:
    if known.status is StageStatus.DONE:
        raise _done(known, messages.HISTORY)
    if known.status is not StageStatus.PLANNED:
        return  # what has begun is planned anew stage by stage
    for stage in await scope.stages_in(session, known):
        turns = (
            rules.moved(turn, (known.planned_start, known.planned_end), (start, end))
            for turn in (stage.planned_start, stage.planned_end)
        )
        first, last = turns
        if first >= last:
            raise Invalid(messages.WINDOW_TOO_SHORT, stage_name=stage.stage_name)
        window = {"planned_start": first, "planned_end": last}
        was = {"planned_start": stage.planned_start, "planned_end": stage.planned_end}
        await session.execute(
            update(WorkOrderStage)
            .where(col(WorkOrderStage.id) == stage.id)
            .values(updated_at=func.now(), **window)
            .execution_options(synchronize_session=False)
        )
        await changes.record(session, caller, Entity.STAGE, stage.id or 0, ChangeKind.UPDATED, before=was, after=window)


async def _require_enough(session: AsyncSession, known: WorkOrder, values: dict[str, Any]) -> None:
    qty = values.get("qty", known.qty)
    percent = values.get("over_report_percent", known.over_report_percent)
    first = (await scope.stages_in(session, known))[0]
    limit = qty * (100 + percent) // 100
    if first.good_qty > limit:
        raise Conflict(messages.QTY_TOO_SMALL, work_order=known.id, reported=first.good_qty, limit=limit)


async def _write(session: AsyncSession, caller: Caller, before: WorkOrderOut, values: dict[str, Any]) -> WorkOrderOut:
    statement = (
        update(WorkOrder)
        .where(col(WorkOrder.id) == before.id)
        .values(updated_at=func.now(), **values)
        .returning(*_SHOWN)
        .execution_options(synchronize_session=False)
    )
    after = _shown((await session.execute(statement)).one())
    await changes.record(session, caller, Entity.WORK_ORDER, before.id, ChangeKind.UPDATED, before=before, after=after)
    return after


def _done(known: WorkOrder, refusal: Message) -> Conflict:
    return Conflict(messages.ORDER_DONE, work_order=known.id, refusal=refusal, current_status=known.status, allowed=[])


def _shown(row: Any) -> WorkOrderOut:
    # by a dictionary: asking the row for each name by itself takes twice as long, and a list is fifty of these
    return WorkOrderOut.model_validate(dict(zip(_NAMES, row, strict=False)))
