"""Owns what an import is asked for, and what it tells: a count a table, and a line for each row that was not plain."""

from enum import StrEnum

from pydantic import BaseModel, Field


class Outcome(StrEnum):
    """What became of a row that was not brought as it was."""

    REFUSED = "refused"
    """Not brought: something in it can mean nothing."""
    ORPHAN = "orphan"
    """Not brought: it belongs to a row that is not here."""
    DUPLICATE = "duplicate"
    """Not brought: the same is here already, under the id that is said."""
    REPAIRED = "repaired"
    """Brought; something in it is written otherwise."""
    RENUMBERED = "renumbered"
    """Brought; its id was taken."""
    CHANGED = "changed"
    """Brought earlier, and changed in the old database since; what is here stays as it is."""


class Finding(BaseModel):
    """One thing that somebody should know of a row."""

    table: str
    row: int = Field(description="SQLite's number of it")
    old_id: str | None
    new_id: int | None = None
    outcome: Outcome
    column: str
    value: str
    reason: str


class Tally(BaseModel):
    """What became of a table's rows: those in the file are the sum of the four after it."""

    table: str
    in_file: int = 0
    brought: int = 0
    already_here: int = 0
    duplicates: int = 0
    refused: int = 0
    orphans: int = 0
    in_postgresql: int = Field(default=0, description="Counted there afterwards: brought, here already, or the same")


class Report(BaseModel):
    """What an import did, or with a dry run would have done."""

    is_dry_run: bool
    tables: list[Tally]
    findings: list[Finding]
    left: list[str] = Field(description="What the file holds besides, and is not brought")
    unassigned: int = Field(description="Stages brought that are not done and that nobody is assigned to")

    @property
    def lost(self) -> int:
        """Return how many rows were not brought, and are not here otherwise."""
        return sum(tally.refused + tally.orphans for tally in self.tables)
