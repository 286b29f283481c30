"""How rows of job logs stood at which time; of those that are here it is told how they stand."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
# as the table's columns are read by this revision
_TELL = """
    INSERT INTO joblog_told (organization_id, machine_id, joblog_id, at, known_at, numbers, recorded_at)
    SELECT organization_id, machine_id, id, end_time,
           CASE WHEN end_time < first THEN end_time ELSE greatest(end_time, imported_at) END, numbers, imported_at
    FROM (
        SELECT joblog.*, min(imported_at) OVER (PARTITION BY organization_id) AS first, ARRAY[
            setup_s, waiting_setup_s, tooling_s, running_s, not_feeding_s, adjustment_s, dressing_s, buy_in_s,
            maintenance_s, engineering_s, break_shift_change_s, idle_s,
            coalesce((('x' || substr(md5(part_number), 1, 6))::bit(24)::int)::float8, 'NaN'),
            coalesce(job.complexity_rating::float8, 'NaN'), coalesce(job.setup_complexity::float8, 'NaN'),
            coalesce((CASE WHEN (end_time AT TIME ZONE 'UTC')::date < operator.hire_date THEN 0
                      ELSE (end_time AT TIME ZONE 'UTC')::date - operator.hire_date END / 365.25)::float8, 'NaN'),
            coalesce(array_position(ARRAY['BEGINNER', 'INTERMEDIATE', 'ADVANCED', 'EXPERT'],
                                    operator.skill_level::text)::float8, 'NaN')
        ]::float8[] AS numbers
        FROM joblog LEFT JOIN job USING (organization_id, job_number) LEFT JOIN operator USING (organization_id, emp_id)
    ) AS stands
    WHERE end_time IS NOT NULL
"""


def upgrade() -> None:
    op.create_table(
        "joblog_told",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("joblog_id", sa.BigInteger(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("numbers", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("recorded_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.CheckConstraint("at <= known_at", name=op.f("ck_joblog_told_order")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_joblog_told_organization_id")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_joblog_told_machine_id")),
        sa.ForeignKeyConstraint(["joblog_id"], ["joblog.id"], name=op.f("fk_joblog_told_joblog_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joblog_told")),
    )
    op.execute(_TELL)
    op.create_index(
        "ix_joblog_told_current",
        "joblog_told",
        ["joblog_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    for columns in (
        ["joblog_id", "at"],
        ["machine_id", "at"],
        ["organization_id", "at"],
        ["organization_id", "recorded_at"],
    ):
        op.create_index(op.f(f"ix_joblog_told_{'_'.join(columns)}"), "joblog_told", columns)


def downgrade() -> None:
    op.drop_table("joblog_told")
