"""Owns the HTTP side of issues."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.issues import attachments, photo, service
from cloud.issues.schemas import (
    AnyCaseIssueStatus,
    AnyCaseSeverity,
    AnyCaseType,
    AttachmentOut,
    CommentIn,
    CommentOut,
    IssueIn,
    IssueOut,
    IssuePatch,
    IssueSort,
    IssueStatistics,
)
from cloud.issues.service import Wanted
from cloud.issues.store import PhotoStore
from cloud.machines import service as machines
from cloud.paging import Page, PageQuery
from cloud.preconditions import IfMatch
from cloud.values import Code, Moment, RowId

of_stages = APIRouter(prefix="/stages", tags=["issues"])
router = APIRouter(prefix="/issues", tags=["issues"])

_PHOTO: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The photo, as it was taken",
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in photo.EXTENSIONS},
    }
}
# the row's id, asked for in a query
_Id = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


async def _store(request: Request) -> PhotoStore:
    store: PhotoStore = request.app.state.photos
    return store


Store = Annotated[PhotoStore, Depends(_store)]


async def _wanted(
    session: Session,
    caller: CurrentCaller,
    status: AnyCaseIssueStatus | None = None,
    type: AnyCaseType | None = None,
    severity: AnyCaseSeverity | None = None,
    work_order_stage_id: _Id = None,
    work_order_id: _Id = None,
    machine: Annotated[Code | None, Query(description="A machine's code or id")] = None,
    created_from: Annotated[Moment | None, Query(description="Reported then or later")] = None,
    created_to: Annotated[Moment | None, Query(description="Reported before")] = None,
    sort: IssueSort = "-created_at",
) -> Wanted:
    found = await machines.resolve(session, caller.organization_id, machine) if machine is not None else None
    return Wanted(
        status=status,
        type=type,
        severity=severity,
        work_order_stage_id=work_order_stage_id,
        work_order_id=work_order_id,
        machine_id=found.id if found else None,
        created_from=created_from,
        created_to=created_to,
        sort=sort,
    )


_Wanted = Annotated[Wanted, Depends(_wanted)]


@of_stages.post("/{wos_id}/issue", status_code=201)
async def report_issue(session: Session, caller: CurrentCaller, wos_id: RowId, issue: IssueIn) -> IssueOut:
    """Report what is wrong at a stage."""
    return await service.create(session, caller, wos_id, issue)


@of_stages.patch("/{wos_id}/issues/{issue_id}")
async def change_issue(
    session: Session, caller: CurrentCaller, wos_id: RowId, issue_id: RowId, patch: IssuePatch, seen: IfMatch
) -> IssueOut:
    """Go a step on with an issue, or say it better; a worker with his own."""
    return await service.change(session, caller, issue_id, patch, stage_id=wos_id, seen=seen)


@router.get("")
async def list_issues(session: Session, caller: CurrentCaller, paging: PageQuery, wanted: _Wanted) -> Page[IssueOut]:
    """List issues, the newest first; a worker sees those that he reported."""
    return await service.issues(session, caller, paging, wanted)


# before the next one, which would take the word for an id
@router.get("/statistics")
async def measure_issues(session: Session, caller: CurrentCaller, wanted: _Wanted) -> IssueStatistics:
    """Return how many issues there are, and how long it took to acknowledge and to resolve them."""
    return await service.statistics(session, caller, wanted)


@router.get("/{issue_id}")
async def get_issue(session: Session, caller: CurrentCaller, issue_id: RowId) -> IssueOut:
    """Return one issue."""
    return await service.issue(session, caller, issue_id)


@router.get("/{issue_id}/comments")
async def list_comments(
    session: Session, caller: CurrentCaller, issue_id: RowId, paging: PageQuery
) -> Page[CommentOut]:
    """List what was said of an issue."""
    return await service.comments(session, caller, issue_id, paging)


@router.post("/{issue_id}/comments", status_code=201)
async def comment_issue(session: Session, caller: CurrentCaller, issue_id: RowId, comment: CommentIn) -> CommentOut:
    """Say something of an issue."""
    return await service.comment(session, caller, issue_id, comment)


@router.get("/{issue_id}/attachments")
async def list_attachments(session: Session, caller: CurrentCaller, issue_id: RowId) -> list[AttachmentOut]:
    """List the photos of an issue."""
    return await attachments.attachments(session, caller, issue_id)


@router.post("/{issue_id}/attachments", status_code=201)
async def attach_photo(
    session: Session,
    caller: CurrentCaller,
    issue_id: RowId,
    store: Store,
    file: Annotated[UploadFile, File(description="JPEG, PNG, WebP or HEIC, at most 10 MiB")],
) -> AttachmentOut:
    """Keep a photo of an issue."""
    return await attachments.attach(session, caller, store, issue_id, await file.read(), photo.called(file.filename))


@router.get("/{issue_id}/attachments/{attachment_id}", response_model=None, responses=_PHOTO)
async def get_attachment(
    session: Session, caller: CurrentCaller, issue_id: RowId, attachment_id: RowId, store: Store
) -> Response:
    """Return a photo."""
    shown, content = await attachments.content(session, caller, store, issue_id, attachment_id)
    name = f"issue-{issue_id}-{attachment_id}.{photo.EXTENSIONS[shown.media_type]}"
    headers = {
        # a file to keep, never a page to run: whatever its bytes say, no browser takes them for anything else
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=31536000, immutable",
        "ETag": f'"{shown.sha256}"',
    }
    return Response(content, media_type=shown.media_type, headers=headers)
