"""Owns the sentences of the production slice."""

from cloud.languages import Message

REASON_NOT_FOUND = Message("There is no reason {reason}.", "{reason} adında bir neden yok.", code="REASON_NOT_FOUND")
REASON_TAKEN = Message(
    "The organization has a reason {reason} already.",
    "Kuruluşun {reason} kodlu bir nedeni zaten var.",
    code="REASON_CODE_TAKEN",
)
REASON_CIRCLE = Message(
    "Reason {reason} would stand below itself.", "{reason} nedeni kendi altında yer alamaz.", code="REASON_CIRCLE"
)
REASON_NOT_OF_TIME = Message(
    "Reason {reason} is not one of stops; it is of kind {kind}.",
    "{reason} bir duruş nedeni değil; türü {kind}.",
    code="REASON_NOT_OF_TIME",
)
REASON_INACTIVE = Message(
    "Reason {reason} is not in use any more; choose another.",
    "{reason} nedeni artık kullanılmıyor; başka bir neden seçin.",
    code="REASON_INACTIVE",
)
ELEMENT_OF_NO_REASON = Message(
    "a stop's time is {valid_values}, not {given}",
    "bir duruşun süresi {valid_values} olabilir; {given} olamaz",
    code="ELEMENT_OF_NO_REASON",
)
FAILURE_PLANNED = Message(
    "a failure is not planned; choose one of is_failure and is_planned",
    "arıza planlı olamaz; is_failure ve is_planned değerlerinden birini seçin",
    code="FAILURE_PLANNED",
)
CONDITION_EMPTY = Message(
    "the condition on {tag} asks nothing; give above, below or equals",
    "{tag} koşulu hiçbir şey sormuyor; above, below ya da equals verin",
    code="CONDITION_EMPTY",
)
SPAN_BACKWARDS = Message("`from` must be before `to`", "`from`, `to` değerinden önce olmalı", code="RANGE_BACKWARDS")
FUTURE = Message(
    "{at} is later than now ({now}); only what has happened can be told.",
    "{at} şu andan ({now}) ileride; yalnızca olmuş olan bildirilebilir.",
    code="TOLD_IN_THE_FUTURE",
)
PARTS_OVERLAP = Message(
    "Two parts share the time from {start}; a second has one reason.",
    "İki bölüm {start} anından başlayan süreyi paylaşıyor; bir saniyenin tek nedeni olur.",
    code="PARTS_OVERLAP",
)
TOLD_NOT_FOUND = Message(
    "Machine {machine} has no statement {told}.",
    "{machine} makinesinin {told} numaralı bir bildirimi yok.",
    code="STATEMENT_NOT_FOUND",
)
RANGE_TOO_LONG = Message(
    "From {start} to {end} are more than {most} days; ask for less.",
    "{start} ile {end} arası {most} günden uzun; daha kısa bir aralık isteyin.",
    code="RANGE_TOO_LONG",
)
RANGE_BACKWARDS = Message(
    "`from` {start} is not before `to` {end}.",
    "`from` {start}, `to` {end} değerinden önce değil.",
    code="RANGE_BACKWARDS",
)
STAGE_OF_ANOTHER = Message(
    "Stage {stage} is made on another machine than {machine}.",
    "{stage} numaralı aşama {machine} dışında bir makinede yapılıyor.",
    code="STAGE_OF_ANOTHER_MACHINE",
)
END_NEEDED = Message(
    "Readings tell the state of machine {machine}; say until when yours holds (`to`).",
    "{machine} makinesinin durumunu ölçümler bildiriyor; bildiriminizin ne zamana kadar geçerli olduğunu yazın (`to`).",
    code="END_NEEDED",
)
