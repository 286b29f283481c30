"""Owns the tables of maintenance: plans, and the orders that are opened, done and kept as history."""

import uuid
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    Uuid,
    func,
    true,
)
from sqlmodel import Field

from cloud.db import Table
from cloud.maintenance.schemas import Basis, Kind, OrderStatus


def _person(name: str) -> Column[int]:
    return Column(name, Integer, ForeignKey("app_user.id"))


class MaintenancePlan(Table, table=True):
    """Maintenance of a machine that comes again."""

    __tablename__ = "maintenance_plan"
    __table_args__ = (CheckConstraint("every > 0", name="every"),)

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False, index=True))
    title: str = Field(sa_column=Column(Text, nullable=False))
    basis: Basis = Field(
        sa_column=Column(
            Enum(Basis, name="maintenancebasis", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
        )
    )
    every: float = Field(sa_column=Column(Double, nullable=False))
    starts_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    last_done_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    is_active: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    notes: str | None = Field(default=None, sa_type=Text)
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class MaintenanceOrder(Table, table=True):
    """One piece of maintenance, from its opening on; completed ones are the history."""

    __tablename__ = "maintenance_order"
    __table_args__ = (
        Index("ix_maintenance_order_organization_id_opened_at_id", "organization_id", "opened_at", "id"),
        Index("ix_maintenance_order_machine_id_opened_at_id", "machine_id", "opened_at", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    machine_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("machine.id"), nullable=False))
    plan_id: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("maintenance_plan.id"), index=True))
    kind: Kind = Field(
        sa_column=Column(
            Enum(Kind, name="maintenancekind", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
        )
    )
    status: OrderStatus = Field(
        default=OrderStatus.OPEN,
        sa_column=Column(
            Enum(OrderStatus, name="maintenancestatus", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
            server_default=OrderStatus.OPEN.value,
        ),
    )
    title: str = Field(sa_column=Column(Text, nullable=False))
    description: str | None = Field(default=None, sa_type=Text)
    due_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    opened_by: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), nullable=False))
    opened_at: datetime = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
    started_by: int | None = Field(default=None, sa_column=_person("started_by"))
    started_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    completed_by: int | None = Field(default=None, sa_column=_person("completed_by"))
    completed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    # when somebody said so, which may be long after; null of what was completed before it was written down
    completion_recorded_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    cancelled_by: int | None = Field(default=None, sa_column=_person("cancelled_by"))
    cancelled_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    resolution: str | None = Field(default=None, sa_type=Text)
