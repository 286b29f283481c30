"""A past from before the service: stops, alarms, maintenance, counts and telemetry of a plant's own logs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "history_import",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("arrived_at", _MOMENT, nullable=False),
        sa.Column("from_at", _MOMENT, nullable=False),
        sa.Column("to_at", _MOMENT, nullable=False),
        sa.Column("verdict", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_history_import_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_import")),
    )
    op.create_index(
        op.f("ix_history_import_organization_id_arrived_at"), "history_import", ["organization_id", "arrived_at"]
    )
    op.create_table(
        "history_layout",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("length_s", sa.Integer(), nullable=False),
        sa.Column("names", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("kind IN ('work', 'telemetry')", name=op.f("ck_history_layout_kind")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_history_layout_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_history_layout")),
        sa.UniqueConstraint(
            "organization_id",
            "kind",
            "length_s",
            "names",
            name=op.f("uq_history_layout_organization_id_kind_length_s_names"),
        ),
    )
    op.create_table(
        "history_machine",
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        _machine(),
        sa.Column("traits", postgresql.JSONB(), nullable=False),
        *_keys("history_machine"),
        sa.PrimaryKeyConstraint("import_id", "machine_id", name=op.f("pk_history_machine")),
    )
    op.create_table(
        "history_stop",
        _machine(),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("to_at", _MOMENT, nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("end_known_at", _MOMENT, nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "at <= to_at AND at <= known_at AND to_at <= end_known_at", name=op.f("ck_history_stop_order")
        ),
        *_keys("history_stop"),
        sa.PrimaryKeyConstraint("machine_id", "at", "code", name=op.f("pk_history_stop")),
    )
    op.create_table(
        "history_event",
        _machine(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("kind IN ('alarms', 'maintenance')", name=op.f("ck_history_event_kind")),
        sa.CheckConstraint("at <= known_at", name=op.f("ck_history_event_order")),
        *_keys("history_event"),
        sa.PrimaryKeyConstraint("machine_id", "kind", "at", "code", name=op.f("pk_history_event")),
    )
    op.create_table(
        "history_span",
        _machine(),
        sa.Column("layout_id", sa.Integer(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("known_at", _MOMENT, nullable=False),
        sa.Column("numbers", postgresql.ARRAY(sa.Double()), nullable=False),
        sa.Column("import_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("at <= known_at", name=op.f("ck_history_span_order")),
        sa.ForeignKeyConstraint(["layout_id"], ["history_layout.id"], name=op.f("fk_history_span_layout_id")),
        *_keys("history_span"),
        sa.PrimaryKeyConstraint("machine_id", "layout_id", "at", name=op.f("pk_history_span")),
    )
    for table in ("history_stop", "history_event", "history_span"):
        op.create_index(op.f(f"ix_{table}_import_id"), table, ["import_id"])


def downgrade() -> None:
    for table in ("span", "event", "stop", "machine", "layout", "import"):
        op.drop_table(f"history_{table}")


def _machine() -> sa.Column[object]:
    return sa.Column("machine_id", sa.Uuid(), nullable=False)


def _keys(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f(f"fk_{table}_machine_id")),
        sa.ForeignKeyConstraint(["import_id"], ["history_import.id"], name=op.f(f"fk_{table}_import_id")),
    )
