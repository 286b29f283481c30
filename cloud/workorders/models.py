"""Owns the tables of work orders and their stages."""

import uuid
from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
)
from sqlmodel import Field

from cloud.db import Table
from cloud.workorders.schemas import Priority, StageStatus


class WorkOrder(Table, table=True):
    """One lot to be made."""

    __tablename__ = "work_order"
    __table_args__ = (
        CheckConstraint("qty > 0", name="qty"),
        CheckConstraint("planned_start < planned_end", name="window"),
        Index(None, "organization_id", "planned_start", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    product_code: str = Field(sa_column=Column(Text, nullable=False))
    lot_no: str = Field(sa_column=Column(Text, nullable=False))
    qty: int = Field(sa_column=Column(Integer, nullable=False))
    planned_start: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    planned_end: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    job_number: str | None = Field(default=None, sa_type=Text)
    part_number: str | None = Field(default=None, sa_type=Text)
    priority: Priority = Field(
        default=Priority.NORMAL,
        sa_column=Column(
            Enum(Priority, name="workorderpriority", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
            server_default=Priority.NORMAL.value,
        ),
    )
    due_date: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    on_hold: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    created_at: datetime | None = Field(
        default=None, sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class WorkOrderStage(Table, table=True):
    """One step of an order: what is dispatched to the floor."""

    __tablename__ = "work_order_stage"
    __table_args__ = (
        UniqueConstraint("work_order_id", "op_number"),
        CheckConstraint("planned_start < planned_end", name="window"),
        CheckConstraint("actual_start <= actual_end", name="actual_window"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    work_order_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order.id", ondelete="CASCADE"), nullable=False)
    )
    op_number: int = Field(sa_column=Column(Integer, nullable=False))
    stage_name: str = Field(sa_column=Column(Text, nullable=False))
    planned_start: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    planned_end: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    actual_start: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    actual_end: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    status: StageStatus = Field(
        default=StageStatus.PLANNED,
        sa_column=Column(
            Enum(StageStatus, name="stagestatus", values_callable=lambda kinds: [kind.value for kind in kinds]),
            nullable=False,
            server_default=StageStatus.PLANNED.value,
        ),
    )
