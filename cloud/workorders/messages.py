"""Owns the sentences of the work orders slice."""

from collections.abc import Mapping

from cloud.languages import Message

NOT_FOUND = Message(
    "There is no work order {work_order}.", "{work_order} numaralı bir iş emri yok.", code="WORK_ORDER_NOT_FOUND"
)
WINDOW_BACKWARDS = Message(
    "planned_end must be later than planned_start",
    "planned_end, planned_start'tan sonra olmalı",
    code="WINDOW_BACKWARDS",
)
OPERATION_REPEATED = Message(
    "two stages have the same op_number", "iki aşamanın op_number değeri aynı", code="OPERATION_REPEATED"
)
OPERATIONS_PARTLY_NUMBERED = Message(
    "give op_number to every stage or to none",
    "op_number ya bütün aşamalara verilmeli ya da hiçbirine",
    code="OPERATIONS_PARTLY_NUMBERED",
)
NOTHING_TO_CHANGE = Message(
    "say at least one field that is to be different", "değişecek en az bir alan verin", code="NOTHING_TO_CHANGE"
)
NULL_REFUSED = Message(
    "{field} cannot be null; leave it out to keep it",
    "{field} null olamaz; olduğu gibi kalması için hiç vermeyin",
    code="NULL_REFUSED",
)
WINDOW_TOO_SHORT = Message(
    "The window is too short: it leaves no time for {stage_name}.",
    "Planlanan süre çok kısa: {stage_name} aşamasına zaman kalmıyor.",
    code="WINDOW_TOO_SHORT",
)

# orders
ORDER_DONE = Message(
    "Work order {work_order} is done; {refusal}.",
    "{work_order} numaralı iş emri bitmiş; {refusal}.",
    code="WORK_ORDER_DONE",
)
NOT_HELD = Message("it cannot be held", "bekletilemez")
HISTORY = Message("its window is history", "planlanan süresi artık değişmez")
QTY_TOO_SMALL = Message(
    "Work order {work_order} has {reported} good pieces already; {limit} would be its limit.",
    "{work_order} numaralı iş emrinde şimdiden {reported} sağlam parça var; sınır {limit} olurdu.",
    code="WORK_ORDER_QTY_TOO_SMALL",
)

# stages
STAGE_NOT_FOUND = Message("There is no stage {stage}.", "{stage} numaralı bir aşama yok.", code="STAGE_NOT_FOUND")
TRANSITION = Message(
    "Stage {stage} {is_now}; {refusal}.",
    "{stage} numaralı aşama {is_now}; {refusal}.",
    code="STAGE_INVALID_TRANSITION",
    title=Message("Invalid stage transition", "Geçersiz aşama geçişi"),
)
# by status; its names stand in `schemas`, which needs this module
IS: Mapping[str, Message] = {
    "planned": Message("is planned", "planlanmış durumda"),
    "in_progress": Message("is in progress", "sürüyor"),
    "done": Message("is done", "tamamlanmış"),
}
NOT_STARTED = Message("it cannot be started", "başlatılamaz")
NOT_FINISHED = Message("it cannot be finished", "bitirilemez")
NOT_REPORTED = Message("start it before pieces are reported", "parça bildirmeden önce başlatın")
STAGE_ON_HOLD = Message(
    "Stage {stage} is on hold; release it first.",
    "{stage} numaralı aşama bekletiliyor; önce beklemeyi kaldırın.",
    code="STAGE_ON_HOLD",
)
ORDER_ON_HOLD = Message(
    "Work order {work_order} is on hold, and stage {stage} with it; release it first.",
    "{work_order} numaralı iş emri ve onunla {stage} numaralı aşama bekletiliyor; önce beklemeyi kaldırın.",
    code="STAGE_ON_HOLD",
)
OUT_OF_SEQUENCE = Message(
    "Stage {stage} waits for operation {waits_for} before it ({sequencing} sequencing).",
    "{stage} numaralı aşama önceki {waits_for} numaralı operasyonu bekliyor (sıralama: {sequencing}).",
    code="STAGE_OUT_OF_SEQUENCE",
)

# assignments
USER_NOT_FOUND = Message("There is no user {user}.", "{user} numaralı bir kullanıcı yok.", code="USER_NOT_FOUND")
ALREADY_ASSIGNED = Message(
    "Stage {stage} is assigned to {username} already.",
    "{stage} numaralı aşama zaten {username} kullanıcısına atanmış.",
    code="ALREADY_ASSIGNED",
)
ASSIGNMENT_NOT_FOUND = Message(
    "Stage {stage} is not assigned to user {user}.",
    "{stage} numaralı aşama {user} numaralı kullanıcıya atanmış değil.",
    code="ASSIGNMENT_NOT_FOUND",
)

# production
FUTURE = Message(
    "occurred_at is {occurred_at}, which is in the future.",
    "occurred_at {occurred_at}, yani gelecekte.",
    code="IN_THE_FUTURE",
)
OVER_REPORTED = Message(
    "Stage {stage} may report {remaining} more, not {given}: {because}.",
    "{stage} numaralı aşama en çok {remaining} parça daha bildirebilir, {given} değil: {because}.",
    code="PRODUCTION_OVER_REPORTED",
)
NO_MORE_ORDERED = Message("the order is of no more", "iş emrinde daha fazlası yok")
NO_MORE_PASSED_ON = Message("the stage before has passed on no more", "önceki aşamadan daha fazlası gelmedi")
PRODUCTION_USED = Message(
    "The stage after stage {stage} has used these pieces; reverse there first.",
    "{stage} numaralı aşamadan sonraki aşama bu parçaları kullanmış; önce orada geri alın.",
    code="PRODUCTION_USED",
)
PRODUCTION_NOT_FOUND = Message(
    "Stage {stage} has no production event {event}.",
    "{stage} numaralı aşamada {event} numaralı bir üretim kaydı yok.",
    code="PRODUCTION_NOT_FOUND",
)
PRODUCTION_REVERSED = Message(
    "Production event {event} is reversed, or a reversal.",
    "{event} numaralı üretim kaydı geri alınmış ya da kendisi bir geri alma.",
    code="PRODUCTION_REVERSED",
)

# routes
ROUTE_NOT_FOUND = Message("There is no route {route}.", "{route} numaralı bir rota yok.", code="ROUTE_NOT_FOUND")
ROUTE_TAKEN = Message(
    "The product {product_code} has a route already; replace that one.",
    "{product_code} ürününün zaten bir rotası var; onu değiştirin.",
    code="ROUTE_TAKEN",
)
DEFAULT_ROUTE_TAKEN = Message(
    "The organization has a default route already; replace that one.",
    "Kuruluşun zaten bir varsayılan rotası var; onu değiştirin.",
    code="ROUTE_TAKEN",
)
