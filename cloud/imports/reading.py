"""Owns the account of an import: a table's rows that come, and what is to be said of the others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Generic, TypeVar

from cloud.imports import rules
from cloud.imports.cells import Cells, Note, Orphan, Refused
from cloud.imports.schemas import Finding, Outcome, Tally
from cloud.imports.source import OldRow

Draft = TypeVar("Draft")

# never shown, whatever else is
_SECRET = "password_hash"  # noqa: S105 - a column
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Known:
    """What was brought before, under which id, and how it was in the file then."""

    new_id: int
    digest: bytes


@dataclass(slots=True)
class Read(Generic[Draft]):
    """A row that comes, before it has an id here."""

    old: OldRow
    old_id: str
    draft: Draft


@dataclass(slots=True)
class Account:
    """One table's.

    Attributes:
        ids: By the old id, those of here; of every row that is here.
        fresh: Those of them that this import brings or finds, with the row as it was in the file.
    """

    table: str
    known: Mapping[str, Known]
    zone: tzinfo
    server_zone: tzinfo
    findings: list[Finding]
    tally: Tally = field(init=False)
    ids: dict[str, int] = field(default_factory=dict)
    fresh: list[tuple[str, int, bytes]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.tally = Tally(table=self.table)
        self.ids.update({old_id: known.new_id for old_id, known in self.known.items()})

    def read(self, rows: Sequence[OldRow], make: Callable[[Cells], Draft]) -> Iterator[Read[Draft]]:
        """Give those rows that are to be brought; each of the others is counted and, if it is not plain, told of.

        Args:
            rows: Of the file.
            make: What one becomes; raises Refused or Orphan.
        """
        self.tally.in_file = len(rows)
        for old in rows:
            old_id = rules.key(old.values["id"]) if old.values["id"] not in {None, ""} else None
            if old_id is None:
                self.refuse(old, None, Note("id", None, "is empty, so nothing could belong to it"))
            elif old_id in self.seen:
                self.tally.duplicates += 1
                said = Note("id", old_id, "another row above has this id, and came instead")
                self.tell(old, old_id, Outcome.DUPLICATE, said, self.ids.get(old_id))
            elif old_id in self.known:
                self.seen.add(old_id)
                self._pass(old, old_id)
            else:
                self.seen.add(old_id)
                cells = Cells(old.values, self.zone, self.server_zone)
                try:
                    draft = make(cells)
                except Refused as refused:
                    self.refuse(old, old_id, refused.note, is_orphan=isinstance(refused, Orphan))
                    continue
                for note in cells.notes:
                    self.tell(old, old_id, Outcome.REPAIRED, note)
                yield Read(old, old_id, draft)

    def brought(self, read: Read[Draft], new_id: int) -> None:
        """Count a row that comes under an id."""
        self.tally.brought += 1
        self._keep(read, new_id)
        if read.old_id != str(new_id):
            said = Note("id", read.old_id, "could not be kept: it is taken here, or no number that can be")
            self.tell(read.old, read.old_id, Outcome.RENUMBERED, said, new_id)

    def same(self, read: Read[Draft], new_id: int, note: Note) -> None:
        """Count a row whose like is here already."""
        self.tally.duplicates += 1
        self._keep(read, new_id)
        self.tell(read.old, read.old_id, Outcome.DUPLICATE, note, new_id)

    def refuse(self, old: OldRow, old_id: str | None, note: Note, *, is_orphan: bool = False) -> None:
        """Count a row that does not come."""
        if is_orphan:
            self.tally.orphans += 1
        else:
            self.tally.refused += 1
        self.tell(old, old_id, Outcome.ORPHAN if is_orphan else Outcome.REFUSED, note)

    def tell(self, old: OldRow, old_id: str | None, outcome: Outcome, note: Note, new_id: int | None = None) -> None:
        """Write a line of the report."""
        value = "(not shown)" if note.column == _SECRET and note.value is not None else _shown(note.value)
        self.findings.append(
            Finding(
                table=self.table,
                row=old.number,
                old_id=old_id,
                new_id=new_id,
                outcome=outcome,
                column=note.column,
                value=value,
                reason=note.reason,
            )
        )

    def _keep(self, read: Read[Draft], new_id: int) -> None:
        self.ids[read.old_id] = new_id
        self.fresh.append((read.old_id, new_id, read.old.digest))

    def _pass(self, old: OldRow, old_id: str) -> None:
        self.tally.already_here += 1
        if self.known[old_id].digest != old.digest:
            said = Note("", None, "was changed in the old database since it was brought; here it stays as it is")
            self.tell(old, old_id, Outcome.CHANGED, said, self.known[old_id].new_id)


def _shown(value: object) -> str:
    words = "" if value is None else ascii(value) if not str(value).isprintable() else str(value)
    return words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}..."
