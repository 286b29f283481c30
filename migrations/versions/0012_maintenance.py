"""Maintenance plans and orders; the time zone in which an organization's days begin."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

KINDS = ("corrective", "preventive", "predictive")
STATUSES = ("open", "in_progress", "completed", "cancelled")
BASES = ("calendar", "running_hours", "cycles")
TYPES = {"maintenancekind": KINDS, "maintenancestatus": STATUSES, "maintenancebasis": BASES}


def upgrade() -> None:
    op.add_column("organization", sa.Column("time_zone", sa.Text(), server_default="UTC", nullable=False))
    for name, values in TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ENUM {values}")
    create_plans()
    create_orders()


def downgrade() -> None:
    op.drop_table("maintenance_order")
    op.drop_table("maintenance_plan")
    for name in TYPES:
        op.execute(f"DROP TYPE {name}")
    op.drop_column("organization", "time_zone")


def create_plans() -> None:
    op.create_table(
        "maintenance_plan",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("basis", enum("maintenancebasis"), nullable=False),
        sa.Column("every", sa.Double(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_done_at", sa.DateTime(timezone=True)),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_plan"),
        foreign("maintenance_plan", "organization_id", "organization"),
        foreign("maintenance_plan", "machine_id", "machine"),
        sa.CheckConstraint("every > 0", name=op.f("ck_maintenance_plan_every")),
    )
    op.create_index("ix_maintenance_plan_machine_id", "maintenance_plan", ["machine_id"])


def create_orders() -> None:
    steps = ("started", "completed", "cancelled")
    op.create_table(
        "maintenance_order",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Integer()),
        sa.Column("kind", enum("maintenancekind"), nullable=False),
        sa.Column("status", enum("maintenancestatus"), server_default="open", nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("opened_by", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        *[sa.Column(f"{step}_by", sa.Integer()) for step in steps],
        *[sa.Column(f"{step}_at", sa.DateTime(timezone=True)) for step in steps],
        sa.Column("resolution", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_order"),
        foreign("maintenance_order", "organization_id", "organization"),
        foreign("maintenance_order", "machine_id", "machine"),
        foreign("maintenance_order", "plan_id", "maintenance_plan"),
        *[foreign("maintenance_order", f"{step}_by", "app_user") for step in ("opened", *steps)],
    )
    op.create_index("ix_maintenance_order_plan_id", "maintenance_order", ["plan_id"])
    for owner in ("organization_id", "machine_id"):
        op.create_index(f"ix_maintenance_order_{owner}_opened_at_id", "maintenance_order", [owner, "opened_at", "id"])


def enum(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*TYPES[name], name=name, create_type=False)


def foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")
