"""Gateways, tags, readings by day, latest values, the ledger of batches, gaps."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_gateways()
    create_tags()
    create_readings()
    create_ledger()


def downgrade() -> None:
    # the partitions of `reading` go with it
    for table in ("gap", "batch", "latest", "reading", "tag", "gateway_epoch", "gateway"):
        op.drop_table(table)


def create_gateways() -> None:
    op.create_table(
        "gateway",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        now("created_at"),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.Column("last_seen", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("id", name="pk_gateway"),
        sa.UniqueConstraint("organization_id", "name", name="uq_gateway_organization_id_name"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_gateway_organization_id"),
    )
    op.create_table(
        "gateway_epoch",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Uuid(), nullable=False),
        now("first_seen"),
        sa.PrimaryKeyConstraint("gateway_id", "epoch", name="pk_gateway_epoch"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_gateway_epoch_gateway_id"),
    )


def create_tags() -> None:
    op.create_table(
        "tag",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("machine_code", sa.Text()),
        sa.Column("machine_id", sa.Uuid()),
        sa.Column("reading_type", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("described_at", sa.DateTime(timezone=True), nullable=False),
        now("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_tag"),
        sa.UniqueConstraint("gateway_id", "device", "name", name="uq_tag_gateway_id_device_name"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_tag_organization_id"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_tag_gateway_id"),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name="fk_tag_machine_id"),
    )
    op.create_index("ix_tag_machine_id", "tag", ["machine_id"])


def create_readings() -> None:
    op.create_table(
        "reading",
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("status", sa.BigInteger()),
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.PrimaryKeyConstraint("tag_id", "ts", "n", name="pk_reading"),
        postgresql_partition_by="RANGE (ts)",
    )
    # the days that get no partition of their own: clocks gone wrong, and imports
    op.execute("CREATE TABLE reading_other PARTITION OF reading DEFAULT")
    op.create_table(
        "latest",
        sa.Column("tag_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ts", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("text", sa.Text()),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("flags", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tag_id", name="pk_latest"),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name="fk_latest_tag_id"),
        # every row is rewritten every second: room beside it lets PostgreSQL do so without touching the index
        postgresql_with={"fillfactor": "50"},
    )


def create_ledger() -> None:
    op.create_table(
        "batch",
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("repeated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("received_from", sa.DateTime(timezone=True)),
        sa.Column("received_to", sa.DateTime(timezone=True)),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        now("stored_at"),
        sa.PrimaryKeyConstraint("gateway_id", "epoch", "seq", name="pk_batch"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_batch_gateway_id"),
    )
    op.create_table(
        "gap",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("gateway_id", sa.Uuid(), nullable=False),
        sa.Column("device", sa.Text()),
        sa.Column("tag", sa.Text()),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        now("recorded_at"),
        sa.PrimaryKeyConstraint("id", name="pk_gap"),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name="fk_gap_organization_id"),
        sa.ForeignKeyConstraint(["gateway_id"], ["gateway.id"], name="fk_gap_gateway_id"),
    )
    op.create_index("ix_gap_organization_id_from_at_id", "gap", ["organization_id", "from_at", "id"])


def now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)
