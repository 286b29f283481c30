"""Owns what the sync slice takes and gives."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from cloud.issues.schemas import IssueOut
from cloud.values import Moment
from cloud.workorders.schemas import StageOut, WorkOrderOut

MAX_OPS = 100


class Op(StrEnum):
    """What became of a thing."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class WorkOrderChange(BaseModel):
    """A work order that changed."""

    entity: Literal["work_order"] = "work_order"
    id: int
    op: Op
    data: WorkOrderOut | None = Field(description="As it is now; null when it is gone, or yours to see no more")


class StageChange(BaseModel):
    """A stage that changed."""

    entity: Literal["stage"] = "stage"
    id: int
    op: Op
    data: StageOut | None = Field(description="As it is now; null when it is gone, or yours to see no more")


class IssueChange(BaseModel):
    """An issue that changed."""

    entity: Literal["issue"] = "issue"
    id: int
    op: Op
    data: IssueOut | None = Field(description="As it is now; null when it is gone, or yours to see no more")


SyncChange = Annotated[WorkOrderChange | StageChange | IssueChange, Field(discriminator="entity")]


class PullOut(BaseModel):
    """What changed since a cursor."""

    reset: bool = Field(description="Forget everything first: this begins anew, for the cursor cannot be gone on from")
    changes: list[SyncChange] = Field(
        description="Orders before their stages, stages before their issues; applying them twice does no harm"
    )
    cursor: str = Field(description="For the next pull; keep it when the changes are kept")
    has_more: bool = Field(description="Pull again at once")


OpId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]{8,64}$")]


class Intention(BaseModel):
    """Something that somebody did while away.

    `args` by `op`: `stage.start` and `stage.done` {stage_id}; `production.add` {stage_id, kind, quantity, note?};
    `issue.create` {stage_id, type, description, severity?}; `issue.change` {issue_id, status?, type?, description?,
    severity?, resolution?}; `issue.comment` {issue_id, text}.
    """

    model_config = ConfigDict(extra="forbid")

    op_id: OpId = Field(description="The phone's own, and never another's: a UUID. Sent again it is done once")
    op: Annotated[str, StringConstraints(pattern=r"^[a-z_.]{1,40}$")] = Field(examples=["stage.start"])
    at: Moment | None = Field(default=None, description="When it was done; now if absent, or in the future")
    args: dict[str, Any] = Field(default_factory=dict, max_length=20)


class PushIn(BaseModel):
    """What somebody did while away, in the order in which they did it."""

    model_config = ConfigDict(extra="forbid")

    ops: list[Intention] = Field(min_length=1, max_length=MAX_OPS)


class OpOutcome(StrEnum):
    """What became of an intention."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"  # it came before; `outcome` says what became of it then
    CONFLICT = "conflict"  # things are not as they were: somebody else was there first
    REJECTED = "rejected"  # it could never be done


class Settled(StrEnum):
    """What an intention came to the first time."""

    APPLIED = "applied"
    CONFLICT = "conflict"
    REJECTED = "rejected"


class PushResult(BaseModel):
    """What became of one intention; a phone may forget it, whatever this says."""

    op_id: str
    status: OpOutcome
    outcome: Settled = Field(description="The same as status, but of a duplicate what it came to the first time")
    result: dict[str, Any] | None = Field(
        default=None, description="What was made or changed, as its own path shows it"
    )
    error: dict[str, Any] | None = Field(
        default=None, description="Why not: error_code, title, detail, status and what a problem of its path holds"
    )


class PushOut(BaseModel):
    """What became of each intention, in their order."""

    results: list[PushResult]
