"""Owns the sentences of dashboards, trends and reports."""

from cloud.languages import Message

WINDOW_BACKWARDS = Message("`to` is not after `from`.", "`to`, `from` değerinden sonra değil.", code="WINDOW_BACKWARDS")
WINDOW_LONG = Message(
    "From `from` to `to` are more than {days} days; ask for less, or for a report.",
    "`from` ile `to` arası {days} günden uzun; daha kısa bir aralık ya da rapor isteyin.",
    code="WINDOW_TOO_LONG",
)
GROUPS_TWICE = Message(
    "group_by names each thing once, and at most one of day, week and month",
    "group_by her öğeyi bir kez, day, week ve month öğelerinden en çok birini içerebilir",
    code="GROUPS_TWICE",
)
REPORT_NOT_FOUND = Message(
    "There is no report {report}; reports are kept for a week.",
    "{report} numaralı bir rapor yok; raporlar bir hafta saklanır.",
    code="REPORT_NOT_FOUND",
)
REPORT_NOT_DONE = Message(
    "Report {report} is not done.", "{report} numaralı rapor henüz hazır değil.", code="REPORT_NOT_DONE"
)
REPORTS_MANY = Message(
    "{most} reports of the organization wait already; ask again when one is done.",
    "Kuruluşun {most} raporu zaten sırada; biri bitince yeniden isteyin.",
    code="REPORTS_TOO_MANY",
)
TITLE = Message("Production report", "Üretim raporu")
FROM = Message("From", "Başlangıç")
UNTIL = Message("Until", "Bitiş")
POLICY = Message("Policy", "Hesap kuralı")
REVISION = Message("Revision of the data", "Veri sürümü")
SOURCE = Message("Source", "Kaynak")
QUALITY_BASIS = Message("Quality basis", "Kalite dayanağı")
