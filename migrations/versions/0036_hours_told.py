"""Hours as they were known at which time; those that are here already are taken as known an hour after they ended."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_NAMES = ("run_us", "setup_us", "micro_us", "unknown_us", "good", "scrap", "ideal_milli")
_TELL = """
    INSERT INTO fact_hour_told (machine_id, bucket, known_at, recorded_at,
                                run_us, setup_us, micro_us, unknown_us, good, scrap, ideal_milli)
    SELECT machine_id, bucket, bucket + interval '2 hours', bucket + interval '2 hours',
           run_us + run_unassigned_us + overtime_us,
           setup_us + setup_unassigned_us, minor_us + minor_unassigned_us, unknown_us, good + made + rework,
           scrap + startup,
           coalesce(round(
               (run_us + run_unassigned_us) * (good + made + rework + scrap + startup - without_ideal) * 1e3 / nullif(
                   ideal_good_us + ideal_made_us + ideal_rework_us + ideal_scrap_us + ideal_startup_us, 0))::bigint, 0)
    FROM fact_hour WHERE bucket < now() - interval '2 hours'
"""


def upgrade() -> None:
    op.create_table(
        "fact_hour_told",
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("known_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _NAMES),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_fact_hour_told_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", "bucket", "id", name=op.f("pk_fact_hour_told")),
    )
    op.execute(_TELL)
    begun = sa.Column("begun_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    op.add_column("derived", begun)
    op.execute("UPDATE derived SET begun_at = since_at")


def downgrade() -> None:
    op.drop_column("derived", "begun_at")
    op.drop_table("fact_hour_told")
