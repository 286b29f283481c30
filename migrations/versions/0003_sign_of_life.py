"""What a gateway says of itself with a sign of life."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("gateway", sa.Column("version", sa.Text()))
    op.add_column("gateway", sa.Column("waiting", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("gateway", "waiting")
    op.drop_column("gateway", "version")
