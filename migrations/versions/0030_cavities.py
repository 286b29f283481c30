"""How many cavities a machine's mould had, and when; what is there now is taken to have always been so."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "machine_cavities",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("active_cavities", sa.Integer()),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_machine_cavities"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_machine_cavities_machine_id"),
        sa.UniqueConstraint("machine_id", "valid_from", name="uq_machine_cavities_machine_id_valid_from"),
        sa.CheckConstraint("active_cavities > 0", name=op.f("ck_machine_cavities_active_cavities")),
    )
    op.execute(
        "INSERT INTO machine_cavities (machine_id, active_cavities, valid_from) "
        "SELECT id, active_cavities, '1970-01-01T00:00Z' FROM machine WHERE active_cavities IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table("machine_cavities")
