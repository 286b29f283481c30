"""Organizations, users, machines and work orders."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

USER_ROLES = ("admin", "planner", "worker")
MACHINE_STATUSES = ("active", "inactive", "maintenance", "decommissioned")
PRIORITIES = ("LOW", "NORMAL", "HIGH", "URGENT")
STAGE_STATUSES = ("planned", "in_progress", "done")


def upgrade() -> None:
    create_identity()
    create_machines()
    create_work_orders()


def downgrade() -> None:
    for table in ("work_order_stage", "work_order", "machine", "login_failures", "app_user", "organization"):
        op.drop_table(table)
    # a table takes its indexes with it, but not the types its columns have
    for enum in ("stagestatus", "workorderpriority", "machinestatus", "userrole"):
        op.execute(f"DROP TYPE {enum}")


def create_identity() -> None:
    op.create_table(
        "organization",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_organization"),
        sa.UniqueConstraint("name", name="uq_organization_name"),
    )
    op.create_table(
        "app_user",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", sa.Enum(*USER_ROLES, name="userrole"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_app_user"),
        sa.UniqueConstraint("username", name="uq_app_user_username"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_app_user_organization_id"),
    )
    op.create_index("ix_app_user_organization_id", "app_user", ["organization_id"])
    op.create_table(
        "login_failures",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_login_failures"),
    )


def create_machines() -> None:
    op.create_table(
        "machine",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("customer_organization_id", sa.Uuid()),
        sa.Column("machine_type", sa.Text()),
        sa.Column("model_type", sa.Text()),
        sa.Column("manufacturer", sa.Text()),
        sa.Column("model", sa.Text()),
        sa.Column("serial_number", sa.Text()),
        sa.Column("year_installed", sa.Integer()),
        sa.Column("purchase_date", sa.Date()),
        sa.Column("warranty_expiry_date", sa.Date()),
        sa.Column("status", sa.Enum(*MACHINE_STATUSES, name="machinestatus"), server_default="active", nullable=False),
        sa.Column("last_maintenance_date", sa.DateTime(timezone=True)),
        sa.Column("next_maintenance_date", sa.DateTime(timezone=True)),
        sa.Column("maintenance_schedule_hours", sa.Integer()),
        sa.Column("location", sa.Text()),
        sa.Column("notes", sa.Text()),
        sa.Column("max_spindle_speed", sa.Double()),
        sa.Column("max_feed_rate", sa.Double()),
        sa.Column("work_envelope_x", sa.Double()),
        sa.Column("work_envelope_y", sa.Double()),
        sa.Column("work_envelope_z", sa.Double()),
        sa.Column("active_cavities", sa.Integer()),
        sa.Column("ideal_cycle_s", sa.Double()),
        sa.Column("microstop_threshold_s", sa.Double()),
        created_at(),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine"),
        sa.UniqueConstraint("organization_id", "code", name="uq_machine_organization_id_code"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_machine_organization_id"),
        sa.ForeignKeyConstraint(
            ["customer_organization_id"], ["organization.id"], name="fk_machine_customer_organization_id"
        ),
        sa.CheckConstraint("year_installed BETWEEN 1900 AND 2100", name=op.f("ck_machine_year_installed")),
        sa.CheckConstraint("maintenance_schedule_hours > 0", name=op.f("ck_machine_maintenance_schedule_hours")),
        sa.CheckConstraint("active_cavities > 0", name=op.f("ck_machine_active_cavities")),
        sa.CheckConstraint("ideal_cycle_s > 0", name=op.f("ck_machine_ideal_cycle_s")),
    )


def create_work_orders() -> None:
    op.create_table(
        "work_order",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("product_code", sa.Text(), nullable=False),
        sa.Column("lot_no", sa.Text(), nullable=False),
        sa.Column("qty", sa.Integer(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("job_number", sa.Text()),
        sa.Column("part_number", sa.Text()),
        sa.Column("priority", sa.Enum(*PRIORITIES, name="workorderpriority"), server_default="NORMAL", nullable=False),
        sa.Column("due_date", sa.DateTime(timezone=True)),
        sa.Column("on_hold", sa.Boolean(), server_default=sa.false(), nullable=False),
        created_at(),
        sa.PrimaryKeyConstraint("id", name="pk_work_order"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_work_order_organization_id"),
        sa.CheckConstraint("qty > 0", name=op.f("ck_work_order_qty")),
        sa.CheckConstraint("planned_start < planned_end", name=op.f("ck_work_order_window")),
    )
    op.create_index(
        "ix_work_order_organization_id_planned_start_id", "work_order", ["organization_id", "planned_start", "id"]
    )
    op.create_table(
        "work_order_stage",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("work_order_id", sa.Integer(), nullable=False),
        sa.Column("op_number", sa.Integer(), nullable=False),
        sa.Column("stage_name", sa.Text(), nullable=False),
        sa.Column("planned_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actual_start", sa.DateTime(timezone=True)),
        sa.Column("actual_end", sa.DateTime(timezone=True)),
        sa.Column("status", sa.Enum(*STAGE_STATUSES, name="stagestatus"), server_default="planned", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_work_order_stage"),
        sa.UniqueConstraint("work_order_id", "op_number", name="uq_work_order_stage_work_order_id_op_number"),
        sa.ForeignKeyConstraint(
            ["work_order_id"], ["work_order.id"], name="fk_work_order_stage_work_order_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint("planned_start < planned_end", name=op.f("ck_work_order_stage_window")),
        sa.CheckConstraint("actual_start <= actual_end", name=op.f("ck_work_order_stage_actual_window")),
    )


def created_at() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
