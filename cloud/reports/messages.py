"""Owns the sentences of dashboards, trends and reports."""

from cloud.languages import Message

WINDOW_BACKWARDS = Message("`to` is not after `from`.", "`to`, `from` değerinden sonra değil.", code="WINDOW_BACKWARDS")
WINDOW_LONG = Message(
    "From `from` to `to` are more than {days} days; ask for less, or for a report.",
    "`from` ile `to` arası {days} günden uzun; daha kısa bir aralık ya da rapor isteyin.",
    code="WINDOW_TOO_LONG",
)
