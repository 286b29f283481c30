"""Owns the HTTP side of the OEE optimizer."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query

from cloud.db import Session
from cloud.identity.caller import CurrentCaller
from cloud.machines.schemas import MachineId
from cloud.paging import Page, PageQuery
from cloud.predictions.optimizer import advising, suggesting
from cloud.predictions.optimizer.schemas import (
    OptimizerOut,
    SuggestIn,
    SuggestionOut,
    SuggestionsOut,
    SuggestionStatus,
    WhatIfIn,
    WhatIfOut,
)
from cloud.values import Code, Moment

router = APIRouter(tags=["optimizer"])

From = Annotated[Moment | None, Query(alias="from", description="90 days before `to` if absent")]
To = Annotated[Moment | None, Query(alias="to", description="Half-open: before this time; now if absent")]
PolicyName = Annotated[
    str | None, Query(min_length=1, max_length=64, description="The organization's default if absent")
]
SuggestionId = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/machines/{machine_id}/oee/optimizer")
async def get_optimizer(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start: From = None,
    end: To = None,
    policy: PolicyName = None,
) -> OptimizerOut:
    """Return a machine's loss tree, what it has reached itself, and what to be there always would bring."""
    return await advising.optimizer(session, caller, machine_id, (start, end), policy, datetime.now(UTC))


@router.post("/predictions/oee/what-if")
async def ask_what_if(session: Session, caller: CurrentCaller, asked: WhatIfIn) -> WhatIfOut:
    """Return what less of set-up, micro-stops, slow running, repair time or start-up scrap would have brought."""
    return await advising.what_if_of(session, caller, asked, datetime.now(UTC))


@router.get("/oee/suggestions")
async def list_suggestions(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    machine: Annotated[Code | None, Query(description="Only this machine's; code or id")] = None,
    status: Annotated[SuggestionStatus | None, Query()] = None,
) -> Page[SuggestionOut]:
    """Return suggestions, newest first."""
    return await suggesting.suggestions(session, caller, machine, status, paging)


@router.post("/oee/suggestions")
async def make_suggestions(session: Session, caller: CurrentCaller, asked: SuggestIn) -> SuggestionsOut:
    """Suggest what would surely raise a machine's OEE; an open suggestion for the same loss is told anew."""
    return await suggesting.suggest(session, caller, asked, datetime.now(UTC))


@router.get("/oee/suggestions/{suggestion_id}")
async def get_suggestion(session: Session, caller: CurrentCaller, suggestion_id: SuggestionId) -> SuggestionOut:
    """Return a suggestion, and of an accepted one what it has brought, like held against like."""
    return await suggesting.suggestion(session, caller, suggestion_id, datetime.now(UTC))


@router.post("/oee/suggestions/{suggestion_id}/accept")
async def accept_suggestion(session: Session, caller: CurrentCaller, suggestion_id: SuggestionId) -> SuggestionOut:
    """Accept a suggestion: from now on what it brings is followed."""
    return await suggesting.decide(session, caller, suggestion_id, SuggestionStatus.ACCEPTED, datetime.now(UTC))


@router.post("/oee/suggestions/{suggestion_id}/decline")
async def decline_suggestion(session: Session, caller: CurrentCaller, suggestion_id: SuggestionId) -> SuggestionOut:
    """Decline a suggestion."""
    return await suggesting.decide(session, caller, suggestion_id, SuggestionStatus.DECLINED, datetime.now(UTC))
