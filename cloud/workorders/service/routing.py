"""Owns the routes: which stages the orders of a product get."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select
from sqlmodel import col

from cloud import changes, paging
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, NotFound
from cloud.identity.schemas import Caller
from cloud.paging import Page
from cloud.preconditions import WHICHEVER, Seen
from cloud.workorders import messages, rules
from cloud.workorders.models import ProductRoute
from cloud.workorders.rules import Step
from cloud.workorders.schemas import RouteIn, RouteOut, Sequencing


@dataclass(frozen=True, slots=True)
class Route:
    """What an order takes from its product's route."""

    steps: Sequence[Step]
    sequencing: Sequencing
    over_report_percent: int


BUILT_IN = Route(rules.DEFAULT_ROUTE, Sequencing.FREE, 0)


async def of_product(session: AsyncSession, organization_id: uuid.UUID, product_code: str) -> Route:
    """Return a product's route: its own, else the organization's default, else the plant's two stages."""
    candidates = (
        select(ProductRoute)
        .where(
            col(ProductRoute.organization_id) == organization_id,
            func.coalesce(col(ProductRoute.product_code), product_code) == product_code,
        )
        .order_by(col(ProductRoute.product_code).nulls_last())
        .limit(1)
    )
    found = (await session.scalars(candidates)).one_or_none()
    if found is None:
        return BUILT_IN
    return Route([Step(**step) for step in found.steps], found.sequencing, found.over_report_percent)


async def routes(
    session: AsyncSession, caller: Caller, page: paging.Paging, product_code: str | None
) -> Page[RouteOut]:
    """Return a page of an organization's routes, by id."""
    statement = _of(caller)
    if product_code is not None:
        statement = statement.where(col(ProductRoute.product_code) == product_code)
    found = await paging.read(session, statement, [col(ProductRoute.id)], page)
    items = [RouteOut.model_validate(row[0]) for row in found.rows]
    return Page(items=items, next_cursor=found.next_cursor, total=found.total)


async def route(session: AsyncSession, caller: Caller, route_id: int) -> RouteOut:
    """Return one route.

    Raises:
        NotFound: There is none, or it is another organization's.
    """
    return RouteOut.model_validate(await _require(session, caller, route_id))


async def create(session: AsyncSession, caller: Caller, given: RouteIn) -> RouteOut:
    """Give a product a route, or the organization its default; orders planned from then on follow it.

    Raises:
        Conflict: There is one already.
    """
    statement = (
        insert(ProductRoute)
        .values(organization_id=caller.organization_id, **given.model_dump())
        .on_conflict_do_nothing(index_elements=["organization_id", "product_code"])
        .returning(ProductRoute)
    )
    created = (await session.scalars(statement)).one_or_none()
    if created is None:
        raise _taken(given)
    shown = RouteOut.model_validate(created)
    await changes.record(session, caller, Entity.ROUTE, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def replace(
    session: AsyncSession, caller: Caller, route_id: int, given: RouteIn, seen: Seen = WHICHEVER
) -> RouteOut:
    """Put another route in one's place; orders planned before keep their stages.

    Raises:
        NotFound: There is none, or it is another organization's.
        Conflict: It would be the second one of its product.
        PreconditionFailed: It is not as the caller saw it.
    """
    known = await _require(session, caller, route_id)
    before = RouteOut.model_validate(known)
    seen.require(before)
    if given.product_code != known.product_code:
        others = _of(caller).where(col(ProductRoute.product_code).is_not_distinct_from(given.product_code))
        if (await session.scalars(others)).first() is not None:
            raise _taken(given)
    statement = (
        update(ProductRoute)
        .where(col(ProductRoute.id) == route_id)
        .values(updated_at=func.now(), **given.model_dump())
        .returning(ProductRoute)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    after = RouteOut.model_validate((await session.scalars(statement)).one())
    await changes.record(session, caller, Entity.ROUTE, route_id, ChangeKind.UPDATED, before=before, after=after)
    return after


async def delete(session: AsyncSession, caller: Caller, route_id: int, seen: Seen = WHICHEVER) -> None:
    """Forget a route; orders planned before keep their stages.

    Raises:
        NotFound: There is none, or it is another organization's.
        PreconditionFailed: It is not as the caller saw it.
    """
    known = await _require(session, caller, route_id)
    before = RouteOut.model_validate(known)
    seen.require(before)
    await session.delete(known)
    await session.flush()
    await changes.record(session, caller, Entity.ROUTE, route_id, ChangeKind.DELETED, before=before)


def _of(caller: Caller) -> Select[*tuple[ProductRoute]]:
    return select(ProductRoute).where(col(ProductRoute.organization_id) == caller.organization_id)


async def _require(session: AsyncSession, caller: Caller, route_id: int) -> ProductRoute:
    statement = _of(caller).where(col(ProductRoute.id) == route_id).with_for_update()
    found: Any = (await session.scalars(statement)).one_or_none()
    if found is None:
        raise NotFound(messages.ROUTE_NOT_FOUND, route=route_id)
    return found  # type: ignore[no-any-return]


def _taken(given: RouteIn) -> Conflict:
    if given.product_code is None:
        return Conflict(messages.DEFAULT_ROUTE_TAKEN)
    return Conflict(messages.ROUTE_TAKEN, product_code=given.product_code)
