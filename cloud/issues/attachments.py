"""Owns what can be done with an issue's photos."""

import hashlib
import uuid

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import changes
from cloud.changes import ChangeKind, Entity
from cloud.errors import Conflict, Invalid, NotFound, TooLarge, UnsupportedType
from cloud.identity.schemas import Caller
from cloud.issues import messages, photo, service
from cloud.issues.models import IssueAttachment
from cloud.issues.schemas import AttachmentOut
from cloud.issues.store import PhotoStore

# more show nothing new, and every one is kept for ever
MAX_PHOTOS = 20


async def attach(
    session: AsyncSession, caller: Caller, store: PhotoStore, issue_id: int, content: bytes, filename: str | None
) -> AttachmentOut:
    """Keep a photo of an issue. Its bytes are kept before its row is: no row is ever without them.

    Args:
        session: The request's.
        caller: Who must be able to see the issue.
        store: Where the bytes go.
        issue_id: Of which issue.
        content: The whole file.
        filename: What it was called; kept to be shown, and never a part of a path.

    Raises:
        NotFound: There is no such issue, or it is not the caller's.
        Invalid: The file is empty.
        TooLarge: It is larger than a photo is.
        UnsupportedType: It is no photo.
        Conflict: The issue has enough of them.
        StoreUnavailable: The bytes could not be kept.
    """
    await service.require(session, caller, issue_id, lock=True)
    if not content:
        raise Invalid(messages.PHOTO_EMPTY)
    if len(content) > photo.MAX_BYTES:
        raise TooLarge(messages.PHOTO_TOO_LARGE, size=len(content), limit=photo.MAX_BYTES)
    media_type = photo.media_type(content)
    if media_type is None:
        raise UnsupportedType(messages.NO_PHOTO, accepted=list(photo.EXTENSIONS))
    known = select(func.count()).where(col(IssueAttachment.issue_id) == issue_id)
    if (await session.scalar(known) or 0) >= MAX_PHOTOS:
        raise Conflict(messages.TOO_MANY_PHOTOS, issue=issue_id, limit=MAX_PHOTOS)
    key = f"{caller.organization_id.hex}/{uuid.uuid4().hex}"
    await store.put(key, content, media_type)
    values = {
        "issue_id": issue_id,
        "key": key,
        "filename": filename,
        "media_type": media_type,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "created_by": caller.user_id,
    }
    row = (await session.scalars(insert(IssueAttachment).values(values).returning(IssueAttachment))).one()
    shown = AttachmentOut.model_validate(row)
    await changes.record(session, caller, Entity.ISSUE_ATTACHMENT, shown.id, ChangeKind.CREATED, after=shown)
    return shown


async def attachments(session: AsyncSession, caller: Caller, issue_id: int) -> list[AttachmentOut]:
    """Return the photos of an issue, the first one first.

    Raises:
        NotFound: There is no such issue, or it is not the caller's.
    """
    await service.require(session, caller, issue_id)
    statement = select(IssueAttachment).where(col(IssueAttachment.issue_id) == issue_id)
    rows = await session.scalars(statement.order_by(col(IssueAttachment.id)))
    return [AttachmentOut.model_validate(row) for row in rows]


async def content(
    session: AsyncSession, caller: Caller, store: PhotoStore, issue_id: int, attachment_id: int
) -> tuple[AttachmentOut, bytes]:
    """Return a photo and its bytes.

    Raises:
        NotFound: There is no such issue or photo, it is not the caller's, or its bytes are gone.
        StoreUnavailable: It cannot be told.
    """
    await service.require(session, caller, issue_id)
    statement = select(IssueAttachment).where(
        col(IssueAttachment.issue_id) == issue_id, col(IssueAttachment.id) == attachment_id
    )
    row = (await session.scalars(statement)).one_or_none()
    if row is None:
        raise NotFound(messages.PHOTO_NOT_FOUND, issue=issue_id, attachment=attachment_id)
    found = await store.get(row.key)
    if found is None:
        raise NotFound(messages.CONTENT_MISSING)
    return AttachmentOut.model_validate(row), found
