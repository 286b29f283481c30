"""What a policy decided when a suggestion was made by it; of those that are here it is as it is decided now."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_KEEP = """
    UPDATE oee_suggestion AS suggestion SET policy_settings = oee_policy.settings FROM oee_policy
    WHERE oee_policy.organization_id = suggestion.organization_id AND oee_policy.name = suggestion.policy
"""


def upgrade() -> None:
    op.add_column("oee_suggestion", sa.Column("policy_settings", postgresql.JSONB()))
    op.execute(_KEEP)


def downgrade() -> None:
    op.drop_column("oee_suggestion", "policy_settings")
