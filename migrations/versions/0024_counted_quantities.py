"""What counters counted of a stage, beside what people report of it."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

COLUMNS = {
    "good_counted": "good_count",
    "rejects_counted": "reject_count",
    "parts_counted": "part_count",
    "shots_counted": "shot_count",
}
# what people reported, without what they took back
_REPORTED = """
    UPDATE work_order_stage AS stage SET good_qty = told.good, scrap_qty = told.scrap, rework_qty = told.rework,
                                         startup_qty = told.startup
    FROM (SELECT it.id, coalesce(sum(quantity) FILTER (WHERE kind = 'good'), 0) AS good,
                 coalesce(sum(quantity) FILTER (WHERE kind = 'scrap'), 0) AS scrap,
                 coalesce(sum(quantity) FILTER (WHERE kind = 'rework'), 0) AS rework,
                 coalesce(sum(quantity) FILTER (WHERE kind = 'startup'), 0) AS startup
          FROM work_order_stage AS it LEFT JOIN production_event AS event ON event.stage_id = it.id GROUP BY it.id
    ) AS told
    WHERE told.id = stage.id AND (good_counted, rejects_counted, parts_counted, shots_counted) <> (0, 0, 0, 0)
"""
# as `cloud.workorders.rules.settled` has it
_SETTLED = """
    UPDATE work_order_stage SET
        good_qty = CASE WHEN good_counted = 0 AND parts_counted = 0 AND shots_counted = 0 THEN good_qty
            ELSE least(2147483647, greatest(0,
                CASE WHEN good_counted <> 0 THEN good_counted
                     WHEN parts_counted <> 0 THEN parts_counted - rejects_counted
                     ELSE shots_counted - rejects_counted END
                - rework_qty - CASE WHEN rejects_counted <> 0 THEN 0 ELSE scrap_qty + startup_qty END)) END,
        scrap_qty = CASE WHEN rejects_counted = 0 THEN scrap_qty
            ELSE least(2147483647, greatest(0, rejects_counted)) END,
        startup_qty = CASE WHEN rejects_counted = 0 THEN startup_qty ELSE 0 END
    WHERE (good_counted, rejects_counted, parts_counted, shots_counted) <> (0, 0, 0, 0)
"""


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("work_order_stage", sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
    for name, reading_type in COLUMNS.items():
        op.execute(
            f"UPDATE work_order_stage AS stage SET {name} = told.pieces FROM ("  # noqa: S608 - names of ours
            "SELECT stage_id, sum(quantity) AS pieces FROM piece_count JOIN tag ON tag.id = tag_id "
            f"WHERE stage_id IS NOT NULL AND reading_type = '{reading_type}' GROUP BY 1"
            ") AS told WHERE told.stage_id = stage.id"
        )
    op.execute(_SETTLED)


def downgrade() -> None:
    op.execute(_REPORTED)
    for name in COLUMNS:
        op.drop_column("work_order_stage", name)
