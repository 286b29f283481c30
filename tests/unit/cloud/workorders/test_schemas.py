"""What a new work order may say."""

import pytest
from pydantic import ValidationError

from cloud.workorders.schemas import WorkOrderIn

START, TURN, END = "2026-03-02T08:00:00Z", "2026-03-02T09:00:00+00:00", "2026-03-02T13:00:00+03:00"
ORDER = {"product_code": "P-1", "lot_no": "L-1", "qty": 10, "planned_start": START, "planned_end": END}
STAGE = {"stage_name": "Kesim", "planned_start": START, "planned_end": TURN}


def test_an_order_needs_only_product_lot_quantity_and_window():
    assert WorkOrderIn.model_validate(ORDER).stages is None


@pytest.mark.parametrize(
    "changes",
    [
        {"qty": 0},
        {"qty": 2**31},
        {"qty": 1.5},
        {"planned_end": START},
        {"planned_start": "2026-03-02T08:00:00"},
        {"planned_end": "2126-03-02T08:00:00Z"},
        {"product_code": "a\x00b"},
        {"lot_no": ""},
        {"lot_no": "x" * 65},
        {"id": 7},
        {"stages": []},
        {"stages": [STAGE] * 101},
        {"stages": [STAGE | {"op_number": 10}, STAGE | {"op_number": 10}]},
        {"stages": [STAGE | {"op_number": 10}, STAGE]},
        {"stages": [STAGE | {"planned_end": START}]},
        {"priority": "SOON"},
    ],
    ids=str,
)
def test_an_impossible_order_is_refused(changes):
    with pytest.raises(ValidationError):
        WorkOrderIn.model_validate(ORDER | changes)


def test_stages_may_be_given():
    order = WorkOrderIn.model_validate(ORDER | {"stages": [STAGE, STAGE | {"stage_name": "Kaynak"}]})
    assert [stage.stage_name for stage in order.stages or ()] == ["Kesim", "Kaynak"]
