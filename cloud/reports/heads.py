"""Owns the heads of a report's columns, in Turkish and in English."""

from collections.abc import Mapping

from cloud.kpi.joblog import BY_NAME
from cloud.languages import Message
from cloud.reports.schemas import Dimension, Metric
from cloud.reports.sheet import Column, Kind

DIMENSIONS: Mapping[Dimension, Message] = {
    Dimension.MACHINE: Message("Machine", "Makine"),
    Dimension.LINE: Message("Line", "Hat"),
    Dimension.PART: Message("Part", "Parça"),
    Dimension.OPERATOR: Message("Operator", "Operatör"),
    Dimension.JOB: Message("Job", "İş"),
    Dimension.SHIFT: Message("Shift", "Vardiya"),
    Dimension.DAY: Message("Day", "Gün"),
    Dimension.WEEK: Message("Week from", "Hafta başı"),
    Dimension.MONTH: Message("Month from", "Ay başı"),
}
_METRICS: Mapping[Metric, Message] = {
    Metric.AVAILABILITY: Message("Availability", "Kullanılabilirlik"),
    Metric.PERFORMANCE: Message("Performance", "Performans"),
    Metric.EFFECTIVENESS: Message("Effectiveness (raw)", "Etkinlik (ham)"),
    Metric.QUALITY: Message("Quality", "Kalite"),
    Metric.OEE: Message("OEE", "OEE"),
    Metric.UTILIZATION_EFFICIENCY: Message("Utilization efficiency", "Kullanım verimi"),
    Metric.TECHNICAL_EFFICIENCY: Message("Technical efficiency", "Teknik verim"),
    Metric.SETUP_RATIO: Message("Setup ratio", "Hazırlık oranı"),
    Metric.COVERAGE: Message("Coverage", "Kapsama"),
    Metric.PARTS_PRODUCED: Message("Parts produced", "Üretilen parça"),
    Metric.MEAN_CYCLE_S: Message("Mean cycle (s)", "Ortalama çevrim (sn)"),
    Metric.POT_S: Message("Planned operation time (s)", "Planlı çalışma süresi (sn)"),
    Metric.PBT_S: Message("Planned busy time (s)", "Planlı meşgul süre (sn)"),
    Metric.APT_S: Message("Production time (s)", "Üretim süresi (sn)"),
    Metric.AUST_S: Message("Setup time (s)", "Hazırlık süresi (sn)"),
    Metric.ADET_S: Message("Delay time (s)", "Gecikme süresi (sn)"),
    Metric.ADOT_S: Message("Down time (s)", "Duruş süresi (sn)"),
    Metric.PDOT_S: Message("Planned down time (s)", "Planlı duruş süresi (sn)"),
    Metric.GOOD_PIECES: Message("Good pieces", "Sağlam parça"),
    Metric.SCRAP_PIECES: Message("Scrap", "Hurda parça"),
    Metric.REWORK_PIECES: Message("Rework", "Yeniden işlenecek parça"),
    Metric.STARTUP_PIECES: Message("Start-up rejects", "Başlangıç firesi"),
    Metric.SCRAP_RATIO: Message("Scrap ratio", "Hurda oranı"),
    Metric.NEE: Message("NEE", "NEE"),
    Metric.TEEP: Message("TEEP", "TEEP"),
    Metric.OEE_KNOWN: Message("OEE of known time", "Bilinen sürenin OEE'si"),
    Metric.FAILURES: Message("Failures", "Arıza sayısı"),
    Metric.MTBF_H: Message("MTBF (h)", "MTBF (sa)"),
    Metric.MTTR_H: Message("MTTR (h)", "MTTR (sa)"),
    Metric.UNKNOWN_S: Message("Unaccounted time (s)", "Hesaba katılmayan süre (sn)"),
}
_RATIOS = frozenset(
    {
        Metric.AVAILABILITY,
        Metric.PERFORMANCE,
        Metric.EFFECTIVENESS,
        Metric.QUALITY,
        Metric.OEE,
        Metric.UTILIZATION_EFFICIENCY,
        Metric.TECHNICAL_EFFICIENCY,
        Metric.SETUP_RATIO,
        Metric.COVERAGE,
        Metric.SCRAP_RATIO,
        Metric.NEE,
        Metric.TEEP,
        Metric.OEE_KNOWN,
    }
)
_COUNTS = frozenset(
    {
        Metric.PARTS_PRODUCED,
        Metric.GOOD_PIECES,
        Metric.SCRAP_PIECES,
        Metric.REWORK_PIECES,
        Metric.STARTUP_PIECES,
        Metric.FAILURES,
    }
)
LOSSES: Mapping[str, Message] = {
    "minor_stop": Message("Minor stops", "Küçük duruşlar"),
    "idling": Message("Waiting", "Bekleme"),
    "breakdown": Message("Breakdowns", "Arıza duruşları"),
    "maintenance": Message("Maintenance", "Bakım"),
    "setup": Message("Setup", "Hazırlık"),
}
"""The categories of downtime that the ledger tells."""


def of_dimension(dimension: Dimension) -> Column:
    """Return the column of a group."""
    is_day = dimension in {Dimension.DAY, Dimension.WEEK, Dimension.MONTH}
    return Column(dimension.value, DIMENSIONS[dimension], Kind.DAY if is_day else Kind.TEXT)


def of_metric(metric: Metric) -> Column:
    """Return the column of a figure."""
    head = _METRICS.get(metric)
    if head is None:
        column = BY_NAME[metric.value.removesuffix("_s")]
        head = Message(f"{column.label_en} (s)", f"{column.label_tr} (sn)")
    if metric in _RATIOS:
        return Column(metric.value, head, Kind.RATIO)
    return Column(metric.value, head, Kind.COUNT if metric in _COUNTS else Kind.SECONDS)
