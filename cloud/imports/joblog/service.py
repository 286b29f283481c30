"""Owns bringing a job log in, a thousand rows a transaction: what is here stays if it is stopped, and a rerun goes on.

Every row is read and judged on each run, so the verdict is of the whole; only what is new or changed is written.
"""

import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo

from cloud import changes
from cloud.changes import ChangeKind, Entity, Operator
from cloud.db import Database
from cloud.errors import Conflict
from cloud.imports.cells import Note, Refused
from cloud.imports.joblog import ledger, rules
from cloud.imports.joblog.rules import Judged
from cloud.imports.joblog.schemas import Finding, Outcome, Verdict
from cloud.imports.joblog.source import Raw, Source
from cloud.joblogs.schemas import Entry, Flag
from cloud.joblogs.service import log as joblogs
from cloud.joblogs.service import told

# some 300 KB; what a kill costs at most
AT_ONCE = 1_000
_SHOWN_CHARACTERS = 80

Told = Callable[[int, int | None], None]
"""Hears how far it is: rows judged, and of how many if that is known."""
Said = Callable[[Finding], None]
"""Hears each thing that somebody should know of a row; before what is said of it is committed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How to bring the rows.

    Attributes:
        name: What the source is called here, so that its ids are not another's.
        zone: Of its times.
        states: What the words of its state mean.
        is_dry_run: Whether nothing is kept.
    """

    name: str
    zone: tzinfo
    states: dict[str, str]
    is_dry_run: bool = False


async def bring(
    database: Database,
    organization_id: uuid.UUID,
    source: Source,
    wanted: Wanted,
    now: datetime,
    tell: Told,
    say: Said,
) -> Verdict:
    """Bring what is new or changed in a job log, and return what it is worth.

    Raises:
        Conflict: A row is not accounted for; a mistake of ours.
        BadRequest, Unavailable: The source cannot be read on; what came stays.
    """
    return await _Import(database, organization_id, source, wanted, now, tell, say).run()


class _Import:
    def __init__(
        self,
        database: Database,
        organization_id: uuid.UUID,
        source: Source,
        wanted: Wanted,
        now: datetime,
        tell: Told,
        say: Said,
    ) -> None:
        self._database = database
        self._actor = Operator(organization_id, actor="import")
        self._source = source
        self._wanted = wanted
        self._now = now
        self._tell = tell
        self._say = say
        self._verdict = Verdict(source=source.name, is_dry_run=wanted.is_dry_run)
        self._reasons: Counter[str] = Counter()
        self._known: dict[str, bytes] = {}
        self._contents: dict[bytes, int] = {}
        self._numbers: dict[str, int] = {}
        self._spans: list[tuple[str, datetime, datetime, str]] = []
        self._added: dict[str, set[str]] = {"machines": set(), "operators": set(), "jobs": set(), "parts": set()}

    async def run(self) -> Verdict:
        async with self._database.transaction() as session:
            self._known = await joblogs.known(session, self._actor.organization_id, self._wanted.name)
        chunk: list[Entry] = []
        for raw in self._source.rows:
            entry = self._judged(raw)
            if entry is not None:
                chunk.append(entry)
            if len(chunk) == AT_ONCE:
                await self._keep(chunk)
                chunk = []
            if self._verdict.rows_read % AT_ONCE == 0:
                self._tell(self._verdict.rows_read, self._source.total)
        await self._keep(chunk)
        self._tell(self._verdict.rows_read, self._source.total)
        self._find_overlaps()
        await self._conclude()
        return self._verdict

    def _judged(self, raw: Raw) -> Entry | None:
        self._verdict.rows_read += 1
        self._verdict.epoch_dates += rules.has_epoch(raw.cells)
        try:
            judged = rules.judge(raw.cells, self._wanted.zone, self._wanted.states, self._now)
        except Refused as refused:
            self._verdict.refused += 1
            self._line(raw, Outcome.REFUSED, refused.note)
            return None
        earlier = self._contents.setdefault(judged.content, raw.number)
        if earlier != raw.number:
            self._verdict.duplicates += 1
            self._line(raw, Outcome.DUPLICATE, Note("", None, f"says the same as row {earlier}"))
            return None
        entry = judged.entry
        again = self._numbers.setdefault(entry.source_id, raw.number)
        if again != raw.number:
            self._verdict.refused += 1
            note = Note("id", entry.source_id, f"is the id of row {again} too, which says something else")
            self._line(raw, Outcome.REFUSED, note)
            return None
        self._weigh(raw, judged)
        before = self._known.get(entry.source_id)
        if before == entry.digest:
            self._verdict.already_here += 1
            return None
        if before is not None:
            self._line(raw, Outcome.CHANGED, Note("", None, "was changed there since it came; written anew"))
        return entry

    def _weigh(self, raw: Raw, judged: Judged) -> None:
        entry, verdict = judged.entry, self._verdict
        verdict.repaired += bool(judged.notes)
        verdict.no_operator += Flag.NO_OPERATOR in entry.flags
        for note in judged.notes:
            self._line(raw, Outcome.REPAIRED, note)
        if entry.end_time is None:
            verdict.open += 1
        else:
            self._spans.append((entry.machine, entry.start_time, entry.end_time, entry.source_id))
        if entry.job_duration_s is None:
            return
        left = entry.job_duration_s - sum(entry.seconds.values())
        verdict.unaccounted_s += max(left, 0.0)
        verdict.excess_s += max(-left, 0.0)
        if Flag.UNACCOUNTED in entry.flags:
            verdict.unaccounted_rows += 1
            words = "no column accounts for {} s of it" if left > 0 else "the columns say {} s more than it lasted"
            note = Note("job_duration", raw.cells.get("job_duration"), words.format(f"{abs(left):g}"))
            self._line(raw, Outcome.UNACCOUNTED, note, reason="columns and duration differ")

    def _find_overlaps(self) -> None:
        for machine, later, earlier, seconds in rules.overlaps(self._spans):
            self._verdict.overlaps += 1
            self._verdict.overlap_s += seconds
            raw = Raw(self._numbers[later], {"id": later})
            note = Note("machine", machine, f"is at the same time as row {self._numbers[earlier]} for {seconds:g} s")
            self._line(raw, Outcome.OVERLAP, note, reason="two rows of a machine at once")

    async def _keep(self, chunk: list[Entry]) -> None:
        async with self._database.transaction() as session:
            point = await session.begin_nested()
            brought = await joblogs.bring(session, self._actor, self._wanted.name, chunk)
            await ledger.tell(session, self._actor.organization_id, self._wanted.name, chunk, self._now)
            await (point.rollback() if self._wanted.is_dry_run else point.commit())
        self._verdict.imported += brought.new
        self._verdict.updated += brought.updated
        for name in self._added:
            self._added[name] |= getattr(brought, name)

    async def _conclude(self) -> None:
        verdict = self._verdict
        verdict.reasons = dict(self._reasons.most_common())
        for name, added in self._added.items():
            setattr(verdict, f"{name}_added", len(added))
        if not verdict.is_whole:
            raise Conflict(f"{verdict.rows_read} rows were read, and not all are accounted for: {verdict!r}")
        if not verdict.is_dry_run:
            async with self._database.transaction() as session:
                await told.tell_all(session, self._actor.organization_id)
                await changes.record(
                    session, self._actor, Entity.JOBLOG, self._wanted.name, ChangeKind.CREATED, after=verdict
                )

    def _line(self, raw: Raw, outcome: Outcome, note: Note, reason: str | None = None) -> None:
        said = f"{note.column} {reason or _without_figures(note.reason)}".strip()
        self._reasons[f"{outcome}: {said}"] += 1
        value = "" if note.value is None else str(note.value)
        value = value if value.isprintable() else ascii(value)
        finding = Finding(
            row=raw.number,
            id=raw.cells.get("id"),
            outcome=outcome,
            column=note.column,
            value=value[:_SHOWN_CHARACTERS],
            reason=note.reason,
        )
        self._say(finding)


def _without_figures(reason: str) -> str:
    """Return a reason without what is only this row's, so that equal ones are counted together."""
    for mark in (": ", ", ", " as row ", "; the operator's name"):
        head, found, _ = reason.partition(mark)
        if found and any(character.isdigit() for character in reason[len(head) :]):
            return head
    return reason
