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
        (Preset.EUROMAP, "SEMI_AUTOMATIC", "producing"),
        (Preset.EUROMAP, 4, "setup"),
        (Preset.CIMCO, "break_shift_change", "planned_stop"),
        (None, "faulted", "faulted"),
        (Preset.PACKML, "faulted", "faulted"),
    ],
)
def test_a_code_is_a_state(preset, said, state):
    assert meaning(said, codes(preset)) is MachineState(state)


@pytest.mark.parametrize(
    ("preset", "number", "name", "state"),
    [
        (Preset.OPC40001, 0, "NotAvailable", "off"),
        (Preset.OPC40001, 1, "OutOfService", "faulted"),
        (Preset.OPC40001, 2, "NotExecuting", "idle"),
        (Preset.OPC40001, 3, "Executing", "producing"),
        (Preset.OPC40001_MODE, 0, "None", "idle"),
        (Preset.OPC40001_MODE, 1, "Maintenance", "maintenance"),
        (Preset.OPC40001_MODE, 2, "Setup", "setup"),
        (Preset.OPC40001_MODE, 3, "Processing", "producing"),
    ],
)
def test_every_state_of_opc_40001_1_is_known_by_number_and_by_name(preset, number, name, state):
    known = codes(preset)
    assert {meaning(said, known) for said in (number, float(number), str(number), name, name.upper())} == {
        MachineState(state)
    }


def test_opc_40001_1_has_four_states_and_four_modes():
    assert (len(TABLES[Preset.OPC40001]), len(TABLES[Preset.OPC40001_MODE])) == (4, 4)


@pytest.mark.parametrize("said", [None, 99, 6.5, "", "no such", float("nan"), float("inf")])
def test_anything_else_is_none(said):
    assert meaning(said, codes(Preset.PACKML)) is None


@pytest.mark.parametrize("preset", Preset)
def test_no_code_stands_for_two_states(preset):
    numbers = [number for number, _ in TABLES[preset]]
    names = [name for _, name in TABLES[preset]]
    assert len(numbers) == len(set(numbers))
    assert len(names) == len(set(names))


# as printed: ISA-TR88.00.02 (PackTags 3.0), OPC 40001-1 12.2 and 13.2 (numbers: OPC 40082-5 11.3), OPC
# 40083 12.4 and 14.7.1 and its JobStatusEnumeration
PRINTED = {
    Preset.PACKML: "1 clearing 2 stopped 3 starting 4 idle 5 suspended 6 execute 7 stopping 8 aborting 9 aborted "
    "10 holding 11 held 12 unholding 13 suspending 14 unsuspending 15 resetting 16 completing 17 complete",
    Preset.OPC40001: "0 notavailable 1 outofservice 2 notexecuting 3 executing",
    Preset.OPC40001_MODE: "0 none 1 maintenance 2 setup 3 processing",
    Preset.EUROMAP: "0 other 1 automatic 2 semi_automatic 3 manual 4 setup 5 sleep",
    Preset.EUROMAP_PRODUCTION: "0 other 1 no_production 2 start_up 3 ready_for_production 4 production 5 dry_run",
    Preset.EUROMAP_JOB: "0 other 1 transferred_assigned 2 set_up_active 3 set_up_interrupted 4 set_up_finished "
    "5 start_up_active 6 job_in_production 7 job_interrupted 8 job_finished 9 tear_down_active "
    "10 tear_down_interrupted 11 tear_down_finished",
}


@pytest.mark.parametrize("preset", PRINTED)
def test_a_standards_codes_are_those_that_it_prints(preset):
    words = PRINTED[preset].split()
    assert set(TABLES[preset]) == {(int(number), name) for number, name in zip(words[::2], words[1::2], strict=True)}
    # a machine makes parts where its standard says so, and nowhere else
    makes = {name for (_, name), state in TABLES[preset].items() if state is MachineState.PRODUCING}
    assert makes <= {
        "execute",
        "executing",
        "processing",
        "automatic",
        "semi_automatic",
        "production",
        "job_in_production",
    }
    assert makes
