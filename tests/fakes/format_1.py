"""A buffer file of format 1, as gateways left it that knew no lanes: batches, a tail, tags, a state, a quarantine."""

import json
import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from uuid import UUID

from edge.buffer import block, record
from edge.buffer.file import APPLICATION_ID
from shared.reading import Gap, GapCause
from shared.wire import batch as wire
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import GATEWAY

EPOCH = UUID(int=0xF1)
NOW_US = 1_800_000_000_000_000
GAP = Gap(GapCause.OVERFLOW, 5, 9)


def make(path: Path) -> None:
    """Make one: batches 3 and 4 of ten readings each (0 to 19), five readings and a gap in the tail (20 to 24)."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("PRAGMA journal_mode=WAL")
        schema = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
        db.executescript(f"BEGIN; {schema} PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version=1; COMMIT;")
        for tag_id, tag in enumerate(TAGS):
            db.execute("INSERT INTO tag VALUES (?, ?, ?)", (tag_id, *record.to_row(tag)))
        for seq in (3, 4):
            body = wire.encode(
                wire.BatchId(GATEWAY, EPOCH, seq), NOW_US, TAGS, numbered(10 * (seq - 3), 10, NOW_US, seq - 3)
            )
            row = (seq, EPOCH.bytes, 10, NOW_US, NOW_US, NOW_US + 9, body)
            db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        row = (NOW_US, NOW_US, block.pack(numbered(20, 5, NOW_US), [GAP]))
        db.execute("INSERT INTO tail (oldest_us, committed_us, body) VALUES (?, ?, ?)", row)
        db.execute("INSERT INTO quarantine VALUES (1, 'batch', 'refused', ?, ?, ?, x'00')", (NOW_US,) * 3)
        state = {
            "gateway": GATEWAY,
            "epoch": str(EPOCH),
            "next_seq": 5,
            "batches": 2,
            "rows": 20,
            "quarantined": 1,
            "alive_us": NOW_US,
            "is_stopped": False,
        }
        told = json.dumps(state).encode()
        db.execute("INSERT INTO state VALUES (1, ?, ?)", (told, zlib.crc32(told)))
