"""Owns the HTTP side of phones that were away."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse

from cloud.db import Database, Session, database
from cloud.identity.caller import CurrentBearer, CurrentCaller
from cloud.sync import events, pulling, pushing
from cloud.sync.hub import Hub
from cloud.sync.schemas import PullOut, PushIn, PushOut

router = APIRouter(tags=["sync"])

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `ready`, `change`, `machine`, `reset` and `end`; an id is a cursor of GET /sync/pull",
        # of one event, as tools that read such streams take it
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {name: {"type": "string"} for name in ("event", "id", "data")},
                    "required": ["event", "data"],
                }
            }
        },
    }
}


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


@router.get("/events", response_class=StreamingResponse, responses=_STREAM)
async def follow(
    request: Request,
    pool: Annotated[Database, Depends(database)],
    caller: CurrentCaller,
    bearer: CurrentBearer,
    topics: Annotated[
        list[Literal["changes", "machines"]] | None, Query(max_length=2, description="Both if absent")
    ] = None,
    cursor: Annotated[str | None, Query(max_length=1000, description="Where to go on, of a pull")] = None,
    last_event_id: Annotated[str | None, Header(max_length=1000, description="Where to go on, of this stream")] = None,
) -> StreamingResponse:
    """Follow what changes, in one stream of server-sent events that can be gone on from where it broke."""
    hub: Hub = request.app.state.hub
    hub.require_room()
    stream = events.Stream(hub, pool, bearer, caller, last_event_id or cursor, events.HEARTBEAT_S)
    wanted = set(topics or ("changes", "machines"))
    frames = stream.frames(changes="changes" in wanted, machines="machines" in wanted)
    # a proxy must neither keep it nor collect it (nginx waits for a full buffer otherwise)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(frames, media_type="text/event-stream", headers=headers)
