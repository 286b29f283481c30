"""Owns the sentences of the maintenance slice."""

from collections.abc import Mapping

from cloud.languages import Message
from cloud.maintenance.schemas import OrderStatus

ORDER_NOT_FOUND = Message(
    "There is no maintenance order {order}.",
    "{order} numaralı bir bakım emri yok.",
    code="MAINTENANCE_ORDER_NOT_FOUND",
)
PLAN_NOT_FOUND = Message(
    "There is no maintenance plan {plan}.", "{plan} numaralı bir bakım planı yok.", code="MAINTENANCE_PLAN_NOT_FOUND"
)
PLAN_OF_ANOTHER = Message(
    "Maintenance plan {plan} is another machine's.",
    "{plan} numaralı bakım planı başka bir makinenin.",
    code="MAINTENANCE_PLAN_OF_ANOTHER_MACHINE",
)
TRANSITION = Message(
    "Maintenance order {order} {is_now}; {refusal}.",
    "Bakım emri {order} {is_now}; {refusal}.",
    code="MAINTENANCE_INVALID_TRANSITION",
    title=Message("Invalid maintenance transition", "Geçersiz bakım geçişi"),
)
IS_NOW: Mapping[OrderStatus, Message] = {
    OrderStatus.OPEN: Message("is open", "açık"),
    OrderStatus.IN_PROGRESS: Message("is in progress", "yürütülüyor"),
    OrderStatus.COMPLETED: Message("is completed", "tamamlanmış"),
    OrderStatus.CANCELLED: Message("is cancelled", "iptal edilmiş"),
}
CANNOT: Mapping[OrderStatus, Message] = {
    OrderStatus.IN_PROGRESS: Message("it cannot be started", "başlatılamaz"),
    OrderStatus.COMPLETED: Message("it cannot be completed", "tamamlanamaz"),
    OrderStatus.CANCELLED: Message("it cannot be cancelled", "iptal edilemez"),
}
CLOSED = Message("it cannot be changed", "değiştirilemez")
COMPLETED_IN_FUTURE = Message(
    "completed_at is {told}, which is later than now ({now}).",
    "completed_at değeri ({told}) şu andan ({now}) ileride.",
    code="COMPLETED_IN_THE_FUTURE",
)
