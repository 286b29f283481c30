"""Owns the HTTP side of the record of changes."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from cloud.audit import service
from cloud.audit.schemas import ChangeOut
from cloud.audit.service import Wanted
from cloud.changes import ChangeKind, Entity
from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.paging import Page, PageQuery
from cloud.values import Label, Moment

router = APIRouter(tags=["audit"])


async def _wanted(
    entity: Entity | None = None,
    entity_id: Label | None = None,
    actor: Annotated[Label | None, Query(description="`user:12`, for one")] = None,
    kind: ChangeKind | None = None,
    request_id: Label | None = None,
    start: Annotated[Moment | None, Query(alias="from", description="The first moment")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="The first moment after")] = None,
) -> Wanted:
    return Wanted(entity, entity_id, actor, kind, request_id, start, end)


@router.get("/audit")
async def list_changes(
    session: Session, caller: CurrentCaller, paging: PageQuery, wanted: Annotated[Wanted, Depends(_wanted)]
) -> Page[ChangeOut]:
    """List who changed what and when, and who signed in, the newest first."""
    return await service.changes(session, caller.organization_id, paging, wanted)
