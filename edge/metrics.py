"""The daemon's figures in Prometheus' text format, read off one snapshot a scrape.

Labels are connections, devices and destinations, never tags: a gateway has some dozens of the former and thousands of
the latter.
"""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from edge.acquisition.status import StationState, StationStatus
from edge.ports import Backlog, BufferStats
from edge.report import Snapshot
from edge.sync.link import LinkState
from edge.sync.shipper import ShipperStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(take: Callable[[], Snapshot]) -> Callable[[], bytes]:
    """Return a page that takes a snapshot at each scrape; figures of the process itself are on it too."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_EdgeCollector(take))
    return lambda: generate_latest(registry)


class _EdgeCollector(Collector):
    def __init__(self, take: Callable[[], Snapshot]) -> None:
        self._take = take

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        snapshot = self._take()
        identity = InfoMetricFamily("tezgah_edge", "The gateway and its version.")
        identity.add_metric([], {"version": snapshot.version, "gateway": snapshot.gateway.id})
        yield identity
        yield _gauge("start_time_seconds", "When the daemon started.", snapshot.started_us / 1e6)
        yield _counter("clock_steps", "How often this machine's clock was set since then.", snapshot.clock_steps)
        yield from _connections(snapshot.stations)
        yield from _devices(snapshot.stations)
        yield from _drivers(snapshot.stations)
        yield from _buffer(snapshot.buffer)
        yield from _sync(snapshot.sync)
        yield from _destinations(snapshot.destinations)


def _gauge(name: str, words: str, value: float | None) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"tezgah_edge_{name}", words)
    if value is not None:
        family.add_metric([], value)
    return family


def _counter(name: str, words: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"tezgah_edge_{name}", words, value=value)


def _seconds(us: int | None) -> float | None:
    return None if us is None else us / 1e6


def _connections(stations: list[StationStatus]) -> Iterator[Metric]:
    up = GaugeMetricFamily("tezgah_edge_connection_up", "1 while the session is up.", labels=["connection", "protocol"])
    losses = CounterMetricFamily(
        "tezgah_edge_connection_losses", "How often the session was lost.", labels=["connection"]
    )
    taken = CounterMetricFamily("tezgah_edge_readings_taken", "Readings taken from the driver.", labels=["connection"])
    kept = CounterMetricFamily("tezgah_edge_readings_kept", "Readings that said something new.", labels=["connection"])
    odd = CounterMetricFamily("tezgah_edge_readings_odd", "Readings with something odd.", labels=["connection", "kind"])
    for station in stations:
        counts = station.counts
        up.add_metric([station.name, station.protocol], float(station.state is StationState.UP))
        losses.add_metric([station.name], station.losses)
        taken.add_metric([station.name], station.readings)
        kept.add_metric([station.name], counts.kept)
        for kind in ("not_finite", "out_of_range", "time_replaced", "unmapped", "counter_reset"):
            odd.add_metric([station.name, kind], getattr(counts, kind))
    yield from (up, losses, taken, kept, odd)


def _devices(stations: list[StationStatus]) -> Iterator[Metric]:
    labels = ["connection", "device"]
    last = GaugeMetricFamily(
        "tezgah_edge_device_last_received_timestamp_seconds", "When the device's last reading came.", labels=labels
    )
    tags = GaugeMetricFamily(
        "tezgah_edge_device_tags", "Tags by the quality of their last reading.", labels=[*labels, "quality"]
    )
    skew = GaugeMetricFamily(
        "tezgah_edge_device_clock_skew_seconds", "How far the device's clock is ahead of the gateway's.", labels=labels
    )
    for station in stations:
        for device in station.devices:
            where = [station.name, device.name]
            if device.clock_skew_us is not None:
                skew.add_metric(where, device.clock_skew_us / 1e6)
            if device.last_received_us is not None:
                last.add_metric(where, device.last_received_us / 1e6)
            silent = device.tags - device.good - device.uncertain - device.bad
            for quality, count in (
                ("good", device.good),
                ("uncertain", device.uncertain),
                ("bad", device.bad),
                ("silent", silent),
            ):
                tags.add_metric([*where, quality], count)
    yield from (last, tags, skew)


def _drivers(stations: list[StationStatus]) -> Iterator[Metric]:
    events = CounterMetricFamily(
        "tezgah_edge_driver_events", "What the driver counted, by its words.", labels=["connection", "event"]
    )
    busy = CounterMetricFamily("tezgah_edge_line_busy_seconds", "How long the line was taken.", labels=["connection"])
    labels = ["connection", "device"]
    planned = GaugeMetricFamily("tezgah_edge_poll_planned_period_seconds", "The period asked for.", labels=labels)
    actual = GaugeMetricFamily("tezgah_edge_poll_actual_period_seconds", "The period that it gets.", labels=labels)
    for station in stations:
        figures = station.figures
        if figures is None:
            continue
        for event, count in figures.events.items():
            events.add_metric([station.name, event], count)
        if figures.busy_s:
            busy.add_metric([station.name], figures.busy_s)
        for pace in figures.paces:
            planned.add_metric([station.name, pace.device], pace.planned_s)
            actual.add_metric([station.name, pace.device], pace.actual_s)
    yield from (events, busy, planned, actual)


def _buffer(stats: BufferStats) -> Iterator[Metric]:
    yield _counter("buffer_appended", "Readings that the buffer took.", stats.appended)
    yield _counter("buffer_committed", "Readings that it brought to disk.", stats.committed)
    yield _counter("buffer_settled", "Readings that the cloud has.", stats.settled)
    yield _counter("buffer_commits", "Transactions on disk.", stats.commits)
    yield _gauge("buffer_readings", "Readings that wait for the cloud.", stats.rows)
    yield _gauge("buffer_batches", "Sealed batches that wait for the cloud.", stats.batches)
    yield _gauge("buffer_bytes", "Bytes in use.", stats.bytes)
    yield _gauge("buffer_max_bytes", "Bytes that may be used.", stats.max_bytes)
    for name, words, seconds in (
        ("buffer_retention_seconds", "How long an outage it holds at the present rate.", stats.retention_s),
        ("buffer_left_seconds", "Until it is full if the cloud takes nothing from now on.", stats.left_s),
    ):
        if seconds is not None:
            yield _gauge(name, words, seconds)
    yield _gauge("buffer_quarantined_batches", "Batches set aside.", stats.quarantined)
    oldest_s = _seconds(stats.oldest_us)
    yield _gauge("buffer_oldest_timestamp_seconds", "When the oldest waiting reading was taken.", oldest_s)
    yield _gauge("buffer_failing", "1 while the disk refuses.", float(stats.failure is not None))


def _sync(status: ShipperStatus) -> Iterator[Metric]:
    yield _gauge("sync_up", "1 while the cloud answers.", float(status.state is LinkState.UP))
    yield _gauge("sync_in_flight", "Requests under way.", status.in_flight)
    yield _counter("sync_requests", "Requests made.", status.sent)
    yield _counter("sync_retries", "Requests that failed.", status.retries)
    yield _counter("sync_batches", "Batches that the cloud has.", status.settled)
    yield _counter("sync_duplicates", "Of these, batches that it had before.", status.duplicates)
    yield _counter("sync_refused", "Batches that the cloud refused; divided since, or set aside.", status.refused)
    yield _counter("sync_readings", "Readings in batches that the cloud has.", status.rows)
    receipt_s = _seconds(status.last_receipt_us)
    yield _gauge("sync_last_receipt_timestamp_seconds", "When the last receipt came.", receipt_s)


def _destinations(of: dict[str, tuple[ShipperStatus, Backlog]]) -> Iterator[Metric]:
    labels = ["destination"]
    up = GaugeMetricFamily("tezgah_edge_destination_up", "1 while it answers.", labels=labels)
    waiting = GaugeMetricFamily("tezgah_edge_destination_readings", "Readings that wait for it.", labels=labels)
    oldest = GaugeMetricFamily(
        "tezgah_edge_destination_oldest_timestamp_seconds", "When the oldest of them was taken.", labels=labels
    )
    brought = CounterMetricFamily("tezgah_edge_destination_readings_brought", "Readings that it has.", labels=labels)
    retries = CounterMetricFamily("tezgah_edge_destination_retries", "Requests that failed.", labels=labels)
    refused = CounterMetricFamily("tezgah_edge_destination_refused", "Batches that it refused.", labels=labels)
    for name, (sync, backlog) in of.items():
        up.add_metric([name], float(sync.state is LinkState.UP))
        waiting.add_metric([name], backlog.rows)
        if backlog.oldest_us is not None:
            oldest.add_metric([name], backlog.oldest_us / 1e6)
        brought.add_metric([name], sync.rows)
        retries.add_metric([name], sync.retries)
        refused.add_metric([name], sync.refused)
    yield from (up, waiting, oldest, brought, retries, refused)
