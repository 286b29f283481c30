"""Rollups by minute, hour and day, and the marks by which they follow late readings; what is stored is marked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

LEVELS = ("minute", "hour", "day")


def upgrade() -> None:
    op.create_table(
        "touched",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tag_ids", sa.ARRAY(sa.Integer()), nullable=False),
        sa.Column("minutes", sa.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_touched"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_touched_gateway_id"),
    )
    op.create_index("ix_touched_due_at", "touched", ["due_at"])
    op.create_index("ix_touched_gateway_id", "touched", ["gateway_id"])
    for level in LEVELS:
        create_rollup(level, **({"postgresql_partition_by": "RANGE (bucket)"} if level == "minute" else {}))
    op.execute("CREATE TABLE rollup_minute_other PARTITION OF rollup_minute DEFAULT")
    mark_what_is_stored()


def downgrade() -> None:
    # the partitions of `rollup_minute` go with it
    for level in LEVELS:
        op.drop_table(f"rollup_{level}")
    op.drop_table("touched")


def create_rollup(level: str, **how: str) -> None:
    op.create_table(
        f"rollup_{level}",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        *[sa.Column(name, sa.Integer(), nullable=False) for name in ("good", "uncertain", "bad", "numbers")],
        sa.Column("total", sa.Double(), nullable=False),
        *[sa.Column(name, sa.Double()) for name in ("low", "high", "first", "last")],
        *[sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("first_at", "last_at")],
        *[sa.Column(name, sa.Double(), nullable=False) for name in ("area", "known_s")],
        sa.PrimaryKeyConstraint("tag_id", "bucket", name=f"pk_rollup_{level}"),
        **how,
    )


def mark_what_is_stored() -> None:
    op.execute(
        "INSERT INTO touched (gateway_id, due_at, tag_ids, minutes) "
        "SELECT gateway_id, now(), array_agg(tag_id), array_agg(minute) FROM ("
        "  SELECT DISTINCT gateway_id, tag_id, floor(extract(epoch FROM ts) / 60)::int AS minute"
        "  FROM reading JOIN tag ON tag.id = tag_id"
        ") AS stored GROUP BY gateway_id, minute / 60"
    )
