"""Owns the stream of events: what changes, as it changes, to one listener who may come back where they left off.

    event: ready     id: <cursor>                 it listens; what happened before is what a pull shows
    event: change    data: {entity, id, op, data} as a pull has it; the last of several that came together has the id
    event: machine   data: {machine_id, runtime_status, values}; without id, for only the newest matters
    event: reset     id: <cursor>                 the cursor cannot be gone on from: pull anew
    event: end       data: {reason}               the token has expired, or its user was signed out or deactivated

An id is a cursor of `GET /sync/pull`, and the other way round. The caller is looked up again each time something is
told, and at each heartbeat, so nobody is told what they may not see any more.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from cloud import feed
from cloud.db import Database
from cloud.errors import CloudError, Invalid
from cloud.identity import service as identity
from cloud.identity.schemas import Bearer, Caller
from cloud.sync import pulling
from cloud.sync.cursors import DONE, Cursor
from cloud.sync.hub import Hub, Listener

# proxies close what is silent for a minute, some for half of one
HEARTBEAT_S = 15.0
# how long a client waits before it comes back
_RETRY = b"retry: 3000\n\n"
_HEARTBEAT = b": heartbeat\n\n"
_PIECE = 200


class Stream:
    """One listener's stream."""

    def __init__(
        self, hub: Hub, database: Database, bearer: Bearer, caller: Caller, last_id: str | None, heartbeat_s: float
    ) -> None:
        self._hub, self._database, self._bearer, self._caller = hub, database, bearer, caller
        self._last_id = last_id
        self._cursor: Cursor | None = None
        self._heartbeat_s = heartbeat_s

    async def frames(self, *, changes: bool = True, machines: bool = True) -> AsyncIterator[bytes]:
        """Yield frames until the token expires or its user is no more."""
        yield _RETRY
        with self._hub.listening(self._caller.organization_id, to_machines=machines) as listener:
            while True:
                is_woken = await self._until_woken(listener)
                if datetime.now(UTC) >= self._bearer.expires_at:
                    yield _frame("end", {"reason": "token_expired"})
                    return
                is_known, frames = await self._told(listener, changes=changes)
                if not is_known:
                    yield _frame("end", {"reason": "signed_out"})
                    return
                if not is_woken and not frames:
                    yield _HEARTBEAT
                for frame in frames:
                    yield frame

    async def _until_woken(self, listener: Listener) -> bool:
        loop = asyncio.get_running_loop()
        left_s = (self._bearer.expires_at - datetime.now(UTC)).total_seconds()
        deadline = loop.time() + max(0.0, min(self._heartbeat_s, left_s))
        while not listener.woken.is_set():
            if loop.time() >= deadline:
                return False
            try:
                async with asyncio.timeout_at(min(deadline, loop.time() + self._hub.look_every_s)):
                    await listener.woken.wait()
            except TimeoutError:
                await self._look()
        return True

    async def _look(self) -> None:
        try:
            await self._hub.look()
        except CloudError as error:
            if not error.retryable:
                raise
            # the database is away: heartbeats go on, and what happens meanwhile is in the feed afterwards

    async def _told(self, listener: Listener, *, changes: bool) -> tuple[bool, list[bytes]]:
        has_changes, news = listener.take()
        frames = [_frame("machine", each) for each in news]
        try:
            async with self._database.transaction() as session:
                caller = await identity.caller(session, self._bearer)
                if caller is None:
                    return False, []
                if changes and (has_changes or self._cursor is None):
                    frames += await self._changes(session, caller)
        except CloudError as error:
            if not error.retryable:
                raise
            listener.has_changes = True
            await asyncio.sleep(1)
            listener.woken.set()
        return True, frames

    async def _changes(self, session: AsyncSession, caller: Caller) -> list[bytes]:
        horizon = await feed.horizon(session)
        fresh = Cursor.now(caller, horizon)
        if self._cursor is None:
            cursor, name = self._resumed(fresh), "ready"
        else:
            cursor, name = self._cursor, ""
        if not cursor.can_go_on(caller, horizon):
            cursor, name = fresh, "reset"
        frames = [_frame(name, {}, str(cursor))] if name else []
        while cursor.position < horizon.end:
            came, cursor = await pulling.changed(session, caller, cursor, horizon, _PIECE)
            last = len(came) - 1
            frames += [_frame("change", each, str(cursor) if n == last else None) for n, each in enumerate(came)]
        self._cursor = cursor
        return frames

    def _resumed(self, fresh: Cursor) -> Cursor:
        if not self._last_id:
            return fresh
        try:
            return replace(Cursor.read(self._last_id), source=DONE, after=0)
        except Invalid:
            # not an error: a browser would never come back after one
            return replace(fresh, user_id=0)


def _frame(event: str, data: BaseModel | dict[str, Any], id: str | None = None) -> bytes:
    body = data.model_dump_json().encode() if isinstance(data, BaseModel) else orjson.dumps(data)
    place = b"" if id is None else b"id: " + id.encode() + b"\n"
    return b"event: " + event.encode() + b"\n" + place + b"data: " + body + b"\n\n"
