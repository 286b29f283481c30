"""Owns the tables of work orders: orders, their stages, who does them, what they made, and the routes they follow."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    DateTime,
    Enum,
    ForeignKey,
    Identity,
    Index,
    Integer,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    false,
    func,
    literal_column,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.sql import ColumnElement
from sqlmodel import Field, col

from cloud.db import Table
from cloud.workorders.schemas import Priority, ProductionKind, Sequencing, StageStatus


def _enum(kind: type[Any], name: str) -> Enum:
    return Enum(kind, name=name, values_callable=lambda kinds: [each.value for each in kinds])


def _moment(**more: Any) -> Any:
    return Column(DateTime(timezone=True), **more)


def _stamped() -> Any:
    return Field(default=None, sa_column=_moment(nullable=False, server_default=func.now()))


class WorkOrder(Table, table=True):
    """One lot to be made; its status is kept beside it, by whoever changes a stage's and in that transaction."""

    __tablename__ = "work_order"
    __table_args__ = (
        CheckConstraint("qty > 0", name="qty"),
        CheckConstraint("planned_start < planned_end", name="window"),
        CheckConstraint("over_report_percent >= 0", name="over_report_percent"),
        # one for each order that a list can be asked in, and the status before the usual one
        Index(None, "organization_id", "planned_start", "id"),
        Index(None, "organization_id", "status", "planned_start", "id"),
        Index(None, "organization_id", "planned_end", "id"),
        Index(None, "organization_id", "created_at", "id"),
        Index(None, "organization_id", "priority", "id"),
        Index(None, "organization_id", "product_code", "id"),
        Index(None, "organization_id", "lot_no", "id"),
        Index(
            "ix_work_order_organization_id_due_id",
            "organization_id",
            literal_column("coalesce(due_date, '2100-01-01 00:00:00+00'::timestamptz)"),
            "id",
        ),
        Index(None, "organization_id", "job_number"),
        Index(None, "search", postgresql_using="gin"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    product_code: str = Field(sa_column=Column(Text, nullable=False))
    lot_no: str = Field(sa_column=Column(Text, nullable=False))
    qty: int = Field(sa_column=Column(Integer, nullable=False))
    planned_start: datetime = Field(sa_column=_moment(nullable=False))
    planned_end: datetime = Field(sa_column=_moment(nullable=False))
    job_number: str | None = Field(default=None, sa_type=Text)
    part_number: str | None = Field(default=None, sa_type=Text)
    priority: Priority = Field(
        default=Priority.NORMAL,
        sa_column=Column(_enum(Priority, "workorderpriority"), nullable=False, server_default=Priority.NORMAL.value),
    )
    due_date: datetime | None = Field(default=None, sa_column=_moment())
    on_hold: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    status: StageStatus = Field(
        default=StageStatus.PLANNED,
        sa_column=Column(_enum(StageStatus, "stagestatus"), nullable=False, server_default=StageStatus.PLANNED.value),
    )
    sequencing: Sequencing = Field(
        default=Sequencing.FREE,
        sa_column=Column(_enum(Sequencing, "stagesequencing"), nullable=False, server_default=Sequencing.FREE.value),
    )
    over_report_percent: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    created_at: datetime | None = _stamped()
    updated_at: datetime | None = _stamped()
    # every end of every word, so that a search for any part of one is an index's prefix search
    search: Any = Field(
        default=None,
        sa_column=Column(
            TSVECTOR,
            Computed(
                "search_suffixes(product_code || ' ' || lot_no || ' ' || coalesce(job_number, '') || ' ' || "
                "coalesce(part_number, ''))",
                persisted=True,
            ),
            nullable=True,
        ),
    )


class WorkOrderStage(Table, table=True):
    """One step of an order: what is dispatched to the floor.

    Its quantities (`_qty`) follow from what people report of it, the sums of its production events, and from what its
    machine's counters counted (`_counted`, the sums of `piece_count`) as `rules.settled` says.
    """

    __tablename__ = "work_order_stage"
    __table_args__ = (
        UniqueConstraint("work_order_id", "op_number"),
        CheckConstraint("planned_start < planned_end", name="window"),
        CheckConstraint("actual_start <= actual_end", name="actual_window"),
        CheckConstraint("least(good_qty, scrap_qty, rework_qty, startup_qty) >= 0", name="quantities"),
        Index(None, "machine_id", postgresql_where=literal_column("machine_id IS NOT NULL")),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    work_order_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order.id", ondelete="CASCADE"), nullable=False)
    )
    op_number: int = Field(sa_column=Column(Integer, nullable=False))
    stage_name: str = Field(sa_column=Column(Text, nullable=False))
    planned_start: datetime = Field(sa_column=_moment(nullable=False))
    planned_end: datetime = Field(sa_column=_moment(nullable=False))
    actual_start: datetime | None = Field(default=None, sa_column=_moment())
    actual_end: datetime | None = Field(default=None, sa_column=_moment())
    status: StageStatus = Field(
        default=StageStatus.PLANNED,
        sa_column=Column(_enum(StageStatus, "stagestatus"), nullable=False, server_default=StageStatus.PLANNED.value),
    )
    on_hold: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    machine_id: uuid.UUID | None = Field(default=None, sa_column=Column(Uuid, ForeignKey("machine.id")))
    good_qty: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    scrap_qty: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    rework_qty: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    startup_qty: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default="0"))
    good_counted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    rejects_counted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    parts_counted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    shots_counted: int = Field(default=0, sa_column=Column(BigInteger, nullable=False, server_default="0"))
    updated_at: datetime | None = _stamped()


class StageAssignment(Table, table=True):
    """That a user does a stage; the order's id stands here too, for that is what a worker's list is made of."""

    __tablename__ = "stage_assignment"
    __table_args__ = (Index(None, "user_id", "work_order_id"),)

    stage_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order_stage.id", ondelete="CASCADE"), primary_key=True)
    )
    user_id: int = Field(sa_column=Column(Integer, ForeignKey("app_user.id"), primary_key=True))
    work_order_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order.id", ondelete="CASCADE"), nullable=False)
    )
    assigned_by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))
    assigned_at: datetime | None = _stamped()


class ProductionEvent(Table, table=True):
    """Pieces that a stage made; never changed, only taken back by one that reverses it."""

    __tablename__ = "production_event"
    __table_args__ = (
        CheckConstraint("(reverses_id IS NULL) = (quantity > 0) AND quantity <> 0", name="quantity"),
        # at most one reversal an event
        UniqueConstraint("reverses_id"),
        Index(None, "stage_id", "id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=False), primary_key=True))
    stage_id: int = Field(
        sa_column=Column(Integer, ForeignKey("work_order_stage.id", ondelete="CASCADE"), nullable=False)
    )
    kind: ProductionKind = Field(sa_column=Column(_enum(ProductionKind, "productionkind"), nullable=False))
    quantity: int = Field(sa_column=Column(Integer, nullable=False))
    reverses_id: int | None = Field(default=None, sa_column=Column(BigInteger, ForeignKey("production_event.id")))
    note: str | None = Field(default=None, sa_type=Text)
    reported_by: int | None = Field(default=None, sa_column=Column(Integer, ForeignKey("app_user.id")))
    occurred_at: datetime = Field(sa_column=_moment(nullable=False))
    recorded_at: datetime | None = _stamped()


class ProductRoute(Table, table=True):
    """The stages that a product's orders get; without a product, the organization's own default."""

    __tablename__ = "product_route"
    __table_args__ = (
        UniqueConstraint("organization_id", "product_code", postgresql_nulls_not_distinct=True),
        CheckConstraint("over_report_percent >= 0", name="over_report_percent"),
    )

    id: int | None = Field(default=None, sa_column=Column(Integer, Identity(always=False), primary_key=True))
    organization_id: uuid.UUID = Field(sa_column=Column(Uuid, ForeignKey("organization.id"), nullable=False))
    product_code: str | None = Field(default=None, sa_type=Text)
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    sequencing: Sequencing = Field(
        default=Sequencing.FREE,
        sa_column=Column(_enum(Sequencing, "stagesequencing"), nullable=False, server_default=Sequencing.FREE.value),
    )
    over_report_percent: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default="0"))
    updated_at: datetime | None = _stamped()


def due() -> ColumnElement[datetime]:
    """Return an order's due date as a list is ordered by it: one without any comes last. As the index has it."""
    expression: ColumnElement[datetime] = func.coalesce(
        col(WorkOrder.due_date), literal_column("'2100-01-01 00:00:00+00'::timestamptz", DateTime(timezone=True))
    )
    return expression
