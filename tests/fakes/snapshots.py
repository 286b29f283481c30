"""A gateway's condition, made up: all is well unless said otherwise."""

from dataclasses import replace
from typing import Any

from edge.acquisition.shape import Counts
from edge.acquisition.status import StationState, StationStatus
from edge.acquisition.watch import DeviceCondition
from edge.config.options import GatewayOptions
from edge.ports import BufferStats
from edge.report import Snapshot
from edge.sync.link import LinkState
from edge.sync.shipper import ShipperStatus

NOW_US = 1_800_000_000_000_000


def station(name: str = "line-a", **changes: Any) -> StationStatus:
    """A connection that is up, with one device of four tags of which one never came."""
    device = DeviceCondition("press-1", NOW_US - 2_500_000, tags=4, good=2, uncertain=1, bad=0)
    counts = Counts(taken=100, kept=40, not_finite=1, out_of_range=2, time_replaced=3, unmapped=4, counter_reset=5)
    status = StationStatus(name, "modbus", StationState.UP, NOW_US - 60_000_000, 100, 1, None, counts, [device])
    return replace(status, **changes)


def snapshot(**changes: Any) -> Snapshot:
    """A gateway with one connection, some readings in its buffer, and a cloud that answers."""
    buffer = BufferStats(
        appended=40,
        committed=39,
        settled=30,
        batches=1,
        rows=9,
        bytes=1000,
        max_bytes=10_000,
        oldest_us=NOW_US - 1_000_000,
        commits=7,
        last_commit_us=NOW_US - 20_000,
        epoch="e",
    )
    sync = ShipperStatus(
        LinkState.UP, NOW_US - 50_000_000, sent=5, settled=3, rows=30, last_receipt_us=NOW_US - 500_000
    )
    whole = Snapshot(
        now_us=NOW_US,
        started_us=NOW_US - 61_000_000,
        uptime_s=61.04,
        version="1.2.3",
        pid=42,
        gateway=GatewayOptions(id="hall-2", site="Izmir", timezone="Europe/Istanbul"),
        is_stopping=False,
        stations=[station()],
        buffer=buffer,
        sync=sync,
    )
    return replace(whole, **changes)
