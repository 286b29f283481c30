"""What the daemon says of itself at one instant, as the health page's JSON; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.acquisition.status import StationState, StationStatus
from edge.config.options import GatewayOptions
from edge.ports import FIRST, Backlog, BufferStats
from edge.sync.link import LinkState
from edge.sync.shipper import ShipperStatus

# beyond this share the buffer is a problem before it is full
_NEARLY_FULL = 0.9


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that health page and metrics are made of. Times: microseconds since 1970 UTC.

    `notes` are further problems, each a sentence; `assigned` is the version of the cloud's configuration that runs.
    `sync` is of the first destination, `syncs` of each by name.
    """

    now_us: int
    started_us: int
    uptime_s: float
    version: str
    pid: int
    gateway: GatewayOptions
    is_stopping: bool
    stations: list[StationStatus]
    buffer: BufferStats
    sync: ShipperStatus
    notes: Sequence[str] = ()
    assigned: int | None = None
    clock_steps: int = 0
    syncs: Mapping[str, ShipperStatus] = field(default_factory=dict)

    @property
    def destinations(self) -> dict[str, tuple[ShipperStatus, Backlog]]:
        """Each destination with what it is owed."""
        return {name: (sync, self.buffer.backlogs.get(name, Backlog())) for name, sync in self.syncs.items()}


def health(snapshot: Snapshot) -> dict[str, Any]:
    """Return the health page's document; `status` is ok, degraded (see `problems`) or stopping."""
    found = problems(snapshot)
    status = "stopping" if snapshot.is_stopping else "degraded" if found else "ok"
    return {
        "status": status,
        "problems": found,
        "version": snapshot.version,
        "gateway": snapshot.gateway.id,
        "site": snapshot.gateway.site,
        "timezone": snapshot.gateway.timezone,
        "configuration": snapshot.assigned,
        "pid": snapshot.pid,
        "started": instant(snapshot.started_us),
        "uptime_s": round(snapshot.uptime_s, 1),
        "connections": [_connection(station, snapshot.now_us) for station in snapshot.stations],
        "buffer": _buffer(snapshot.buffer, snapshot.now_us),
        "sync": _sync(snapshot.sync),
        "destinations": [_destination(name, *told, snapshot.now_us) for name, told in snapshot.destinations.items()],
        "counters": counters(snapshot),
    }


def problems(snapshot: Snapshot) -> list[str]:
    """Return what somebody should look at, one sentence each; nothing if all is well."""
    buffer, sync = snapshot.buffer, snapshot.sync
    found = []
    for station in snapshot.stations:
        if station.state is not StationState.UP:
            found.append(f"connection {station.name} is {station.state}{_because(station.last_error)}")
        found.extend(
            f"device {device.name}: {device.bad} of {device.tags} tags are bad{_status(device.last_bad_status)}"
            for device in station.devices
            if device.bad and station.state is StationState.UP
        )
    if buffer.failure is not None:
        found.append(f"the buffer cannot write: {buffer.failure}")
    if buffer.max_bytes and buffer.bytes > _NEARLY_FULL * buffer.max_bytes:
        found.append(f"the buffer is {buffer.bytes / buffer.max_bytes:.0%} full")
    if buffer.quarantined:
        found.append(f"{buffer.quarantined} batches are in quarantine")
    if sync.state is not LinkState.UP:
        found.append(f"the cloud is {sync.state}{_because(sync.last_error)}")
    found.extend(
        f"destination {name} is {other.state}{_because(other.last_error)}"
        for name, other in snapshot.syncs.items()
        if name != FIRST and other.state is not LinkState.UP
    )
    return [*found, *snapshot.notes]


def counters(snapshot: Snapshot) -> dict[str, int]:
    """Return how many readings came how far since the start; `kept` has the bad ones that a loss leaves, too."""
    return {
        "read": sum(station.readings for station in snapshot.stations),
        "kept": sum(station.counts.kept for station in snapshot.stations),
        "appended": snapshot.buffer.appended,
        "committed": snapshot.buffer.committed,
        "settled": snapshot.buffer.settled,
    }


def instant(us: int | None) -> str | None:
    """Write microseconds since 1970 as RFC 3339 with Z."""
    return None if us is None else datetime.fromtimestamp(us / 1e6, UTC).isoformat().replace("+00:00", "Z")


def _because(error: str | None) -> str:
    return f": {error}" if error else ""


def _status(code: int | None) -> str:
    return f", status {code:#x}" if code else ""


def _age_s(us: int | None, now_us: int) -> float | None:
    return None if us is None else round(max(0, now_us - us) / 1e6, 3)


def _connection(station: StationStatus, now_us: int) -> dict[str, Any]:
    return {
        "name": station.name,
        "protocol": station.protocol,
        "state": station.state,
        "since": instant(station.since_us),
        "readings": station.readings,
        "losses": station.losses,
        "last_error": station.last_error,
        "kept": station.counts.kept,
        "not_finite": station.counts.not_finite,
        "out_of_range": station.counts.out_of_range,
        "time_replaced": station.counts.time_replaced,
        "unmapped": station.counts.unmapped,
        "counter_reset": station.counts.counter_reset,
        "events": dict(station.figures.events) if station.figures else {},
        "devices": [
            {
                "name": device.name,
                "last_received": instant(device.last_received_us),
                "age_s": _age_s(device.last_received_us, now_us),
                "tags": device.tags,
                "good": device.good,
                "uncertain": device.uncertain,
                "bad": device.bad,
                "last_bad_status": device.last_bad_status,
                "clock_skew_s": None if device.clock_skew_us is None else round(device.clock_skew_us / 1e6, 3),
            }
            for device in station.devices
        ],
    }


def _buffer(stats: BufferStats, now_us: int) -> dict[str, Any]:
    document = asdict(stats)
    oldest_us, last_commit_us = document.pop("oldest_us"), document.pop("last_commit_us")
    del document["backlogs"]
    return {
        **document,
        "retention_h": _hours(stats.retention_s),
        "left_h": _hours(stats.left_s),
        "oldest": instant(oldest_us),
        "oldest_age_s": _age_s(oldest_us, now_us),
        "last_commit": instant(last_commit_us),
    }


def _hours(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds / 3600, 2)


def _destination(name: str, sync: ShipperStatus, backlog: Backlog, now_us: int) -> dict[str, Any]:
    return {
        "name": name,
        "waiting": backlog.rows,
        "batches": backlog.batches,
        "oldest": instant(backlog.oldest_us),
        "oldest_age_s": _age_s(backlog.oldest_us, now_us),
        **_sync(sync),
    }


def _sync(status: ShipperStatus) -> dict[str, Any]:
    document = asdict(status)
    since_us, last_receipt_us = document.pop("since_us"), document.pop("last_receipt_us")
    return {**document, "since": instant(since_us), "last_receipt": instant(last_receipt_us)}
