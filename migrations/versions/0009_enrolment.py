"""Gateways enrol, renew their tokens, are told their configuration, and noticed when two speak in one name."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

COLUMNS = {
    "token_issued_at": sa.DateTime(timezone=True),
    "next_token_hash": sa.LargeBinary(),
    "rotation_asked_at": sa.DateTime(timezone=True),
    "buffer_bytes": sa.BigInteger(),
    "oldest_waiting_at": sa.DateTime(timezone=True),
    "clock_skew_s": sa.Double(),
    "epoch": sa.Uuid(),
    "conflict_at": sa.DateTime(timezone=True),
    "conflict": sa.Text(),
    "configuration_version": sa.Integer(),
    "configuration_outcome": sa.Text(),
    "configuration_detail": sa.Text(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("gateway", sa.Column(name, kind))
    op.alter_column("gateway", "token_hash", nullable=True)
    op.execute("UPDATE gateway SET token_issued_at = created_at")
    op.execute(
        "UPDATE gateway SET epoch = (SELECT epoch FROM gateway_epoch WHERE gateway_id = gateway.id "
        "ORDER BY first_seen DESC LIMIT 1)"
    )
    op.create_table(
        "gateway_enrolment",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("code_hash", name="pk_gateway_enrolment"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_gateway_enrolment_gateway_id"),
    )
    op.create_table(
        "gateway_configuration",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("gateway_id", "version", name="pk_gateway_configuration"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_gateway_configuration_gateway_id"),
    )


def downgrade() -> None:
    op.drop_table("gateway_configuration")
    op.drop_table("gateway_enrolment")
    # one that never enrolled has no token: none fits this hash
    op.execute("UPDATE gateway SET token_hash = '', revoked_at = coalesce(revoked_at, now()) WHERE token_hash IS NULL")
    op.alter_column("gateway", "token_hash", nullable=False)
    for name in COLUMNS:
        op.drop_column("gateway", name)
