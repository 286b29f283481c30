"""Owns the sentences of the sync slice."""

from cloud.languages import Message

OP_UNKNOWN = Message(
    "There is no op {op}; these are known: {known}.",
    "{op} diye bir işlem yok; bilinenler: {known}.",
    code="OP_UNKNOWN",
)
OP_ID_REUSED = Message(
    "The op_id {op_id} was used for another intention; each needs its own.",
    "{op_id} op_id değeri başka bir işlemde kullanılmış; her işlem kendininkini ister.",
    code="OP_ID_REUSED",
)
EVENTS_FULL = Message(
    "This process follows as many streams as it can; try again in {retry_after_s} s.",
    "Bu süreç izleyebileceği kadar akış izliyor; {retry_after_s} saniye sonra yeniden deneyin.",
    code="EVENTS_FULL",
)
