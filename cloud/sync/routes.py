"""Owns the HTTP side of phones that were away."""

from typing import Annotated

from fastapi import APIRouter, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.sync import pulling, pushing
from cloud.sync.schemas import PullOut, PushIn, PushOut

router = APIRouter(tags=["sync"])


@router.get("/sync/pull")
async def pull(
    session: Session,
    caller: CurrentCaller,
    cursor: Annotated[
        str | None, Query(max_length=1000, description="Of the pull before; everything without it")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=pulling.MAX_LIMIT)] = 200,
) -> PullOut:
    """Return what was created, updated and deleted since a cursor; losing sight of a thing is its deletion."""
    return await pulling.pull(session, caller, cursor, limit)


@router.post("/sync/push")
async def push(session: Session, caller: CurrentCaller, pushed: PushIn) -> PushOut:
    """Take what was done while away; each intention is settled once, and the answer says what became of it."""
    return await pushing.push(session, caller, pushed.ops)
