"""Files of models that go when nobody can want them any more."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("ml_model", "artefact", nullable=True)
    op.add_column("ml_model", sa.Column("file_deleted_at", sa.DateTime(timezone=True)))
    op.create_check_constraint(
        op.f("ck_ml_model_file"), "ml_model", "(artefact IS NULL) = (file_deleted_at IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_ml_model_file"), "ml_model")
    # an empty file has another digest, and is refused
    op.execute("UPDATE ml_model SET artefact = '' WHERE artefact IS NULL")
    op.drop_column("ml_model", "file_deleted_at")
    op.alter_column("ml_model", "artefact", nullable=False)
