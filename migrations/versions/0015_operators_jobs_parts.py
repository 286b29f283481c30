"""Operators, jobs, parts and their ideal cycles; whether a machine was imported."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TYPES = {
    "skilllevel": ("BEGINNER", "INTERMEDIATE", "ADVANCED", "EXPERT"),
    "shiftpreference": ("DAY", "NIGHT", "ROTATING"),
    "operatorstatus": ("ACTIVE", "ON_LEAVE", "INACTIVE"),
    "jobpriority": ("LOW", "NORMAL", "HIGH", "URGENT"),
    "jobstatus": ("PENDING", "IN_PROGRESS", "COMPLETED", "CANCELLED"),
}


def upgrade() -> None:
    op.add_column("machine", sa.Column("source", sa.Text(), server_default="manual", nullable=False))
    for name, values in TYPES.items():
        op.execute(f"CREATE TYPE {name} AS ENUM {values}")
    create_operators()
    create_jobs()
    create_parts()
    create_cycles()


def downgrade() -> None:
    for table in ("ideal_cycle", "part", "job", "operator"):
        op.drop_table(table)
    for name in TYPES:
        op.execute(f"DROP TYPE {name}")
    op.drop_column("machine", "source")


def create_operators() -> None:
    op.create_table(
        "operator",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("emp_id", sa.Text(), nullable=False),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("skill_level", enum("skilllevel")),
        sa.Column("hire_date", sa.Date()),
        sa.Column("shift_preference", enum("shiftpreference")),
        sa.Column("certifications", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("hourly_rate", sa.Double()),
        sa.Column("department", sa.Text()),
        sa.Column("supervisor_id", sa.Text()),
        sa.Column("status", enum("operatorstatus"), server_default="ACTIVE", nullable=False),
        sa.Column("user_id", sa.Integer()),
        *stamps(),
        sa.PrimaryKeyConstraint("organization_id", "emp_id", name="pk_operator"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_operator_organization_id"),
        sa.ForeignKeyConstraint(["user_id"], ["app_user.id"], name="fk_operator_user_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "supervisor_id"],
            ["operator.organization_id", "operator.emp_id"],
            name="fk_operator_organization_id_supervisor_id",
        ),
        sa.UniqueConstraint("organization_id", "user_id", name="uq_operator_organization_id_user_id"),
        sa.CheckConstraint("supervisor_id <> emp_id", name=op.f("ck_operator_supervisor_id")),
        sa.CheckConstraint("hourly_rate >= 0", name=op.f("ck_operator_hourly_rate")),
    )
    op.create_index("ix_operator_organization_id_supervisor_id", "operator", ["organization_id", "supervisor_id"])


def create_jobs() -> None:
    op.create_table(
        "job",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("job_number", sa.Text(), nullable=False),
        sa.Column("job_name", sa.Text()),
        sa.Column("customer_id", sa.Text()),
        sa.Column("customer_name", sa.Text()),
        sa.Column("priority", enum("jobpriority"), server_default="NORMAL", nullable=False),
        sa.Column("estimated_hours", sa.Double()),
        sa.Column("actual_hours", sa.Double()),
        sa.Column("quantity_ordered", sa.Integer()),
        sa.Column("quantity_completed", sa.Integer()),
        sa.Column("due_date", sa.DateTime(timezone=True)),
        sa.Column("start_date", sa.DateTime(timezone=True)),
        sa.Column("completion_date", sa.DateTime(timezone=True)),
        sa.Column("job_status", enum("jobstatus"), server_default="PENDING", nullable=False),
        sa.Column("complexity_rating", sa.Integer()),
        sa.Column("setup_complexity", sa.Integer()),
        *stamps(),
        sa.PrimaryKeyConstraint("organization_id", "job_number", name="pk_job"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_job_organization_id"),
        sa.CheckConstraint("completion_date >= start_date", name=op.f("ck_job_dates")),
        sa.CheckConstraint("complexity_rating BETWEEN 1 AND 10", name=op.f("ck_job_complexity_rating")),
        sa.CheckConstraint("setup_complexity BETWEEN 1 AND 10", name=op.f("ck_job_setup_complexity")),
        sa.CheckConstraint("quantity_ordered >= 0 AND quantity_completed >= 0", name=op.f("ck_job_quantities")),
    )
    op.create_index(
        "ix_job_organization_id_job_status_job_number", "job", ["organization_id", "job_status", "job_number"]
    )


def create_parts() -> None:
    texts = ("tolerance_class", "surface_finish")
    op.create_table(
        "part",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=False),
        *[
            sa.Column(name, sa.Text())
            for name in ("part_name", "part_description", "material_type", "material_hardness")
        ],
        *[sa.Column(name, sa.Double()) for name in ("weight", *(f"dimensions_{side}" for side in SIDES))],
        *[sa.Column(name, sa.Text()) for name in texts],
        sa.Column("standard_cycle_time", sa.Double()),
        sa.Column("setup_time_standard", sa.Double()),
        sa.Column("tooling_requirements", sa.Text()),
        sa.Column("quality_requirements", sa.Text()),
        sa.Column("cost_per_unit", sa.Double()),
        sa.Column("revision", sa.Text()),
        *stamps(),
        sa.PrimaryKeyConstraint("organization_id", "part_number", name="pk_part"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_part_organization_id"),
        sa.CheckConstraint("standard_cycle_time > 0", name=op.f("ck_part_standard_cycle_time")),
        sa.CheckConstraint("setup_time_standard >= 0", name=op.f("ck_part_setup_time_standard")),
    )


SIDES = ("length", "width", "height")


def create_cycles() -> None:
    place = "organization_id", "part_number"
    op.create_table(
        "ideal_cycle",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("part_number", sa.Text(), nullable=False),
        sa.Column("machine_id", sa.Uuid()),
        sa.Column("machine_type", sa.Text()),
        sa.Column("ideal_cycle_s", sa.Double(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ideal_cycle"),
        sa.ForeignKeyConstraint(
            place, [f"part.{name}" for name in place], name="fk_ideal_cycle_organization_id_part_number"
        ),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_ideal_cycle_machine_id"),
        sa.UniqueConstraint(*place, "machine_id", "valid_from", name="uq_ideal_cycle_machine"),
        sa.UniqueConstraint(*place, "machine_type", "valid_from", name="uq_ideal_cycle_type"),
        sa.CheckConstraint("(machine_id IS NULL) <> (machine_type IS NULL)", name=op.f("ck_ideal_cycle_place")),
        sa.CheckConstraint("ideal_cycle_s > 0", name=op.f("ck_ideal_cycle_ideal_cycle_s")),
    )
    op.create_index("ix_ideal_cycle_machine_id", "ideal_cycle", ["machine_id"])


def stamps() -> list[sa.Column]:
    return [
        sa.Column("source", sa.Text(), server_default="manual", nullable=False),
        *[
            sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
            for name in ("created_at", "updated_at")
        ],
    ]


def enum(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*TYPES[name], name=name, create_type=False)
