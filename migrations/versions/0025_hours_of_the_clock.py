"""Hours begin with the plant's clock: where that is no full hour of UTC, facts are computed anew."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# of a plant whose clock was ever, or will be, some minutes off the hours of UTC
_ODD = """
    machine_id IN (
        SELECT machine.id FROM machine JOIN organization ON organization.id = machine.organization_id
        WHERE EXISTS (SELECT FROM generate_series(0, 11) AS month WHERE
            extract(minute FROM (timestamptz '2026-01-15T00:00Z' + make_interval(months => month))
                                AT TIME ZONE time_zone) <> 0)
    )
"""
_AGAIN = f"""
    INSERT INTO mark (machine_id, from_at, to_at, figures_only)
    SELECT machine_id, since_at, until_at, true FROM derived WHERE {_ODD}
"""  # noqa: S608 - of ours


def upgrade() -> None:
    op.execute(f"DELETE FROM fact_hour WHERE {_ODD}")  # noqa: S608 - of ours
    op.execute(_AGAIN)


def downgrade() -> None:
    upgrade()
