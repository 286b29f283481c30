"""Work orders as the floor works them: status kept beside the order, holds, assignments, production, routes, search."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SEQUENCES = ("free", "flow", "strict")
KINDS = ("good", "scrap", "rework", "startup")
STATUS = postgresql.ENUM("planned", "in_progress", "done", name="stagestatus", create_type=False)
SEQUENCE = postgresql.ENUM(*SEQUENCES, name="stagesequencing", create_type=False)
KIND = postgresql.ENUM(*KINDS, name="productionkind", create_type=False)
ORDER_INDEXES = ("status, planned_start, id", "planned_end, id", "created_at, id", "priority, id")
ORDER_INDEXES += ("product_code, id", "lot_no, id", "job_number")

# To a searcher the four letters i, ı, İ and I are one, and so are c and ç; U+0307 is what other programs leave of İ.
FOLD = """
CREATE FUNCTION search_fold(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(translate(words, 'İIıÇçĞğÖöŞşÜüÂâÎîÛû' || U&'\\0307', 'iiiccggoossuuaaiiuu'))
"""
SUFFIXES = """
CREATE FUNCTION search_suffixes(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
  SELECT coalesce(array_to_tsvector(array_agg(DISTINCT substr(word, place))), ''::tsvector)
  FROM regexp_split_to_table(search_fold(words), '\\s+') AS word, generate_series(1, length(word)) AS place
)
"""
SEARCHED = "product_code || ' ' || lot_no || ' ' || coalesce(job_number, '') || ' ' || coalesce(part_number, '')"


def upgrade() -> None:
    op.execute(f"CREATE TYPE stagesequencing AS ENUM {SEQUENCES}")
    op.execute(f"CREATE TYPE productionkind AS ENUM {KINDS}")
    op.execute(FOLD)
    op.execute(SUFFIXES)
    alter_orders()
    alter_stages()
    create_assignments()
    create_production()
    create_routes()


def downgrade() -> None:
    for table in ("product_route", "production_event", "stage_assignment"):
        op.drop_table(table)
    columns = ("updated_at", "startup_qty", "rework_qty", "scrap_qty", "good_qty", "machine_id", "on_hold")
    for column in columns:
        op.drop_column("work_order_stage", column)
    for column in ("search", "updated_at", "over_report_percent", "sequencing", "status"):
        op.drop_column("work_order", column)
    # those that hold none of the columns that are gone
    for columns in (
        "planned_end, id",
        "created_at, id",
        "priority, id",
        "product_code, id",
        "lot_no, id",
        "job_number",
    ):
        op.drop_index(index_name(columns), "work_order")
    op.drop_index("ix_work_order_organization_id_due_id", "work_order")
    op.execute("DROP FUNCTION search_suffixes")
    op.execute("DROP FUNCTION search_fold")
    op.execute("DROP TYPE productionkind")
    op.execute("DROP TYPE stagesequencing")


def index_name(columns: str) -> str:
    return f"ix_work_order_organization_id_{columns.replace(', ', '_')}"


def alter_orders() -> None:
    op.add_column("work_order", sa.Column("status", STATUS, server_default="planned", nullable=False))
    op.add_column("work_order", sa.Column("sequencing", SEQUENCE, server_default="free", nullable=False))
    op.add_column("work_order", sa.Column("over_report_percent", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("work_order", stamp("updated_at"))
    searched = sa.Computed(f"search_suffixes({SEARCHED})", persisted=True)
    op.add_column("work_order", sa.Column("search", postgresql.TSVECTOR(), searched))
    op.create_check_constraint(op.f("ck_work_order_over_report_percent"), "work_order", "over_report_percent >= 0")
    op.execute(
        "UPDATE work_order SET status = CASE WHEN said.is_done THEN 'done' ELSE 'in_progress' END::stagestatus "
        "FROM (SELECT work_order_id, bool_and(status = 'done') AS is_done FROM work_order_stage GROUP BY 1 "
        "HAVING bool_or(status <> 'planned')) AS said WHERE said.work_order_id = work_order.id"
    )
    for columns in ORDER_INDEXES:
        op.create_index(index_name(columns), "work_order", ["organization_id", *columns.split(", ")])
    due = sa.text("coalesce(due_date, '2100-01-01 00:00:00+00'::timestamptz)")
    op.create_index("ix_work_order_organization_id_due_id", "work_order", ["organization_id", due, "id"])
    op.create_index("ix_work_order_search", "work_order", ["search"], postgresql_using="gin")


def alter_stages() -> None:
    op.add_column("work_order_stage", sa.Column("on_hold", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("work_order_stage", sa.Column("machine_id", sa.Uuid()))
    for kind in KINDS:
        op.add_column("work_order_stage", sa.Column(f"{kind}_qty", sa.Integer(), server_default="0", nullable=False))
    op.add_column("work_order_stage", stamp("updated_at"))
    op.create_foreign_key("fk_work_order_stage_machine_id", "work_order_stage", "machine", ["machine_id"], ["id"])
    op.create_check_constraint(
        op.f("ck_work_order_stage_quantities"),
        "work_order_stage",
        "least(good_qty, scrap_qty, rework_qty, startup_qty) >= 0",
    )
    op.create_index(
        "ix_work_order_stage_machine_id",
        "work_order_stage",
        ["machine_id"],
        postgresql_where=sa.text("machine_id IS NOT NULL"),
    )


def create_assignments() -> None:
    op.create_table(
        "stage_assignment",
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("work_order_id", sa.Integer(), nullable=False),
        sa.Column("assigned_by", sa.Integer()),
        stamp("assigned_at"),
        sa.PrimaryKeyConstraint("stage_id", "user_id", name="pk_stage_assignment"),
        foreign_key("stage_assignment", "stage_id", "work_order_stage", ondelete="CASCADE"),
        foreign_key("stage_assignment", "user_id", "app_user"),
        foreign_key("stage_assignment", "work_order_id", "work_order", ondelete="CASCADE"),
        foreign_key("stage_assignment", "assigned_by", "app_user"),
    )
    op.create_index("ix_stage_assignment_user_id_work_order_id", "stage_assignment", ["user_id", "work_order_id"])


def create_production() -> None:
    op.create_table(
        "production_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("stage_id", sa.Integer(), nullable=False),
        sa.Column("kind", KIND, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("reverses_id", sa.BigInteger()),
        sa.Column("note", sa.Text()),
        sa.Column("reported_by", sa.Integer()),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        stamp("recorded_at"),
        sa.PrimaryKeyConstraint("id", name="pk_production_event"),
        foreign_key("production_event", "stage_id", "work_order_stage", ondelete="CASCADE"),
        foreign_key("production_event", "reverses_id", "production_event"),
        foreign_key("production_event", "reported_by", "app_user"),
        sa.UniqueConstraint("reverses_id", name="uq_production_event_reverses_id"),
        sa.CheckConstraint(
            "(reverses_id IS NULL) = (quantity > 0) AND quantity <> 0", name=op.f("ck_production_event_quantity")
        ),
    )
    op.create_index("ix_production_event_stage_id_id", "production_event", ["stage_id", "id"])


def create_routes() -> None:
    op.create_table(
        "product_route",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("product_code", sa.Text()),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("sequencing", SEQUENCE, server_default="free", nullable=False),
        sa.Column("over_report_percent", sa.SmallInteger(), server_default="0", nullable=False),
        stamp("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_product_route"),
        foreign_key("product_route", "organization_id", "organization"),
        sa.UniqueConstraint(
            "organization_id",
            "product_code",
            name="uq_product_route_organization_id_product_code",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("over_report_percent >= 0", name=op.f("ck_product_route_over_report_percent")),
    )


def stamp(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def foreign_key(table: str, column: str, to: str, **more: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}", **more)
