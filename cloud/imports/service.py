"""Owns bringing an older backend's rows in: all that are new, in the order of their foreign keys, or none.

What an old id became is kept (`ImportedRow`), so a second run brings what came since, and changes nothing. Everything
is read and judged before the first row is written.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, TypeVar

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from cloud import bulk
from cloud.bulk import Entrance, Numbered
from cloud.changes import Operator
from cloud.errors import Conflict
from cloud.identity import service as identity
from cloud.identity.schemas import MovedUser, Role
from cloud.imports import rules
from cloud.imports.cells import Cells, Note, Orphan
from cloud.imports.models import ImportedRow
from cloud.imports.reading import Account, Known, Read
from cloud.imports.rules import Window
from cloud.imports.schemas import Finding, Outcome, Report
from cloud.imports.source import ASSIGNMENTS, ISSUES, ORDERS, STAGES, USERS, Old, OldRow, Shape
from cloud.issues import service as issues
from cloud.issues.schemas import MovedIssue
from cloud.workorders.schemas import StageStatus
from cloud.workorders.service import moving
from cloud.workorders.service.moving import MovedOrder, MovedStage

T = TypeVar("T", bound=Numbered)

Told = Callable[[str, int, int], None]
"""Hears how far a table is: its name, rows written, rows to be written."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to bring the rows.

    Attributes:
        source: Which older system of the organization it is.
        zone: Of times that people planned, where they say none.
        server_zone: Of those that the old server's clock wrote.
        assign_open: Whether each worker is assigned to each stage that is not done, where the file assigns nobody.
        is_dry_run: Whether all is taken back at the end.
        is_strict: Whether one refused row or orphan is enough to take all back.
    """

    source: str
    zone: tzinfo
    server_zone: tzinfo
    assign_open: bool = False
    is_dry_run: bool = False
    is_strict: bool = False


async def bring(
    session: AsyncSession, organization_id: uuid.UUID, old: Old, wanted: Wanted, now: datetime, tell: Told
) -> Report:
    """Bring what is new of an older database into an organization; with a dry run, only say what would come.

    Raises:
        Conflict: It is another database than the one brought under this source's name; a row was refused, and
            `is_strict` asked for all or nothing; or what was written is not what was counted.
    """
    # neither is meant for a transaction of minutes
    for limit in ("idle_in_transaction_session_timeout", "statement_timeout"):
        await session.execute(text(f"SET LOCAL {limit} = 0"))
    point = await session.begin_nested()
    report = await _Import(session, organization_id, old, wanted, now, tell).run()
    if wanted.is_strict and report.lost:
        first = next(each for each in report.findings if each.outcome in {Outcome.REFUSED, Outcome.ORPHAN})
        raise Conflict(
            f"{report.lost} rows cannot be brought, so none was. The first: {first.table} {first.old_id} (row "
            f"{first.row}), {first.column} {first.value!r} {first.reason}. A dry run lists all; without --strict the "
            f"others are brought."
        )
    await (point.rollback() if wanted.is_dry_run else point.commit())
    return report


class _Import:
    def __init__(
        self, session: AsyncSession, organization_id: uuid.UUID, old: Old, wanted: Wanted, now: datetime, tell: Told
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._old = old
        self._wanted = wanted
        self._now = now
        self._tell = tell
        self._actor = Operator(organization_id, actor="import")
        self._findings: list[Finding] = []
        self._unassigned = 0

    async def run(self) -> Report:
        """Read all, then write all."""
        for entrance in (identity.ENTRANCE, moving.ORDERS, moving.STAGES, issues.ENTRANCE):
            await entrance.lock(self._session)
        known = await self._known()
        users, orders, stages, reported = (self._account(shape, known) for shape in (USERS, ORDERS, STAGES, ISSUES))
        people = await self._users(users)
        lots = await self._orders(orders)
        steps, joined = await self._stages(stages, orders, lots)
        lots = moving.with_status(lots, steps)
        troubles = await self._issues(reported, stages, users, people, steps)
        await self._write(users, identity.ENTRANCE, people)
        await self._write(orders, moving.ORDERS, lots)
        await self._write(stages, moving.STAGES, steps)
        await moving.settle(self._session, self._actor, joined)
        await self._write(reported, issues.ENTRANCE, troubles)
        given = await self._assignments(users, stages, steps)
        tallies = [each.tally for each in (users, orders, stages, reported, given)]
        return Report(
            is_dry_run=self._wanted.is_dry_run,
            tables=tallies,
            findings=self._findings,
            left=list(self._old.left),
            unassigned=self._unassigned,
        )

    async def _known(self) -> dict[str, dict[str, Known]]:
        statement = select(ImportedRow).where(
            col(ImportedRow.organization_id) == self._organization_id, col(ImportedRow.source) == self._wanted.source
        )
        found: dict[str, dict[str, Known]] = {}
        for row in await self._session.scalars(statement):
            found.setdefault(row.kind, {})[row.old_id] = Known(row.new_id, row.digest)
        return found

    def _account(self, shape: Shape, known: dict[str, dict[str, Known]]) -> Account:
        there = known.get(shape.name, {})
        account = Account(shape.name, there, self._wanted.zone, self._wanted.server_zone, self._findings)
        if shape is ORDERS:
            self._require_same_database(there)
        return account

    def _require_same_database(self, known: dict[str, Known]) -> None:
        again = [row for row in self._old.rows[ORDERS.name] if rules.key(row.values["id"]) in known]
        other = [row for row in again if known[rules.key(row.values["id"])].digest != row.digest]
        # an order is planned once and seldom changed; one database of which most are others is another database
        if len(other) * 2 > len(again) > 1:
            raise Conflict(
                f"{len(other)} of the {len(again)} work orders that were brought before as {self._wanted.source!r} are "
                f"others in this file. If it is of another system, give it a name of its own: --source NAME."
            )

    async def _users(self, account: Account) -> list[MovedUser]:
        rows = self._old.rows[USERS.name]
        names = {str(row.values["username"]).strip().lower() for row in rows}
        here = await identity.named(self._session, names)
        # somebody who came from this file before is not somebody of the same name who comes now
        came = set(account.ids.values())
        mine = {name for name, user in here.items() if user.organization_id == self._organization_id} - {
            name for name, user in here.items() if user.id in came
        }
        # numbers are put behind names until one is free everywhere
        taken = {each.username for each in await identity.users(self._session)}

        def make(cells: Cells) -> MovedUser:
            name = str(cells.raw("username") or "").strip().lower()
            made = rules.user(cells, taken - {name} if name in mine else taken, self._now)
            taken.add(made.username)
            return made

        fresh = []
        for read in account.read(rows, make):
            if (name := read.draft.username) in mine:
                mine.remove(name)
                said = Note("username", name, "is a user here already; their password and role stay")
                account.same(read, here[name].id, said)
            else:
                fresh.append(read)
        return await self._numbered(account, identity.ENTRANCE, fresh)

    async def _orders(self, account: Account) -> list[MovedOrder]:
        fresh = list(account.read(self._old.rows[ORDERS.name], rules.order))
        return await self._numbered(account, moving.ORDERS, fresh)

    async def _stages(
        self, account: Account, orders: Account, lots: Sequence[MovedOrder]
    ) -> tuple[list[MovedStage], set[int]]:
        new = {lot.id: Window(lot.planned_start, lot.planned_end) for lot in lots}
        there = await moving.standing(self._session, set(orders.ids.values()) - set(new))
        windows = new | {order_id: Window(each.planned_start, each.planned_end) for order_id, each in there.items()}

        def make(cells: Cells) -> MovedStage:
            order_id = rules.owner(cells, "work_order_id", orders.ids, "work order")
            return rules.stage(cells, order_id, windows[order_id], 0)

        fresh = list(account.read(self._old.rows[STAGES.name], make))
        last = {order_id: each.last_op for order_id, each in there.items()}
        # in an order's sequence as it was: by a number of its own, or as planned
        fresh.sort(key=_place)
        for read in fresh:
            last[read.draft.work_order_id] = op = moving.next_op(last.get(read.draft.work_order_id, 0))
            read.draft = replace(read.draft, op_number=op)
        fresh.sort(key=lambda read: read.old.number)
        steps = await self._numbered(account, moving.STAGES, fresh)
        return steps, {step.work_order_id for step in steps} - set(new)

    async def _issues(
        self,
        account: Account,
        stages: Account,
        users: Account,
        people: Sequence[MovedUser],
        steps: Sequence[MovedStage],
    ) -> list[MovedIssue]:
        orders = await self._orders_of(stages, steps)
        names = {person.username: person.id for person in people}
        names |= {user.username: user.id for user in await identity.users(self._session, self._organization_id)}

        def make(cells: Cells) -> MovedIssue:
            stage_id = rules.owner(cells, "work_order_stage_id", stages.ids, "stage")
            by = rules.reporter(cells, users.ids, names)
            return rules.issue(cells, stage_id, orders[stage_id], by, self._now)

        fresh = list(account.read(self._old.rows[ISSUES.name], make))
        return await self._numbered(account, issues.ENTRANCE, fresh)

    async def _orders_of(self, stages: Account, steps: Sequence[MovedStage]) -> dict[int, int]:
        new = {step.id: step.work_order_id for step in steps}
        there = await moving.standing_stages(self._session, set(stages.ids.values()) - set(new))
        return new | {stage_id: each.work_order_id for stage_id, each in there.items()}

    async def _assignments(self, users: Account, stages: Account, steps: Sequence[MovedStage]) -> Account:
        account = Account(ASSIGNMENTS.name, {}, self._wanted.zone, self._wanted.server_zone, self._findings)
        orders = await self._orders_of(stages, steps)
        there = await moving.assigned(self._session, list(stages.ids.values()))
        before, rows = frozenset(there), self._old.rows[ASSIGNMENTS.name]
        account.tally.in_file = len(rows)
        made: list[tuple[int, int, int]] = []
        for old in rows:
            self._assignment(account, old, (users, stages), (before, there, made), orders)
        open_ones = [step for step in steps if step.status is not StageStatus.DONE]
        if self._wanted.assign_open and not rows:
            here = await identity.users(self._session, self._organization_id)
            workers = [user.id for user in here if user.role is Role.WORKER and user.is_active]
            made += [(step.id, worker, step.work_order_id) for step in open_ones for worker in workers]
        done_by_somebody = {stage_id for stage_id, *_ in made} | {stage_id for stage_id, _ in before}
        self._unassigned = sum(step.id not in done_by_somebody for step in open_ones)
        for start, chunk in _chunks(made):
            await moving.assign(self._session, self._actor, chunk)
            self._tell(account.table, start + len(chunk), len(made))
        account.tally.in_postgresql = len(await moving.assigned(self._session, list(stages.ids.values())))
        return account

    def _assignment(
        self,
        account: Account,
        old: OldRow,
        owners: tuple[Account, Account],
        pairs: tuple[frozenset[tuple[int, int]], set[tuple[int, int]], list[tuple[int, int, int]]],
        orders: dict[int, int],
    ) -> None:
        users, stages = owners
        before, there, made = pairs
        cells = Cells(old.values, self._wanted.zone)
        old_id = None if old.values.get("id") is None else rules.key(old.values["id"])
        try:
            stage_id = rules.owner(cells, "work_order_stage_id", stages.ids, "stage")
            user_id = rules.owner(cells, "user_id", users.ids, "user")
        except Orphan as orphan:
            account.refuse(old, old_id, orphan.note, is_orphan=True)
            return
        if (stage_id, user_id) in before:
            account.tally.already_here += 1
        elif (stage_id, user_id) in there:
            account.tally.duplicates += 1
            account.tell(
                old, old_id, Outcome.DUPLICATE, Note("user_id", cells.raw("user_id"), "is assigned by a row above")
            )
        else:
            account.tally.brought += 1
            there.add((stage_id, user_id))
            made.append((stage_id, user_id, orders[stage_id]))

    async def _numbered(self, account: Account, entrance: Entrance[T], fresh: Sequence[Read[Any]]) -> list[T]:
        ids = await entrance.ids(self._session, [rules.wanted_id(read.old_id) for read in fresh])
        for read, new_id in zip(fresh, ids, strict=True):
            account.brought(read, new_id)
        return [replace(read.draft, id=new_id) for read, new_id in zip(fresh, ids, strict=True)]

    async def _write(self, account: Account, entrance: Entrance[T], rows: Sequence[T]) -> None:
        for start, chunk in _chunks(rows):
            await entrance.put(self._session, self._actor, chunk)
            self._tell(account.table, start + len(chunk), len(rows))
        if rows and not self._wanted.is_dry_run:
            await entrance.settle(self._session)
        names = ["organization_id", "source", "kind", "old_id", "new_id", "digest"]
        place = (self._organization_id, self._wanted.source, account.table)
        await bulk.copy(self._session, ImportedRow.__tablename__, names, ((*place, *each) for each in account.fresh))
        await self._compare(account, entrance)

    async def _compare(self, account: Account, entrance: Entrance[T]) -> None:
        tally = account.tally
        kept = select(func.count()).where(
            col(ImportedRow.organization_id) == self._organization_id,
            col(ImportedRow.source) == self._wanted.source,
            col(ImportedRow.kind) == account.table,
        )
        mapped = await self._session.scalar(kept)
        ids = set(account.ids.values())
        tally.in_postgresql = await entrance.present(self._session, ids)
        told = tally.brought + tally.already_here + tally.duplicates + tally.refused + tally.orphans
        if told != tally.in_file or mapped != len(account.ids) or tally.in_postgresql != len(ids):
            raise Conflict(
                f"The counts of {account.table} differ, so nothing was kept: {tally.in_file} rows in the file, {told} "
                f"accounted for; {len(ids)} to be in PostgreSQL, {tally.in_postgresql} are."
            )


def _place(read: Read[MovedStage]) -> tuple[int, float, datetime, int]:
    said = read.old.values.get("op_number")
    number = float(said) if isinstance(said, int | float) else float("inf")
    return read.draft.work_order_id, number, read.draft.planned_start, read.old.number


def _chunks(rows: Sequence[Any]) -> Iterable[tuple[int, Sequence[Any]]]:
    return ((start, rows[start : start + bulk.AT_ONCE]) for start in range(0, len(rows), bulk.AT_ONCE))
