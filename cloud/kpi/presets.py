"""Owns what the state codes of common standards mean: number and name, to a machine state.

A tag whose gateway maps nothing may say its standard's own number or name; which standard is told per machine.
Numbers and names are the standards', each read in the place named beside it; which state each of them is, is ours.
"""

from collections.abc import Mapping
from enum import StrEnum

from shared.reading import MachineState


class Preset(StrEnum):
    """A standard whose state codes are known."""

    PACKML = "packml"
    """ISA-TR88.00.02 (PackTags 3.0), StateCurrent: the state's number or name."""
    OPC40001 = "opc40001"
    """OPC 40001-1 (Machinery) 1.04, 12.2: MachineryItemState, StateNumber or BrowseName."""
    OPC40001_MODE = "opc40001_mode"
    """OPC 40001-1 (Machinery) 1.04, 13.2: MachineryOperationMode, StateNumber or BrowseName.

    It is what the machine is meant to do: one in Processing that waits says Processing, too. A machine that tells its
    MachineryItemState as well is read by rules on both.
    """
    EUROMAP = "euromap"
    """OPC 40083 (EUROMAP 83) 1.03, 12.4, table 38: MachineMode of an injection moulding machine (EUROMAP 77).

    It is what the selector says: a machine in automatic that waits says automatic, too. Where the machine tells its
    ProductionStatus, that is the better one.
    """
    EUROMAP_PRODUCTION = "euromap_production"
    """OPC 40083 (EUROMAP 83) 1.03, 14.7.1, table 50: ProductionStatus, whether it makes parts."""
    EUROMAP_JOB = "euromap_job"
    """OPC 40083 (EUROMAP 83) 1.03: JobStatus of EUROMAP 77's ActiveJobValues, how far its job is."""
    CIMCO = "cimco"
    """The columns of a CIMCO MDC job log, as its exports name them."""


_S = MachineState
_PACKML: Mapping[tuple[int, str], MachineState] = {
    (1, "clearing"): _S.FAULTED,
    (2, "stopped"): _S.OFF,
    (3, "starting"): _S.IDLE,
    (4, "idle"): _S.IDLE,
    # by what is outside of the machine: missing material, or a full outlet
    (5, "suspended"): _S.STARVED,
    (6, "execute"): _S.PRODUCING,
    (7, "stopping"): _S.IDLE,
    (8, "aborting"): _S.FAULTED,
    (9, "aborted"): _S.FAULTED,
    # by what is inside of it
    (10, "holding"): _S.HELD,
    (11, "held"): _S.HELD,
    (12, "unholding"): _S.HELD,
    (13, "suspending"): _S.STARVED,
    (14, "unsuspending"): _S.STARVED,
    (15, "resetting"): _S.IDLE,
    (16, "completing"): _S.IDLE,
    (17, "complete"): _S.IDLE,
}
_OPC40001: Mapping[tuple[int, str], MachineState] = {
    # "not available and does not perform any activity": switched off, or saving energy
    (0, "notavailable"): _S.OFF,
    # "not functional and does not perform any activity": an error, or blocked
    (1, "outofservice"): _S.FAULTED,
    # "available & functional and does not perform any activity"
    (2, "notexecuting"): _S.IDLE,
    (3, "executing"): _S.PRODUCING,
}
_OPC40001_MODE: Mapping[tuple[int, str], MachineState] = {
    # none of the others, or nobody says which
    (0, "none"): _S.IDLE,
    (1, "maintenance"): _S.MAINTENANCE,
    (2, "setup"): _S.SETUP,
    (3, "processing"): _S.PRODUCING,
}
_EUROMAP: Mapping[tuple[int, str], MachineState] = {
    (0, "other"): _S.NO_DATA,
    (1, "automatic"): _S.PRODUCING,
    # somebody begins each cycle, as the part is meant to be made
    (2, "semi_automatic"): _S.PRODUCING,
    (3, "manual"): _S.IDLE,
    (4, "setup"): _S.SETUP,
    (5, "sleep"): _S.OFF,
}
_EUROMAP_PRODUCTION: Mapping[tuple[int, str], MachineState] = {
    (0, "other"): _S.NO_DATA,
    (1, "no_production"): _S.IDLE,
    # parts come, and nobody wants them yet: the settings are not reached, or quality has not released them
    (2, "start_up"): _S.SETUP,
    (3, "ready_for_production"): _S.SETUP,
    (4, "production"): _S.PRODUCING,
    # it moves without material
    (5, "dry_run"): _S.SETUP,
}
_EUROMAP_JOB: Mapping[tuple[int, str], MachineState] = {
    (0, "other"): _S.NO_DATA,
    (1, "transferred_assigned"): _S.IDLE,
    (2, "set_up_active"): _S.SETUP,
    (3, "set_up_interrupted"): _S.IDLE,
    (4, "set_up_finished"): _S.IDLE,
    (5, "start_up_active"): _S.SETUP,
    (6, "job_in_production"): _S.PRODUCING,
    (7, "job_interrupted"): _S.HELD,
    (8, "job_finished"): _S.IDLE,
    (9, "tear_down_active"): _S.SETUP,
    (10, "tear_down_interrupted"): _S.IDLE,
    (11, "tear_down_finished"): _S.IDLE,
}
_CIMCO: Mapping[tuple[int, str], MachineState] = {
    (1, "running"): _S.PRODUCING,
    (2, "setup"): _S.SETUP,
    (3, "waiting_setup"): _S.IDLE,
    (4, "not_feeding"): _S.IDLE,
    (5, "adjustment"): _S.IDLE,
    (6, "dressing"): _S.IDLE,
    (7, "tooling"): _S.IDLE,
    (8, "engineering"): _S.PLANNED_STOP,
    (9, "maintenance"): _S.MAINTENANCE,
    (10, "buy_in"): _S.IDLE,
    (11, "break_shift_change"): _S.PLANNED_STOP,
    (12, "idle"): _S.IDLE,
}
TABLES: Mapping[Preset, Mapping[tuple[int, str], MachineState]] = {
    Preset.PACKML: _PACKML,
    Preset.OPC40001: _OPC40001,
    Preset.OPC40001_MODE: _OPC40001_MODE,
    Preset.EUROMAP: _EUROMAP,
    Preset.EUROMAP_PRODUCTION: _EUROMAP_PRODUCTION,
    Preset.EUROMAP_JOB: _EUROMAP_JOB,
    Preset.CIMCO: _CIMCO,
}
_OWN = {state.value: state for state in MachineState}


def codes(preset: Preset | None) -> dict[str, MachineState]:
    """Return what each code means, numbers as texts and names in lower case; the house's own words always count."""
    table = TABLES[preset] if preset is not None else {}
    numbers = {str(number): state for (number, _), state in table.items()}
    return {**_OWN, **{name: state for (_, name), state in table.items()}, **numbers}


def meaning(said: str | float | None, known: Mapping[str, MachineState]) -> MachineState | None:
    """Return the state that a code stands for; None where it stands for none.

    Args:
        said: What the tag said: a word, or a number.
        known: As `codes` returns them, or a machine's own.
    """
    match said:
        case str():
            return known.get(said.strip().lower().replace(" ", "_")) or known.get(said.strip().lower().replace(" ", ""))
        case int() | float() if float(said).is_integer():
            return known.get(str(int(said)))
        case _:
            return None
