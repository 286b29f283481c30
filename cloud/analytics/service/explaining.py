"""Owns what a figure comes from: the ledger itself, and what of it was downtime, by reason and by day."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from cloud import languages
from cloud.analytics import messages, rules
from cloud.analytics.schemas import (
    DataHourOut,
    DataStopOut,
    DowntimeDayOut,
    DowntimeOut,
    EntryOut,
    ExplanationOut,
    Grain,
    MachineDataIn,
    MachineDataOut,
    OeeBucketOut,
    PieceEntryOut,
    ReasonShareOut,
)
from cloud.analytics.service import figuring, policies, summing
from cloud.analytics.service.figuring import Asked
from cloud.errors import Invalid
from cloud.identity import service as identity
from cloud.kpi.elements import LOSS_OF, Category, TimeElement
from cloud.kpi.ledger import Entry, Ledger, Stretch, draw_up, is_failure
from cloud.kpi.policy import Policy
from cloud.kpi.spans import SECOND, Span, pieces
from cloud.languages import Language
from cloud.machines import service as machines
from cloud.machines.schemas import MachineOut
from cloud.production.schemas import MICROSTOP_S, ReasonOut
from cloud.production.service import layers, moments, reasons, states

MOST_EXPLAINED = timedelta(days=31)
MOST_DOWNTIME = timedelta(days=100)
# the machine stood, in time in which it should have worked
_DOWN = frozenset(
    {
        Category.MINOR,
        Category.MINOR_UNASSIGNED,
        Category.IDLE,
        Category.IDLE_UNASSIGNED,
        Category.BREAKDOWN,
        Category.BREAKDOWN_UNASSIGNED,
        Category.MAINTENANCE,
    }
)


@dataclass(slots=True)
class _Bar:
    """What a reason cost, so far."""

    spent: int = 0
    longest: int = 0
    stops: set[int] = field(default_factory=set)


async def explain(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: Asked, now: datetime
) -> ExplanationOut:
    """Return a window's ledger, and the figures that it amounts to.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long.
    """
    machine, policy, ledger = await _ledger(session, organization_id, id_or_code, asked, MOST_EXPLAINED, now)
    span = moments.utc(ledger.window.start), moments.utc(ledger.window.end)
    revisions = await summing.revisions(session, [machine.id], span)
    made = [(each, False) for each in ledger.pieces] + [(each, True) for each in ledger.overtime]
    return ExplanationOut.model_construct(
        machine_id=machine.id,
        machine=machine.code,
        start=span[0],
        end=span[1],
        policy=policy.name,
        as_of=now,
        total=rules.shown(ledger.facts, policy, revisions.get(machine.id, 0)),
        entries=[_entry(each, policy) for each in ledger.entries],
        pieces=[
            PieceEntryOut.model_construct(
                at=moments.utc(each.at),
                kind=each.kind.value,
                quantity=each.quantity,
                ideal_cycle_s=None if each.ideal_us is None else each.ideal_us / SECOND,
                stage_id=each.order,
                is_overtime=is_overtime,
            )
            for each, is_overtime in sorted(made, key=lambda pair: (pair[0].at, pair[0].kind))
        ],
    )


async def downtime(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: Asked, now: datetime
) -> DowntimeOut:
    """Return when and why a machine stood.

    Raises:
        NotFound: There is no such machine, or policy.
        Invalid: The range is no range, or too long.
    """
    machine, policy, ledger = await _ledger(session, organization_id, id_or_code, asked, MOST_DOWNTIME, now)
    zone = ZoneInfo(await identity.time_zone(session, organization_id))
    labels = {each.code: each for each in await reasons.reasons(session, organization_id)}
    down = [each for each in ledger.entries if each.category in _DOWN]
    spent = sum(each.span.length for each in down)
    span = moments.utc(ledger.window.start), moments.utc(ledger.window.end)
    revisions = await summing.revisions(session, [machine.id], span)
    whole = rules.shown(ledger.facts, policy, 0)
    threshold = round((machine.microstop_threshold_s or MICROSTOP_S) * SECOND)
    unexplained = {
        id(each.stretch)
        for each in down
        if each.stretch is not None and each.stretch.why is None and each.stretch.span.length >= threshold
    }
    return DowntimeOut.model_construct(
        machine_id=machine.id,
        machine=machine.code,
        start=span[0],
        end=span[1],
        policy=policy.name,
        as_of=now,
        revision=revisions.get(machine.id, 0),
        coverage=whole.coverage,
        downtime_s=spent / SECOND,
        count=len({id(each.stretch) for each in down}),
        needs_reason=len(unexplained),
        by_reason=_pareto(down, labels, spent),
        trend=_trend(ledger, down, zone),
        reliability=whole.reliability,
        losses_s=whole.losses_s,
    )


async def data(
    session: AsyncSession, organization_id: uuid.UUID, id_or_code: str, asked: MachineDataIn, now: datetime
) -> MachineDataOut:
    """Return a page of a machine's hours, with its stops beside them.

    Raises:
        NotFound: There is no such machine.
        Invalid: The range is no range, or too long; or the body names another machine.
    """
    machine = await machines.resolve(session, organization_id, id_or_code)
    if asked.machine_id is not None and asked.machine_id not in {machine.code, str(machine.id)}:
        raise Invalid(messages.ANOTHER_MACHINE, path=machine.code, body=asked.machine_id)
    wanted = Asked(Grain.HOUR, asked.start_date, asked.end_date)
    found = await figuring.of_machine(session, organization_id, str(machine.id), wanted, now)
    first = (asked.page - 1) * asked.page_size
    page = found.buckets[first : first + asked.page_size]
    stops = None
    if asked.include_downtime:
        stops = await _stops(session, organization_id, machine, page, now)
    return MachineDataOut.model_construct(
        machine_id=machine.id,
        machine=machine.code,
        start_date=found.start,
        end_date=found.end,
        policy=found.policy,
        as_of=found.as_of,
        summary=found.total,
        page=asked.page,
        page_size=asked.page_size,
        total=len(found.buckets),
        items=[_hour(each) for each in page],
        downtime=stops,
    )


async def _ledger(
    session: AsyncSession,
    organization_id: uuid.UUID,
    id_or_code: str,
    asked: Asked,
    most: timedelta,
    now: datetime,
) -> tuple[MachineOut, Policy, Ledger]:
    machine = await machines.resolve(session, organization_id, id_or_code)
    policy = await policies.named(session, organization_id, asked.policy)
    start, end = figuring.window(asked, now)
    if end - start > most:
        raise Invalid(messages.RANGE_TOO_LONG, start=start, end=end, most=most.days)
    since = await layers.since(session, machine.id)
    # nothing is known of what is to come
    begin = max(moments.us(start), moments.us(since) if since is not None else 0)
    until = min(moments.us(end), moments.us(now))
    window = Span(begin, max(begin, until))
    around = await layers.around(
        session, organization_id, machine, moments.utc(window.start), moments.utc(window.end), now
    )
    return machine, policy, draw_up(window, around)


def _entry(entry: Entry, policy: Policy) -> EntryOut:
    stretch, element = entry.stretch, policy.element(entry.category)
    is_lost = element not in {TimeElement.PDOT, TimeElement.NOT_SCHEDULED}
    return EntryOut.model_construct(
        start=moments.utc(entry.span.start),
        end=moments.utc(entry.span.end),
        duration_s=entry.span.length / SECOND,
        category=entry.category,
        element=element,
        loss=LOSS_OF.get(entry.category) if is_lost else None,
        state=stretch.state if stretch is not None else None,
        reason=stretch.why.code if stretch is not None and stretch.why is not None else None,
        stage_id=entry.order,
        state_id=stretch.id if stretch is not None else None,
    )


def _pareto(down: Iterable[Entry], labels: dict[str, ReasonOut], spent: int) -> list[ReasonShareOut]:
    bars: dict[tuple[str | None, Any], _Bar] = {}
    for entry in down:
        assert entry.stretch is not None, "only what a machine did is downtime"  # noqa: S101 - by its category
        why = entry.stretch.why
        bar = bars.setdefault((why.code, None) if why is not None else (None, entry.stretch.state), _Bar())
        bar.spent += entry.span.length
        bar.longest = max(bar.longest, entry.span.length)
        bar.stops.add(entry.stretch.span.start)
    shares, so_far = [], 0
    for (reason, state), bar in sorted(bars.items(), key=lambda each: (-each[1].spent, str(each[0]))):
        so_far += bar.spent
        shares.append(
            ReasonShareOut.model_construct(
                reason=reason,
                label=_label(reason, state, labels),
                state=state,
                count=len(bar.stops),
                duration_s=bar.spent / SECOND,
                longest_s=bar.longest / SECOND,
                share=bar.spent / spent,
                cumulative_share=so_far / spent,
            )
        )
    return shares


def _label(reason: str | None, state: Any, labels: dict[str, ReasonOut]) -> str:
    language = languages.current()
    if reason is None:
        return messages.NO_REASON.said(language, {"state": state})
    return labels[reason].label_tr if language is Language.TURKISH else labels[reason].label_en


def _trend(ledger: Ledger, down: Sequence[Entry], zone: ZoneInfo) -> list[DowntimeDayOut]:
    days = list(_days(ledger.window, zone))
    spent = [0] * len(days)
    stops: list[set[int]] = [set() for _ in days]
    position = 0
    for entry in down:
        while days[position].end <= entry.span.start:
            position += 1
        for number in range(position, len(days)):
            part = entry.span.clip(days[number])
            if not part.length:
                break
            spent[number] += part.length
            stops[number].add(entry.stretch.span.start if entry.stretch is not None else 0)
    return [
        DowntimeDayOut.model_construct(
            start=moments.utc(day.start),
            duration_s=spent[number] / SECOND,
            count=len(stops[number]),
            failures=sum(_is_of(each, day, ledger.window) for each in ledger.failures),
        )
        for number, day in enumerate(days)
    ]


def _is_of(failure: Stretch, day: Span, window: Span) -> bool:
    return is_failure(failure) and day.holds(max(failure.span.start, window.start))


def _days(window: Span, zone: ZoneInfo) -> Iterable[Span]:
    day = moments.utc(window.start).astimezone(zone).date()
    edges: list[int] = []
    while True:
        day += timedelta(days=1)
        midnight = moments.us(datetime.combine(day, time.min, zone).astimezone(UTC))
        if midnight >= window.end:
            return pieces(window, edges) if window.length else ()
        edges.append(midnight)


async def _stops(
    session: AsyncSession,
    organization_id: uuid.UUID,
    machine: MachineOut,
    page: Sequence[OeeBucketOut],
    now: datetime,
) -> list[DataStopOut]:
    if not page:
        return []
    found = await states.stops(session, organization_id, str(machine.id), page[0].start, page[-1].end, now)
    return [DataStopOut.model_validate(each.model_dump(exclude={"source"})) for each in found]


def _hour(bucket: OeeBucketOut) -> DataHourOut:
    times, made = bucket.elements, bucket.pieces
    return DataHourOut.model_construct(
        start=bucket.start,
        run_s=times.apt_s,
        setup_s=times.aust_s,
        down_s=times.adet_s + times.adot_s,
        planned_down_s=times.pdot_s,
        unknown_s=times.unknown_s,
        not_scheduled_s=times.calendar_s - times.pot_s,
        good=made.good,
        scrap=made.scrap,
        rework=made.rework,
        startup=made.startup,
        not_judged=made.not_judged,
        availability=bucket.availability,
        performance=bucket.performance,
        quality=bucket.quality,
        oee=bucket.oee,
    )
