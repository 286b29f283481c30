"""Export: readings as rows for people and programs, as CSV or as JSON lines; pure."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from shared.reading import Quality
from shared.wire.batch import Batch

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ("time", "received", "device", "tag", "machine", "unit", "value", "text", "quality", "flags", "status")


class Format(StrEnum):
    """How rows are written."""

    CSV = "csv"
    JSONL = "jsonl"


def head(form: Format) -> str:
    """Return what stands before the first row."""
    return _csv(COLUMNS) if form is Format.CSV else ""


def lines(batch: Batch, form: Format) -> Iterator[str]:
    """Yield a batch's readings, each as a line with its end.

    Times are RFC 3339 with microseconds, UTC. A reading without a number has an empty `value` (JSON: null); a text, or
    the exact digits of an integer beyond 2^53, stands in `text`.
    """
    for row in _rows(batch):
        if form is Format.CSV:
            yield _csv(["" if cell is None else cell for cell in row])
        else:
            yield json.dumps(dict(zip(COLUMNS, row, strict=True)), ensure_ascii=False, allow_nan=False) + "\n"


def _rows(batch: Batch) -> Iterator[tuple[object, ...]]:
    r = batch.readings
    columns = (r.tag, r.ts, r.received, r.value, r.quality, r.flags, r.status)
    for row, (tag, ts, received, value, quality, flags, status) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        told = batch.tags[tag]
        number = value if math.isfinite(value) else None
        name = Quality(quality).name.lower()
        yield (
            *(_time(ts), _time(received)),
            *(told.device, told.name, told.machine, told.unit),
            *(number, r.text.get(row), name, flags, status),
        )


def _csv(cells: Iterable[object]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _time(us: int) -> str:
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
