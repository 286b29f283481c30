"""Shifts, states, counts, reasons, the facts of OEE, and the marks by which they follow what changed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = (
    "mark",
    "oee_policy",
    "reason_code",
    "shift_pattern",
    "derived",
    "fact_hour",
    "shift_exception",
    "shift_machine",
    "shift_occurrence",
    "state_model",
    "state_told",
    "fact_shift",
    "machine_state",
    "piece_claim",
    "piece_count",
)


def upgrade() -> None:
    op.create_table(
        "mark",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("figures_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mark")),
    )
    op.create_index(op.f("ix_mark_machine_id_from_at"), "mark", ["machine_id", "from_at"], unique=False)
    op.create_table(
        "oee_policy",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("settings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_oee_policy_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "name", name=op.f("pk_oee_policy")),
    )
    op.create_index(
        "ix_oee_policy_default", "oee_policy", ["organization_id"], unique=True, postgresql_where=sa.text("is_default")
    )
    op.create_table(
        "reason_code",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("label_en", sa.Text(), nullable=False),
        sa.Column("label_tr", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("time_element", sa.Text(), nullable=True),
        sa.Column("loss", sa.Text(), nullable=True),
        sa.Column("is_failure", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_planned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organization.id"], name=op.f("fk_reason_code_organization_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["reason_code.id"], name=op.f("fk_reason_code_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reason_code")),
        sa.UniqueConstraint("organization_id", "code", name=op.f("uq_reason_code_organization_id_code")),
    )
    op.create_table(
        "shift_pattern",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("cycle_days", sa.SmallInteger(), nullable=False),
        sa.Column("anchor", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("shifts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("shown_from", sa.Date(), nullable=True),
        sa.Column("shown_to", sa.Date(), nullable=True),
        sa.CheckConstraint("cycle_days > 0", name=op.f("ck_shift_pattern_cycle_days")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organization.id"], name=op.f("fk_shift_pattern_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_pattern")),
    )
    op.create_index(
        "ix_shift_pattern_default",
        "shift_pattern",
        ["organization_id"],
        unique=True,
        postgresql_where=sa.text("is_default"),
    )
    op.create_index(
        op.f("ix_shift_pattern_organization_id_id"), "shift_pattern", ["organization_id", "id"], unique=False
    )
    op.create_table(
        "derived",
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_derived_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_derived")),
    )
    op.create_index(op.f("ix_derived_until_at"), "derived", ["until_at"], unique=False)
    op.create_table(
        "fact_hour",
        sa.Column("run_us", sa.BigInteger(), nullable=False),
        sa.Column("run_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("setup_us", sa.BigInteger(), nullable=False),
        sa.Column("setup_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("minor_us", sa.BigInteger(), nullable=False),
        sa.Column("minor_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("breakdown_us", sa.BigInteger(), nullable=False),
        sa.Column("breakdown_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("maintenance_us", sa.BigInteger(), nullable=False),
        sa.Column("planned_maintenance_us", sa.BigInteger(), nullable=False),
        sa.Column("planned_stop_us", sa.BigInteger(), nullable=False),
        sa.Column("shift_break_us", sa.BigInteger(), nullable=False),
        sa.Column("unknown_us", sa.BigInteger(), nullable=False),
        sa.Column("off_shift_us", sa.BigInteger(), nullable=False),
        sa.Column("overtime_us", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("scrap", sa.BigInteger(), nullable=False),
        sa.Column("rework", sa.BigInteger(), nullable=False),
        sa.Column("startup", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("ideal_good_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_scrap_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_rework_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_startup_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_made_us", sa.BigInteger(), nullable=False),
        sa.Column("without_ideal", sa.BigInteger(), nullable=False),
        sa.Column("overtime_pieces", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("repair_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("bucket", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_fact_hour_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", "bucket", name=op.f("pk_fact_hour")),
    )
    op.create_table(
        "shift_exception",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("pattern_id", sa.Integer(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("shifts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["pattern_id"], ["shift_pattern.id"], name=op.f("fk_shift_exception_pattern_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_exception")),
        sa.UniqueConstraint("pattern_id", "business_date", name=op.f("uq_shift_exception_pattern_id_business_date")),
    )
    op.create_table(
        "shift_machine",
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("pattern_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_shift_machine_machine_id")),
        sa.ForeignKeyConstraint(
            ["pattern_id"], ["shift_pattern.id"], name=op.f("fk_shift_machine_pattern_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_shift_machine")),
    )
    op.create_index(op.f("ix_shift_machine_pattern_id"), "shift_machine", ["pattern_id"], unique=False)
    op.create_table(
        "shift_occurrence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("pattern_id", sa.Integer(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("crew", sa.Text(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("breaks", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_shift_occurrence_span")),
        sa.ForeignKeyConstraint(
            ["pattern_id"], ["shift_pattern.id"], name=op.f("fk_shift_occurrence_pattern_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift_occurrence")),
        sa.UniqueConstraint(
            "pattern_id", "business_date", "name", name=op.f("uq_shift_occurrence_pattern_id_business_date_name")
        ),
    )
    op.create_index(
        op.f("ix_shift_occurrence_pattern_id_starts_at"), "shift_occurrence", ["pattern_id", "starts_at"], unique=False
    )
    op.create_table(
        "state_model",
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("preset", sa.Text(), nullable=True),
        sa.Column("codes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("otherwise", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_state_model_machine_id")),
        sa.PrimaryKeyConstraint("machine_id", name=op.f("pk_state_model")),
    )
    op.create_table(
        "state_told",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("reason_id", sa.Integer(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("told_by", sa.Integer(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_state_told_span")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_state_told_machine_id")),
        sa.ForeignKeyConstraint(["reason_id"], ["reason_code.id"], name=op.f("fk_state_told_reason_id")),
        sa.ForeignKeyConstraint(["told_by"], ["app_user.id"], name=op.f("fk_state_told_told_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state_told")),
    )
    op.create_index(
        "ix_state_told_key",
        "state_told",
        ["machine_id", "key"],
        unique=True,
        postgresql_where=sa.text("key IS NOT NULL AND withdrawn_at IS NULL"),
    )
    op.create_index(op.f("ix_state_told_machine_id_from_at"), "state_told", ["machine_id", "from_at"], unique=False)
    op.create_table(
        "fact_shift",
        sa.Column("run_us", sa.BigInteger(), nullable=False),
        sa.Column("run_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("setup_us", sa.BigInteger(), nullable=False),
        sa.Column("setup_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("minor_us", sa.BigInteger(), nullable=False),
        sa.Column("minor_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_us", sa.BigInteger(), nullable=False),
        sa.Column("idle_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("breakdown_us", sa.BigInteger(), nullable=False),
        sa.Column("breakdown_unassigned_us", sa.BigInteger(), nullable=False),
        sa.Column("maintenance_us", sa.BigInteger(), nullable=False),
        sa.Column("planned_maintenance_us", sa.BigInteger(), nullable=False),
        sa.Column("planned_stop_us", sa.BigInteger(), nullable=False),
        sa.Column("shift_break_us", sa.BigInteger(), nullable=False),
        sa.Column("unknown_us", sa.BigInteger(), nullable=False),
        sa.Column("off_shift_us", sa.BigInteger(), nullable=False),
        sa.Column("overtime_us", sa.BigInteger(), nullable=False),
        sa.Column("good", sa.BigInteger(), nullable=False),
        sa.Column("scrap", sa.BigInteger(), nullable=False),
        sa.Column("rework", sa.BigInteger(), nullable=False),
        sa.Column("startup", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("ideal_good_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_scrap_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_rework_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_startup_us", sa.BigInteger(), nullable=False),
        sa.Column("ideal_made_us", sa.BigInteger(), nullable=False),
        sa.Column("without_ideal", sa.BigInteger(), nullable=False),
        sa.Column("overtime_pieces", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("repair_us", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("occurrence_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_fact_shift_machine_id")),
        sa.ForeignKeyConstraint(
            ["occurrence_id"], ["shift_occurrence.id"], name=op.f("fk_fact_shift_occurrence_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("machine_id", "occurrence_id", name=op.f("pk_fact_shift")),
    )
    op.create_index(op.f("ix_fact_shift_machine_id_starts_at"), "fact_shift", ["machine_id", "starts_at"], unique=False)
    op.create_index(op.f("ix_fact_shift_occurrence_id"), "fact_shift", ["occurrence_id"], unique=False)
    op.create_table(
        "machine_state",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason_id", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("told_id", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), server_default="1", nullable=False),
        sa.Column("replaces_id", sa.BigInteger(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_machine_state_span")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_machine_state_machine_id")),
        sa.ForeignKeyConstraint(["reason_id"], ["reason_code.id"], name=op.f("fk_machine_state_reason_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["machine_state.id"], name=op.f("fk_machine_state_replaces_id")),
        sa.ForeignKeyConstraint(["told_id"], ["state_told.id"], name=op.f("fk_machine_state_told_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_state")),
    )
    op.create_index(
        "ix_machine_state_current",
        "machine_state",
        ["machine_id", "from_at"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL"),
    )
    op.create_index(
        "ix_machine_state_open",
        "machine_state",
        ["machine_id"],
        unique=True,
        postgresql_where=sa.text("replaced_at IS NULL AND to_at IS NULL"),
    )
    op.create_index(op.f("ix_machine_state_replaces_id"), "machine_state", ["replaces_id"], unique=False)
    op.create_table(
        "piece_claim",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("claimed_by", sa.Integer(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("from_at < to_at", name=op.f("ck_piece_claim_span")),
        sa.ForeignKeyConstraint(["claimed_by"], ["app_user.id"], name=op.f("fk_piece_claim_claimed_by")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_piece_claim_machine_id")),
        sa.ForeignKeyConstraint(
            ["stage_id"], ["work_order_stage.id"], name=op.f("fk_piece_claim_stage_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece_claim")),
    )
    op.create_index(op.f("ix_piece_claim_machine_id_from_at"), "piece_claim", ["machine_id", "from_at"], unique=False)
    op.create_table(
        "piece_count",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("machine_id", sa.Uuid(), nullable=False),
        sa.Column("tag_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("quantity <> 0", name=op.f("ck_piece_count_quantity")),
        sa.ForeignKeyConstraint(["machine_id"], ["machine.id"], name=op.f("fk_piece_count_machine_id")),
        sa.ForeignKeyConstraint(
            ["stage_id"], ["work_order_stage.id"], name=op.f("fk_piece_count_stage_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_piece_count_tag_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_piece_count")),
    )
    op.create_index(op.f("ix_piece_count_machine_id_at"), "piece_count", ["machine_id", "at"], unique=False)
    op.create_index(
        op.f("ix_piece_count_stage_id"),
        "piece_count",
        ["stage_id"],
        unique=False,
        postgresql_where=sa.text("stage_id IS NOT NULL"),
    )
    mark_what_is_stored()


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def mark_what_is_stored() -> None:
    op.execute(
        "INSERT INTO mark (machine_id, from_at, to_at) "
        "SELECT machine_id, min(bucket), max(bucket) + interval '1 hour' FROM rollup_hour JOIN tag ON tag.id = tag_id "
        "WHERE machine_id IS NOT NULL AND reading_type IN "
        "('state', 'good_count', 'reject_count', 'part_count', 'shot_count') GROUP BY machine_id"
    )
