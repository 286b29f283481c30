"""What a training of the optimizer keeps: plain values, judged on days that it has not seen."""

import json

from cloud.kpi.policy import ISO22400
from cloud.predictions.optimizer.fitting import fitted
from cloud.predictions.optimizer.schemas import GainOut
from tests.unit.cloud.predictions.optimizer.test_whatif import day


def test_a_training_keeps_plain_values_of_every_machine() -> None:
    days = {"M-1": [day(setup=2, run=16, good=13), day(setup=4, run=14, good=11)] * 10, "M-2": [day()] * 3}
    found = fitted(days, ISO22400)
    assert json.loads(json.dumps(found.result)) == found.result
    assert found.result["M-2"] == {"attainable": None, "what_if": []}
    best = found.result["M-1"]["what_if"][0]
    assert best["bucket"] == "set_up"
    assert GainOut.model_validate(best).interval.level == 0.9
    assert (found.metrics["machines"], found.metrics["machines_judged"]) == (2, 1)
    # both halves of the days are alike
    assert found.metrics["reference_error"] == 0


def test_a_plant_without_figures_is_no_error() -> None:
    found = fitted({}, ISO22400)
    assert found.result == {}
    assert found.metrics["reference_error"] is None
    assert found.metrics["mean_oee"] is None
