"""Alarms of machines, as their tags tell of them; those of readings that are here already are derived."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "machine_alarm",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("recorded_at", _MOMENT, server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", _MOMENT, nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_machine_alarm_machine_id")),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_machine_alarm_tag_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_alarm")),
    )
    op.create_index(
        "ix_machine_alarm_current",
        "machine_alarm",
        ["machine_id", "tag_id", "at"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_index(op.f("ix_machine_alarm_machine_id_id"), "machine_alarm", ["machine_id", "id"])
    op.create_index(
        "ix_machine_alarm_withdrawn",
        "machine_alarm",
        ["machine_id", "withdrawn_at"],
        postgresql_where=sa.text("withdrawn_at IS NOT NULL"),
    )
    # what these tags said is looked at, day by day
    op.execute(
        "INSERT INTO mark (machine_id, from_at, to_at) "
        "SELECT DISTINCT machine_id, bucket, bucket + interval '1 day' FROM rollup_day JOIN tag ON tag.id = tag_id "
        "WHERE machine_id IS NOT NULL AND reading_type = 'alarm_code'"
    )


def downgrade() -> None:
    op.drop_table("machine_alarm")
