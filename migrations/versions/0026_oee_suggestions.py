"""Suggestions for OEE, and who decided about them."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, number = sa.DateTime(timezone=True), sa.Double()
    op.create_table(
        "oee_suggestion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("from_at", moment, nullable=False),
        sa.Column("until_at", moment, nullable=False),
        sa.Column("reduction", number, nullable=False),
        sa.Column("oee", number, nullable=False),
        sa.Column("gain", number, nullable=False),
        sa.Column("gain_lower", number, nullable=False),
        sa.Column("gain_upper", number, nullable=False),
        sa.Column("suggested_by", sa.Text(), nullable=False),
        sa.Column("suggested_at", moment, server_default=sa.func.now(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", moment, nullable=True),
        sa.CheckConstraint("status IN ('open', 'accepted', 'declined')", name=op.f("ck_oee_suggestion_status")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_oee_suggestion_organization_id")
        ),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_oee_suggestion_machine_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oee_suggestion")),
    )
    op.create_index(
        "ix_oee_suggestion_open",
        "oee_suggestion",
        ["machine_id", "bucket"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index("ix_oee_suggestion_organization_id", "oee_suggestion", ["organization_id", "suggested_at", "id"])


def downgrade() -> None:
    op.drop_table("oee_suggestion")
