"""Indexes of the newest row that was told of a machine: whether an answer that is remembered still holds."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

_TABLES = ("fact_hour_told", "measured_hour", "joblog_told")


def upgrade() -> None:
    for table in _TABLES:
        op.create_index(op.f(f"ix_{table}_machine_id_id"), table, ["machine_id", "id"])
    op.create_index(
        "ix_joblog_told_withdrawn",
        "joblog_told",
        ["machine_id", "withdrawn_at"],
        postgresql_where=sa.text("withdrawn_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_joblog_told_withdrawn", "joblog_told")
    for table in _TABLES:
        op.drop_index(op.f(f"ix_{table}_machine_id_id"), table)
