"""Owns the table of what was brought from an older backend, and under which id it is here."""

import uuid
from datetime import datetime

from sqlalchemy import Column, DateTime, ForeignKey, Integer, LargeBinary, Text, Uuid, func
from sqlmodel import Field

from cloud.db import Table


class ImportedRow(Table, table=True):
    """A row of an older database that is here; brought once, however often its file comes again."""

    __tablename__ = "imported_row"

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    # which older system, for an organization may have had two
    source: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    # as text, whatever it was there
    old_id: str = Field(sa_column=Column(Text, primary_key=True))
    new_id: int = Field(sa_column=Column(Integer, nullable=False))
    # of the row as it was in the file, to notice that it was changed there since
    digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    imported_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
