"""Owns what the import of a job log tells: a verdict on its quality, and a line for each thing in it that was odd."""

from enum import StrEnum

from pydantic import BaseModel, Field


class Outcome(StrEnum):
    """What a line of the report is about."""

    REFUSED = "refused"
    """Not brought: something in it can mean nothing."""
    DUPLICATE = "duplicate"
    """Not brought: another row says the same."""
    REPAIRED = "repaired"
    """Brought; something in it is written otherwise."""
    CHANGED = "changed"
    """Brought earlier, changed there since, and written anew here."""
    UNACCOUNTED = "unaccounted"
    """Brought; its columns leave more open than is usual, or say more than it lasted."""
    OVERLAP = "overlap"
    """Brought; another row of the machine is at the same time."""


class Finding(BaseModel):
    """One thing that somebody should know of a row."""

    row: int = Field(description="Of the table, counted in its order; of a file, its line")
    id: str | None
    outcome: Outcome
    column: str
    value: str
    reason: str


class Verdict(BaseModel):
    """What a job log is worth. `rows_read` is the sum of the five after it."""

    source: str
    is_dry_run: bool
    rows_read: int = 0
    imported: int = Field(default=0, description="New here")
    updated: int = Field(default=0, description="Here before, changed there since, written anew")
    already_here: int = 0
    duplicates: int = 0
    refused: int = 0
    repaired: int = Field(
        default=0, description="Of those that are here now, how many are written otherwise than there"
    )
    reasons: dict[str, int] = Field(default_factory=dict, description="How often each thing was said, of all outcomes")
    epoch_dates: int = Field(default=0, description="Rows with a time in 1970")
    no_operator: int = 0
    open: int = Field(default=0, description="Rows without an end, which are in no figure yet")
    unaccounted_rows: int = 0
    unaccounted_s: float = Field(default=0.0, description="Of all rows: time that no column accounts for")
    excess_s: float = Field(default=0.0, description="Of all rows: time of columns beyond the row's duration")
    overlaps: int = 0
    overlap_s: float = 0.0
    machines_added: int = 0
    operators_added: int = 0
    jobs_added: int = 0
    parts_added: int = 0

    @property
    def is_whole(self) -> bool:
        """Return whether each row that was read is accounted for."""
        told = self.imported + self.updated + self.already_here + self.duplicates + self.refused
        return told == self.rows_read
