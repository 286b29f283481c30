"""Job logs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

SECONDS = (
    "running",
    "setup",
    "waiting_setup",
    "not_feeding",
    "adjustment",
    "dressing",
    "tooling",
    "engineering",
    "maintenance",
    "buy_in",
    "break_shift_change",
    "idle",
)
NAMED = {"job_number": "job", "part_number": "part", "emp_id": "operator"}


def upgrade() -> None:
    op.execute("CREATE TYPE joblogstate AS ENUM ('OPENED', 'CLOSED')")
    now = sa.func.now()
    op.create_table(
        "joblog",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True)),
        sa.Column("state", postgresql.ENUM(name="joblogstate", create_type=False), nullable=False),
        *[sa.Column(name, sa.Text()) for name in (*NAMED, "op_number")],
        sa.Column("parts_produced", sa.Integer()),
        sa.Column("job_duration_s", sa.Double()),
        *[sa.Column(f"{name}_s", sa.Double(), server_default=sa.text("0"), nullable=False) for name in SECONDS],
        sa.Column("unaccounted_s", sa.Double()),
        sa.Column("flags", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_joblog"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_joblog_organization_id"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_joblog_machine_id"),
        *[
            sa.ForeignKeyConstraint(
                ["organization_id", name],
                [f"{table}.organization_id", f"{table}.{name}"],
                name=f"fk_joblog_organization_id_{name}",
            )
            for name, table in NAMED.items()
        ],
        sa.UniqueConstraint(
            "organization_id", "source", "source_id", name="uq_joblog_organization_id_source_source_id"
        ),
        sa.CheckConstraint("end_time > start_time", name=op.f("ck_joblog_window")),
        sa.CheckConstraint("job_duration_s > 0", name=op.f("ck_joblog_job_duration_s")),
        sa.CheckConstraint("parts_produced >= 0", name=op.f("ck_joblog_parts_produced")),
        sa.CheckConstraint(
            "(state = 'OPENED') OR (end_time IS NOT NULL AND job_duration_s IS NOT NULL)", name=op.f("ck_joblog_closed")
        ),
    )
    op.create_index("ix_joblog_organization_id_start_time_id", "joblog", ["organization_id", "start_time", "id"])
    op.create_index("ix_joblog_machine_id_start_time", "joblog", ["machine_id", "start_time"])
    for name in NAMED:
        op.create_index(
            f"ix_joblog_organization_id_{name}_start_time", "joblog", ["organization_id", name, "start_time"]
        )
    op.create_table(
        "joblog_revision",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_joblog_revision"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_joblog_revision_organization_id"),
    )


def downgrade() -> None:
    op.drop_table("joblog_revision")
    op.drop_table("joblog")
    op.execute("DROP TYPE joblogstate")
