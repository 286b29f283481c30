"""Room in each page of `latest`, so that a new value takes the place of one that is over."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE latest SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("ALTER TABLE latest RESET (fillfactor)")
