"""What machines measured hour by hour, as it was told; what is here is taken as known an hour after it was over."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

_CHANNELS = (
    "temperature",
    "pressure",
    "humidity",
    "vibration",
    "speed",
    "feed_rate",
    "torque",
    "current",
    "voltage",
    "power",
    "flow",
    "level",
    "cycle_time",
)
_MEANS = ", ".join(f"coalesce(avg(mean) FILTER (WHERE reading_type = '{each}'), 'NaN')" for each in _CHANNELS)
_TELL = f"""
    INSERT INTO measured_hour (machine_id, bucket, known_at, recorded_at, numbers)
    SELECT machine_id, bucket, bucket + interval '2 hours', bucket + interval '2 hours', ARRAY[{_MEANS}]
    FROM (
        SELECT machine_id, bucket, reading_type,
               CASE WHEN known_s > 0 THEN area / known_s ELSE total / numbers END AS mean
        FROM tag JOIN rollup_hour ON tag_id = tag.id
        WHERE machine_id IS NOT NULL AND numbers > 0 AND bucket < now() - interval '2 hours'
              AND reading_type IN ({", ".join(f"'{each}'" for each in _CHANNELS)})
    ) AS said GROUP BY machine_id, bucket
"""  # noqa: S608 - words of ours


def upgrade() -> None:
    op.create_table(
        "measured_hour",
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("numbers", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_measured_hour_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", "bucket", "id", name=op.f("pk_measured_hour")),
    )
    op.execute(_TELL)


def downgrade() -> None:
    op.drop_table("measured_hour")
