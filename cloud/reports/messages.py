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
REPORT_LARGE = Message(
    "The report would have {rows} rows, at most {most} are made; ask for a shorter time, or for fewer groups.",
    "Rapor {rows} satır tutardı, en çok {most} satır hazırlanır; daha kısa bir süre ya da daha az gruplama isteyin.",
    code="REPORT_TOO_LARGE",
)
REPORT_DEFECT = Message(
    "The report failed with {error}; this is a defect, the service's log has more.",
    "Rapor {error} hatasıyla hazırlanamadı; bu bir yazılım hatasıdır, ayrıntısı hizmetin günlüğünde.",
)
REPORT_GIVEN_UP = Message(
    "The service ended {attempts} times while it made the report, probably for want of memory; "
    "ask for a shorter time, or for fewer groups.",
    "Hizmet bu raporu hazırlarken {attempts} kez kapandı, büyük olasılıkla bellek yetmedi; "
    "daha kısa bir süre ya da daha az gruplama isteyin.",
)
TITLE = Message("Production report", "Üretim raporu")
FROM = Message("From", "Başlangıç")
UNTIL = Message("Until", "Bitiş")
POLICY = Message("Policy", "Hesap kuralı")
REVISION = Message("Revision of the data", "Veri sürümü")
SOURCE = Message("Source", "Kaynak")
QUALITY_BASIS = Message("Quality basis", "Kalite dayanağı")
