"""What was predicted, what came of it, and how good that turned out to be."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, number = sa.DateTime(timezone=True), sa.Double()
    op.create_table(
        "prediction",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("served_by", sa.Text(), nullable=False),
        sa.Column("is_challenger", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("horizon_h", sa.Integer(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("due_at", moment, nullable=False),
        sa.Column("probability", number, nullable=False),
        sa.Column("baseline", number, nullable=False),
        sa.Column("minutes", number, nullable=False),
        sa.Column("minutes_lower", number, nullable=False),
        sa.Column("minutes_upper", number, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("came_minutes", number, nullable=True),
        sa.Column("made_at", moment, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("outcome IN ('stop', 'none', 'unknown', 'down')", name=op.f("ck_prediction_outcome")),
        sa.CheckConstraint("source IN ('asked', 'periodic')", name=op.f("ck_prediction_source")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_prediction_organization_id")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_prediction_machine_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prediction")),
    )
    op.create_index("ix_prediction_organization_id_horizon_h_at", "prediction", ["organization_id", "horizon_h", "at"])
    op.create_index("ix_prediction_due", "prediction", ["due_at"], postgresql_where=sa.text("outcome IS NULL"))
    op.create_index(
        "ix_prediction_periodic",
        "prediction",
        ["machine_id", "horizon_h", "at", "served_by", "model_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("source = 'periodic'"),
    )
    op.create_table(
        "prediction_watch",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("horizon_h", sa.Integer(), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_input_drift", sa.Boolean(), nullable=False),
        sa.Column("is_concept_drift", sa.Boolean(), nullable=False),
        sa.Column("is_worse_than_rule", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_prediction_watch_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", "horizon_h", name=op.f("pk_prediction_watch")),
    )


def downgrade() -> None:
    op.drop_table("prediction_watch")
    op.drop_table("prediction")
