"""What the codes of common standards mean."""

import pytest

from cloud.kpi.presets import TABLES, Preset, codes, meaning
from shared.reading import MachineState


@pytest.mark.parametrize(
    ("preset", "said", "state"),
    [
        (Preset.PACKML, 6, "producing"),
        (Preset.PACKML, 6.0, "producing"),
        (Preset.PACKML, "Execute", "producing"),
        (Preset.PACKML, "6", "producing"),
        (Preset.PACKML, 9, "faulted"),
        (Preset.PACKML, 5, "starved"),
        (Preset.OPC40001, "NotExecuting", "idle"),
        (Preset.OPC40001, "Not Executing", "idle"),
        (Preset.EUROMAP, "SEMI_AUTOMATIC", "producing_slow"),
        (Preset.EUROMAP, 4, "setup"),
        (Preset.CIMCO, "break_shift_change", "planned_stop"),
        (None, "faulted", "faulted"),
        (Preset.PACKML, "faulted", "faulted"),
    ],
)
def test_a_code_is_a_state(preset, said, state):
    assert meaning(said, codes(preset)) is MachineState(state)


@pytest.mark.parametrize("said", [None, 99, 6.5, "", "no such", float("nan"), float("inf")])
def test_anything_else_is_none(said):
    assert meaning(said, codes(Preset.PACKML)) is None


@pytest.mark.parametrize("preset", Preset)
def test_no_code_stands_for_two_states(preset):
    numbers = [number for number, _ in TABLES[preset]]
    names = [name for _, name in TABLES[preset]]
    assert len(numbers) == len(set(numbers))
    assert len(names) == len(set(names))
