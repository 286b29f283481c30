"""Owns the sentences of the work orders slice."""

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
