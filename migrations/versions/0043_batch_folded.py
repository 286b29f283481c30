"""What stays of the ledger's lines that go: a batch that comes after years is still known to have come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "batch_folded",
        sa.Column("gateway_id", sa.Uuid, sa.ForeignKey("gateway.id"), primary_key=True),
        sa.Column("epoch", sa.Uuid, primary_key=True),
        sa.Column("block", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("places", ARRAY(sa.SmallInteger), nullable=False),
        sa.Column("digests", ARRAY(sa.BigInteger), nullable=False),
        sa.Column("stored_to", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("batch_folded")
