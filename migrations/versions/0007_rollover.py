"""How far a tag's counter counts before it begins again."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tag", sa.Column("rollover", sa.Double()))


def downgrade() -> None:
    op.drop_column("tag", "rollover")
