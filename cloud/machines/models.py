"""Owns the tables of machines, and of the cavities their moulds had."""

import uuid
from datetime import date, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    Identity,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlmodel import Field

from cloud.db import Table
from cloud.machines.schemas import MachineStatus
from cloud.values import Source


class Machine(Table, table=True):
    """An asset on the floor."""

    __tablename__ = "machine"
    __table_args__ = (
        UniqueConstraint("organization_id", "code"),
        CheckConstraint("year_installed BETWEEN 1900 AND 2100", name="year_installed"),
        CheckConstraint("maintenance_schedule_hours > 0", name="maintenance_schedule_hours"),
        CheckConstraint("active_cavities > 0", name="active_cavities"),
        CheckConstraint("ideal_cycle_s > 0", name="ideal_cycle_s"),
    )

    id: uuid.UUID = Field(
        default_factory=uuid.uuid4,
        sa_column=Column(Uuid, primary_key=True, server_default=text("gen_random_uuid()")),
    )
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    code: str = Field(sa_column=Column(Text, nullable=False))
    name: str = Field(sa_column=Column(Text, nullable=False))
    customer_organization_id: uuid.UUID | None = Field(
        default=None, sa_column=Column(Uuid, ForeignKey("organization.id"))
    )
    machine_type: str | None = Field(default=None, sa_type=Text)
    model_type: str | None = Field(default=None, sa_type=Text)
    manufacturer: str | None = Field(default=None, sa_type=Text)
    model: str | None = Field(default=None, sa_type=Text)
    serial_number: str | None = Field(default=None, sa_type=Text)
    year_installed: int | None = Field(default=None, sa_type=Integer)
    purchase_date: date | None = Field(default=None, sa_type=Date)
    warranty_expiry_date: date | None = Field(default=None, sa_type=Date)
    status: MachineStatus = Field(
        default=MachineStatus.ACTIVE,
        sa_column=Column(
            Enum(MachineStatus, name="machinestatus", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
            server_default=MachineStatus.ACTIVE.value,
        ),
    )
    last_maintenance_date: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    next_maintenance_date: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    maintenance_schedule_hours: int | None = Field(default=None, sa_type=Integer)
    location: str | None = Field(default=None, sa_type=Text)
    notes: str | None = Field(default=None, sa_type=Text)
    max_spindle_speed: float | None = Field(default=None, sa_type=Double)
    max_feed_rate: float | None = Field(default=None, sa_type=Double)
    work_envelope_x: float | None = Field(default=None, sa_type=Double)
    work_envelope_y: float | None = Field(default=None, sa_type=Double)
    work_envelope_z: float | None = Field(default=None, sa_type=Double)
    active_cavities: int | None = Field(default=None, sa_type=Integer)
    ideal_cycle_s: float | None = Field(default=None, sa_type=Double)
    microstop_threshold_s: float | None = Field(default=None, sa_type=Double)
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


class CavityRow(Table, table=True):
    """How many cavities a machine's mould had, from a moment until the next; null where nobody knows."""

    __tablename__ = "machine_cavities"
    __table_args__ = (
        UniqueConstraint("machine_id", "valid_from"),
        CheckConstraint("active_cavities > 0", name="active_cavities"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    active_cavities: int | None = Field(default=None, sa_type=Integer)
    valid_from: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
