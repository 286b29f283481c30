"""Owns the tables of parts, and of how fast each can be made where."""

import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlmodel import Field

from cloud.db import Table
from cloud.values import Source


class PartRow(Table, table=True):
    """What is made."""

    __tablename__ = "part"
    __table_args__ = (
        CheckConstraint("standard_cycle_time > 0", name="standard_cycle_time"),
        CheckConstraint("setup_time_standard >= 0", name="setup_time_standard"),
    )

    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), primary_key=True))
    part_number: str = Field(sa_column=Column(Text, primary_key=True))
    part_name: str | None = Field(default=None, sa_type=Text)
    part_description: str | None = Field(default=None, sa_type=Text)
    material_type: str | None = Field(default=None, sa_type=Text)
    material_hardness: str | None = Field(default=None, sa_type=Text)
    weight: float | None = Field(default=None, sa_type=Double)
    dimensions_length: float | None = Field(default=None, sa_type=Double)
    dimensions_width: float | None = Field(default=None, sa_type=Double)
    dimensions_height: float | None = Field(default=None, sa_type=Double)
    tolerance_class: str | None = Field(default=None, sa_type=Text)
    surface_finish: str | None = Field(default=None, sa_type=Text)
    standard_cycle_time: float | None = Field(default=None, sa_type=Double)
    setup_time_standard: float | None = Field(default=None, sa_type=Double)
    tooling_requirements: str | None = Field(default=None, sa_type=Text)
    quality_requirements: str | None = Field(default=None, sa_type=Text)
    cost_per_unit: float | None = Field(default=None, sa_type=Double)
    revision: str | None = Field(default=None, sa_type=Text)
    source: str = Field(
        default=Source.MANUAL.value, sa_column=Column(Text, nullable=False, server_default=Source.MANUAL.value)
    )
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    updated_at: datetime | None = Field(
        default=None,
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now(), onupdate=func.now()),
    )


class IdealCycle(Table, table=True):
    """Seconds a piece of a part, on one machine or on those of a type, from a day on."""

    __tablename__ = "ideal_cycle"
    __table_args__ = (
        ForeignKeyConstraint(["organization_id", "part_number"], ["part.organization_id", "part.part_number"]),
        UniqueConstraint("organization_id", "part_number", "machine_id", "valid_from", name="uq_ideal_cycle_machine"),
        UniqueConstraint("organization_id", "part_number", "machine_type", "valid_from", name="uq_ideal_cycle_type"),
        CheckConstraint("(machine_id IS NULL) <> (machine_type IS NULL)", name="place"),
        CheckConstraint("ideal_cycle_s > 0", name="ideal_cycle_s"),
        Index(None, "machine_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, nullable=False))
    part_number: str = Field(sa_column=Column(Text, nullable=False))
    machine_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid, ForeignKey("machine.id")))
    machine_type: str | None = Field(default=None, sa_type=Text)
    ideal_cycle_s: float = Field(sa_column=Column(Double, nullable=False))
    valid_from: date = Field(sa_column=Column(Date, nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
