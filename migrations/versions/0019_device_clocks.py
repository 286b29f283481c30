"""How far the clocks of a gateway's devices are off."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("device_clock_skew_s", JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False)
    op.add_column("gateway", column)


def downgrade() -> None:
    op.drop_column("gateway", "device_clock_skew_s")
