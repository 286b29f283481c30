"""Issues of stages, what was said of them, and their photos."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ENUMS = {
    "issuetype": ("machine_failure", "material_shortage", "quality", "tooling", "safety", "setup", "other"),
    "issueseverity": ("low", "medium", "high", "critical"),
    "issuestatus": ("open", "ack", "resolved"),
}


def upgrade() -> None:
    for name, values in ENUMS.items():
        op.execute(f"CREATE TYPE {name} AS ENUM {values}")
    create_issues()
    create_comments()
    create_attachments()


def downgrade() -> None:
    for table in ("issue_attachment", "issue_comment", "issue"):
        op.drop_table(table)
    for name in ENUMS:
        op.execute(f"DROP TYPE {name}")


def create_issues() -> None:
    op.create_table(
        "issue",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("work_order_stage_id", sa.Integer(), nullable=False),
        sa.Column("work_order_id", sa.Integer(), nullable=False),
        sa.Column("machine_id", sa.Uuid()),
        sa.Column("type", enum("issuetype"), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("severity", enum("issueseverity"), server_default="medium", nullable=False),
        sa.Column("status", enum("issuestatus"), server_default="open", nullable=False),
        sa.Column("resolution", sa.Text()),
        sa.Column("created_by", sa.Integer()),
        stamp("created_at"),
        sa.Column("acknowledged_by", sa.Integer()),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True)),
        sa.Column("resolved_by", sa.Integer()),
        sa.Column("resolved_at", sa.DateTime(timezone=True)),
        sa.Column("reopened_by", sa.Integer()),
        sa.Column("reopened_at", sa.DateTime(timezone=True)),
        stamp("updated_at"),
        sa.PrimaryKeyConstraint("id", name="pk_issue"),
        foreign_key("issue", "organization_id", "organization"),
        foreign_key("issue", "work_order_stage_id", "work_order_stage", ondelete="CASCADE"),
        foreign_key("issue", "work_order_id", "work_order", ondelete="CASCADE"),
        foreign_key("issue", "machine_id", "machine"),
        *(
            foreign_key("issue", f"{step}_by", "app_user")
            for step in ("created", "acknowledged", "resolved", "reopened")
        ),
    )
    for columns in (
        ("organization_id", "created_at", "id"),
        ("organization_id", "status", "created_at", "id"),
        ("work_order_stage_id",),
        ("machine_id", "created_at"),
        ("created_by", "created_at"),
    ):
        op.create_index(f"ix_issue_{'_'.join(columns)}", "issue", list(columns))


def create_comments() -> None:
    op.create_table(
        "issue_comment",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Integer()),
        stamp("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_issue_comment"),
        foreign_key("issue_comment", "issue_id", "issue", ondelete="CASCADE"),
        foreign_key("issue_comment", "created_by", "app_user"),
    )
    op.create_index("ix_issue_comment_issue_id_id", "issue_comment", ["issue_id", "id"])


def create_attachments() -> None:
    op.create_table(
        "issue_attachment",
        sa.Column("id", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("issue_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text()),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Integer()),
        stamp("created_at"),
        sa.PrimaryKeyConstraint("id", name="pk_issue_attachment"),
        sa.UniqueConstraint("key", name="uq_issue_attachment_key"),
        foreign_key("issue_attachment", "issue_id", "issue", ondelete="CASCADE"),
        foreign_key("issue_attachment", "created_by", "app_user"),
    )
    op.create_index("ix_issue_attachment_issue_id_id", "issue_attachment", ["issue_id", "id"])


def enum(name: str) -> postgresql.ENUM:
    return postgresql.ENUM(*ENUMS[name], name=name, create_type=False)


def stamp(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False)


def foreign_key(table: str, column: str, to: str, **more: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=f"fk_{table}_{column}", **more)
