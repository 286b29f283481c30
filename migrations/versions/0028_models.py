"""Models, and the trainings that make them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, document = sa.DateTime(timezone=True), postgresql.JSONB()
    new_id = sa.text("gen_random_uuid()")
    op.create_table(
        "ml_job",
        sa.Column("id", sa.Uuid(), server_default=new_id, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("asked", document, nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("progress", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("step", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("beat_at", moment, nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("problem", document, nullable=True),
        sa.Column("model_id", sa.Uuid(), nullable=True),
        sa.Column("result", document, nullable=True),
        sa.Column("created_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'done', 'failed', 'cancelled')", name=op.f("ck_ml_job_status")
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_ml_job_organization_id")),
        sa.ForeignKeyConstraint(["created_by"], ["app_user.id"], name=op.f("fk_ml_job_created_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ml_job")),
    )
    op.create_index(op.f("ix_ml_job_organization_id_created_at_id"), "ml_job", ["organization_id", "created_at", "id"])
    op.create_index(
        "uq_ml_job_live",
        "ml_job",
        ["organization_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('queued', 'running')"),
    )
    op.create_table(
        "ml_model",
        sa.Column("id", sa.Uuid(), server_default=new_id, nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("horizon_h", sa.Integer(), nullable=False),
        sa.Column("algorithm", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_control", sa.Boolean(), nullable=False),
        sa.Column("trained_at", moment, nullable=False),
        sa.Column("learned_until", moment, nullable=False),
        sa.Column("verdict", document, nullable=False),
        sa.Column("features", document, nullable=False),
        sa.Column("usual", document, nullable=False),
        sa.Column("calibration", document, nullable=False),
        sa.Column("artefact", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("versions", document, nullable=False),
        sa.Column("predecessor_id", sa.Uuid(), nullable=True),
        sa.Column("promoted_at", moment, nullable=True),
        sa.Column("retired_at", moment, nullable=True),
        sa.CheckConstraint("state IN ('candidate', 'champion', 'retired', 'refused')", name=op.f("ck_ml_model_state")),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_ml_model_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ml_model")),
        sa.UniqueConstraint("organization_id", "kind", "number", name=op.f("uq_ml_model_organization_id_kind_number")),
    )
    op.create_index(
        "uq_ml_model_champion",
        "ml_model",
        ["organization_id", "kind", "horizon_h"],
        unique=True,
        postgresql_where=sa.text("state = 'champion'"),
    )


def downgrade() -> None:
    op.drop_table("ml_model")
    op.drop_table("ml_job")
