"""Owns the HTTP side of telemetry: batches in; what machines do, their readings and gaps out."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BeforeValidator, Field
from starlette.requests import ClientDisconnect

from cloud.db import Session
from cloud.errors import Invalid, Unavailable, UnsupportedType
from cloud.gateways.caller import CurrentGateway
from cloud.identity.caller import CurrentCaller
from cloud.machines.schemas import MachineId
from cloud.middleware import longer_s
from cloud.paging import Page, PageQuery, Paging
from cloud.telemetry import gaps, history, messages, posting, rollups, service
from cloud.telemetry.intake import Intake
from cloud.telemetry.schemas import (
    CoverageOut,
    GapOut,
    GapState,
    PostedOut,
    ReadingOut,
    ReadingsIn,
    ReceiptOut,
    Resolution,
    RollupOut,
    UsageAsked,
    UsageOut,
)
from cloud.values import Moment, lower
from shared.reading import GapCause, ReadingType
from shared.wire.batch import CONTENT_TYPE, MAX_BODY

MAX_READINGS = 1000
# and as much longer as its length needs on a thin line; a body that only drips must not hold its place for ever
BODY_TIMEOUT_S = 60.0

router = APIRouter(tags=["telemetry"])

Name = Annotated[str | None, Query(min_length=1, max_length=200)]
From = Annotated[Moment | None, Query(alias="from", description="Not before this time")]
To = Annotated[Moment | None, Query(description="Before this time")]

# a calendar of more days has no readings, and its ends no neighbours
Day = Annotated[date, Field(ge=date(2000, 1, 1), lt=date(2100, 1, 1))]

_BATCH = {
    "requestBody": {"required": True, "content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


async def place(request: Request) -> AsyncIterator[Intake]:
    """Hold a place for a batch before anybody is asked who sent it: turning one away must cost next to nothing."""
    intake: Intake = request.app.state.intake
    # BodyLimit lets no more in than is announced, and no more than the limit where nothing is
    announced = request.headers.get("content-length", "")
    with intake.place(int(announced) if announced.isdecimal() else MAX_BODY):
        yield intake


@router.post("/ingest/batches", openapi_extra=_BATCH)
async def ingest(
    request: Request,
    response: Response,
    intake: Annotated[Intake, Depends(place, scope="function")],
    gateway: CurrentGateway,
) -> ReceiptOut:
    """Store a gateway's batch (docs/wire.md); answered after its commit, and the same again when it is sent again."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != CONTENT_TYPE:
        raise UnsupportedType(messages.BATCH_TYPE, expected=CONTENT_TYPE, given=kind or messages.NO_TYPE)
    body = await body_of(request, BODY_TIMEOUT_S + longer_s(request.headers.get("content-length", "")))
    began_s = time.perf_counter()
    receipt = await intake.receive(gateway, body)
    # so that a gateway knows a slow line from a busy cloud
    response.headers["Server-Timing"] = f"store;dur={(time.perf_counter() - began_s) * 1e3:.1f}"
    return ReceiptOut.model_validate(receipt, from_attributes=True)


@router.get("/machines/{machine_id}/readings")
async def list_readings(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start: From = None,
    to: To = None,
    device: Name = None,
    tag: Name = None,
    reading_type: Annotated[ReadingType | None, BeforeValidator(lower)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_READINGS, description="Rows of a page")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")] = None,
    skip: Annotated[int, Query(ge=0, le=10_000, description="Readings to leave out; a cursor is better")] = 0,
) -> Page[ReadingOut]:
    """List a machine's readings, newest first."""
    asked = history.ReadingFilter(start, to, device, tag, reading_type)
    wanted = Paging(limit, cursor, 0 if cursor else skip)
    return await history.readings(session, caller.organization_id, machine_id, asked, wanted, datetime.now(UTC))


@router.post("/machines/{machine_id}/readings", status_code=201)
async def post_readings(
    request: Request, session: Session, caller: CurrentCaller, machine_id: MachineId, readings: ReadingsIn
) -> PostedOut:
    """Store a reading, or a list of them, of a machine without a gateway; all of them or none, and each once."""
    intake: Intake = request.app.state.intake
    return await posting.post(
        session, intake.partitions, caller.organization_id, machine_id, readings, datetime.now(UTC)
    )


@router.get("/machines/{machine_id}/usage")
async def get_usage(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    first: Annotated[
        Day | None, Query(alias="from", description="First day; 29 days before the last if absent")
    ] = None,
    last: Annotated[Day | None, Query(alias="to", description="Last day, included; today if absent")] = None,
    time_zone: Annotated[
        str | None, Query(max_length=64, description="IANA name; the organization's if absent")
    ] = None,
) -> UsageOut:
    """Return how much a machine was used, by day: seconds running, cycles, energy."""
    asked = UsageAsked(first, last, time_zone)
    return await service.used_by_day(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/machines/{machine_id}/rollups")
async def list_rollups(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    resolution: Annotated[
        Resolution, BeforeValidator(lower), Query(description="How long a bucket is")
    ] = Resolution.HOUR,
    start: From = None,
    to: To = None,
    device: Name = None,
    tag: Name = None,
    reading_type: Annotated[ReadingType | None, BeforeValidator(lower)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_READINGS, description="Rows of a page")] = 50,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before")] = None,
    skip: Annotated[int, Query(ge=0, le=10_000, description="Buckets to leave out; a cursor is better")] = 0,
) -> Page[RollupOut]:
    """List what a machine's readings add up to by minute, hour or day, newest first."""
    asked = history.ReadingFilter(start, to, device, tag, reading_type)
    wanted = Paging(limit, cursor, 0 if cursor else skip)
    now = datetime.now(UTC)
    return await rollups.rollups(session, caller.organization_id, machine_id, resolution, asked, wanted, now)


@router.get("/machines/{machine_id}/coverage")
async def list_coverage(
    session: Session,
    caller: CurrentCaller,
    machine_id: MachineId,
    start: Annotated[Moment, Query(alias="from", description="Not before this time")],
    to: Annotated[Moment, Query(description="Before this time")],
    device: Name = None,
    tag: Name = None,
) -> list[CoverageOut]:
    """Say for each of a machine's tags how much of a time range its readings can vouch for, and why not the rest."""
    if start >= to:
        raise Invalid(messages.RANGE_BACKWARDS, start=start.isoformat(), end=to.isoformat())
    asked = history.ReadingFilter(start, to, device, tag)
    return await gaps.coverage(session, caller.organization_id, machine_id, asked, datetime.now(UTC))


@router.get("/gaps")
async def list_gaps(
    session: Session,
    caller: CurrentCaller,
    paging: PageQuery,
    start: From = None,
    to: To = None,
    gateway: Name = None,
    device: Name = None,
    tag: Name = None,
    cause: Annotated[GapCause | None, BeforeValidator(lower)] = None,
    machine: Annotated[str | None, Query(min_length=1, max_length=200, description="Its id or its code")] = None,
    state: Annotated[
        list[Annotated[GapState, BeforeValidator(lower)]] | None,
        Query(max_length=3, description="One or several; all if absent"),
    ] = None,
) -> Page[GapOut]:
    """List the holes in the readings, with their causes, newest first.

    A gap of a whole device concerns each of its tags, and one of a whole gateway each of its devices: asked for a tag,
    both are among the answers.
    """
    asked = gaps.GapFilter(start, to, gateway, device, tag, cause, machine, state or ())
    return await gaps.page(session, caller.organization_id, asked, paging)


async def body_of(request: Request, within_s: float = BODY_TIMEOUT_S) -> bytes:
    """Return the body of a request.

    Raises:
        Unavailable: It did not come in time, or not whole. Not the gateway's fault, so not the batch's.
    """
    try:
        async with asyncio.timeout(within_s):
            return await request.body()
    except TimeoutError as error:
        raise Unavailable(messages.BATCH_SLOW, limit_s=within_s, retry_after_s=1) from error
    except ClientDisconnect as error:
        raise Unavailable(messages.BATCH_CUT, retry_after_s=1) from error
