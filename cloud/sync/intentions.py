"""Owns what can be done from a distance: each `op`, what it takes, and the use case that does it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from cloud.identity.schemas import Caller
from cloud.issues import service as issues
from cloud.issues.schemas import CommentIn, IssueIn, IssuePatch
from cloud.workorders.schemas import ProductionIn
from cloud.workorders.service import production, stages

Id = Annotated[int, Field(ge=1, le=2**31 - 1)]


class OfStage(BaseModel):
    """Which stage is meant."""

    model_config = ConfigDict(extra="forbid")

    stage_id: Id


class Production(ProductionIn):
    """Pieces that a stage made."""

    stage_id: Id


class NewIssue(IssueIn):
    """What is wrong at a stage."""

    stage_id: Id


class IssueStep(IssuePatch):
    """What is to be different about an issue."""

    issue_id: Id


class Comment(CommentIn):
    """What somebody says of an issue."""

    issue_id: Id


Do = Callable[[AsyncSession, Caller, Any, datetime], Awaitable[BaseModel]]


@dataclass(frozen=True, slots=True)
class Deed:
    """What an `op` takes, and what it does with that and the time at which it was done."""

    args: type[BaseModel]
    do: Do


async def _start(session: AsyncSession, caller: Caller, args: OfStage, at: datetime) -> BaseModel:
    return await stages.start(session, caller, args.stage_id, at)


async def _finish(session: AsyncSession, caller: Caller, args: OfStage, at: datetime) -> BaseModel:
    return await stages.finish(session, caller, args.stage_id, at)


async def _add_production(session: AsyncSession, caller: Caller, args: Production, at: datetime) -> BaseModel:
    given = ProductionIn(kind=args.kind, quantity=args.quantity, note=args.note, occurred_at=args.occurred_at or at)
    return await production.add(session, caller, args.stage_id, given)


async def _report(session: AsyncSession, caller: Caller, args: NewIssue, at: datetime) -> BaseModel:
    given = IssueIn.model_validate(args.model_dump(exclude={"stage_id"}))
    return await issues.create(session, caller, args.stage_id, given, at)


async def _go_on(session: AsyncSession, caller: Caller, args: IssueStep, at: datetime) -> BaseModel:
    patch = IssuePatch.model_validate(args.model_dump(exclude={"issue_id"}, exclude_unset=True))
    return await issues.change(session, caller, args.issue_id, patch, now=at)


async def _comment(session: AsyncSession, caller: Caller, args: Comment, _: datetime) -> BaseModel:
    return await issues.comment(session, caller, args.issue_id, CommentIn(text=args.text))


DEEDS: Mapping[str, Deed] = {
    "stage.start": Deed(OfStage, _start),
    "stage.done": Deed(OfStage, _finish),
    "production.add": Deed(Production, _add_production),
    "issue.create": Deed(NewIssue, _report),
    "issue.change": Deed(IssueStep, _go_on),
    "issue.comment": Deed(Comment, _comment),
}
