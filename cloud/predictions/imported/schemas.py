"""Owns what an import of a past tells: what became of each table's rows, and what is known now."""

from datetime import datetime

from pydantic import BaseModel, Field


class TableVerdict(BaseModel):
    """What became of one table. `rows_read` is the sum of the four after it."""

    table: str
    file: str
    rows_read: int
    imported: int = Field(default=0, description="New here")
    already_here: int = 0
    passed_over: int = Field(
        default=0, description="Say nothing by themselves: of a spell of maintenance all but the first"
    )
    refused: int = 0
    changed: int = Field(
        default=0, description="Of those already here, how many say something else now; kept as they are"
    )

    @property
    def is_whole(self) -> bool:
        """Return whether each row that was read is accounted for."""
        return self.imported + self.already_here + self.passed_over + self.refused == self.rows_read


class HistoryVerdict(BaseModel):
    """What a directory is worth."""

    directory: str
    is_dry_run: bool
    tables: list[TableVerdict]
    reasons: dict[str, int] = Field(default_factory=dict, description="How often each thing was said of a row")
    machines: int = Field(description="Of how many it tells")
    machines_added: int
    unplanned_stops: int = Field(description="Those in the directory; 30 are needed in each window to learn from")
    from_at: datetime | None = Field(description="When what it tells begins; null where no row was taken")
    to_at: datetime | None = Field(description="When what it tells ends")
    is_new: bool = Field(description="Whether anything of it was not here before")
