"""Owns `Idempotency-Key`: a request that is sent again gets the first one's answer, and does nothing a second time.

draft-ietf-httpapi-idempotency-key-header. A slice does nothing for it: `api.mount` puts it around every
POST and PATCH of somebody signed in. The key and the answer are written in the effect's own
transaction, so either both are there or neither; several workers share them, for they are in PostgreSQL.

- same caller, key and request: the stored answer, with `Idempotency-Replayed: true`
- same key, another request: 422; the first one still running: 409 with `Retry-After`
- only a success is kept. A refused request changed nothing, so it is judged anew when it comes again: what
  was missing may be there by then, and its key may be used for a corrected request
- an answer that must not be stored (`Cache-Control: no-store`: it holds a secret) is not; a repeat is told so
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import Request, Response
from sqlalchemy import Column, DateTime, LargeBinary, SmallInteger, Text, delete, func, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import Field, col
from starlette.datastructures import FormData, UploadFile

from cloud import messages
from cloud.db import Table
from cloud.errors import BadRequest, Conflict, Invalid

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT = timedelta(days=7)
# the draft's form is a quoted string (RFC 9651, 3.3.3); bare ones are what most clients send
_KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')
# at each kept answer some that are older than a week are forgotten, so that nothing needs a clock of its own
_FORGOTTEN_AT_ONCE = 20
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class KeptAnswer(Table, table=True):
    """The answer to a request that must not be done twice."""

    __tablename__ = "idempotency_key"

    scope: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int = Field(sa_column=Column(SmallInteger, nullable=False))
    headers: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    body: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    kept_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key: whose it is, and a fingerprint of what is asked with it."""

    scope: str
    key: str
    fingerprint: bytes

    @property
    def lock(self) -> int:
        """The number of the advisory lock that this caller's key has; equal for two keys once in 2^64."""
        digest = hashlib.sha256(f"{self.scope}\0{self.key}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


class Fingerprints:
    """Tells whether two requests are the same, by a hash that only this service can make.

    A plain hash of a body with a password in it could be searched for the password.
    """

    def __init__(self, secret_key: str) -> None:
        self._key = hashlib.sha256(b"idempotency\0" + secret_key.encode()).digest()

    async def claim(self, request: Request, scope: str, key: str) -> Claim:
        """Return the claim that a request makes.

        Args:
            request: With its body read, or yet to be.
            scope: Whose key it is: two callers may use the same.
            key: As sent.

        Raises:
            BadRequest: It cannot be a key.
        """
        match = _KEY.fullmatch(key.strip())
        if match is None:
            raise BadRequest(messages.IDEMPOTENCY_KEY_INVALID)
        digest = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (request.method, request.url.path, request.url.query):
            digest.update(part.encode() + b"\0")
        digest.update(await _content(request))
        return Claim(scope, match[1], digest.digest())


async def earlier_answer(session: AsyncSession, claim: Claim) -> Response | None:
    """Take a key until the transaction's end; return the answer kept under it, or None when it is new.

    Raises:
        Conflict: A request with this key is being served, or its answer was not to be kept.
        Invalid: The key was used for another request.
    """
    # not a wait for the other's row: a phone that repeats itself would hold a connection for each repetition
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(claim.lock))):
        raise Conflict(messages.IDEMPOTENCY_KEY_IN_USE, retryable=True, retry_after_s=1)
    # a statement of its own, whose snapshot is younger than the lock
    is_same = tuple_(col(KeptAnswer.scope), col(KeptAnswer.key)) == tuple_(claim.scope, claim.key)
    kept = (await session.scalars(select(KeptAnswer).where(is_same))).one_or_none()
    if kept is None or (kept.kept_at is not None and kept.kept_at < datetime.now(UTC) - KEPT):
        return None
    if kept.fingerprint != claim.fingerprint:
        raise Invalid(messages.IDEMPOTENCY_KEY_REUSED)
    if kept.body is None:
        raise Conflict(messages.IDEMPOTENCY_ANSWER_NOT_KEPT)
    return Response(kept.body, kept.status, {**kept.headers, REPLAYED: "true"})


async def keep(session: AsyncSession, claim: Claim, answer: Response) -> None:
    """Keep a success for a week, as a part of the transaction that it tells about."""
    if not 200 <= answer.status_code < 300:
        return
    is_secret = "no-store" in answer.headers.get("cache-control", "")
    values = {
        "scope": claim.scope,
        "key": claim.key,
        "fingerprint": claim.fingerprint,
        "status": answer.status_code,
        "headers": _kept_headers(answer.headers),
        "body": None if is_secret else bytes(answer.body),
        "kept_at": func.now(),
    }
    # only an answer older than a week can be there: the lock is ours, and we looked
    known = insert(KeptAnswer).values(values)
    await session.execute(known.on_conflict_do_update(index_elements=["scope", "key"], set_=values))
    old = (
        select(col(KeptAnswer.scope), col(KeptAnswer.key))
        .where(col(KeptAnswer.kept_at) < func.now() - KEPT)
        .order_by(col(KeptAnswer.kept_at))
        .limit(_FORGOTTEN_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    place = tuple_(col(KeptAnswer.scope), col(KeptAnswer.key))
    await session.execute(delete(KeptAnswer).where(place.in_(old)))


def _kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "content-length"}


async def _content(request: Request) -> bytes:
    # a form is read by FastAPI piece by piece, and its bytes are gone; its fields are not
    if request.headers.get("content-type", "").startswith(_FORMS):
        return await _of_form(await request.form())
    return await request.body()


async def _of_form(form: FormData) -> bytes:
    digest = hashlib.sha256()
    for name, value in form.multi_items():
        content = value.encode() if isinstance(value, str) else await _of_file(value)
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.digest()


async def _of_file(file: UploadFile) -> bytes:
    await file.seek(0)
    content = await file.read()
    await file.seek(0)
    return f"{file.filename}\0{file.content_type}\0".encode() + content
