"""Since when a mark waits, for the figure of what the background has to do."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.add_column("mark", sa.Column("put_at", moment, server_default=sa.func.now(), nullable=False))


def downgrade() -> None:
    op.drop_column("mark", "put_at")
