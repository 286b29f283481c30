"""Owns what the state codes of common standards mean: number and name, to a machine state.

A tag whose gateway maps nothing may say its standard's own number or name; which standard is told per machine.
"""

from collections.abc import Mapping
from enum import StrEnum

from shared.reading import MachineState


class Preset(StrEnum):
    """A standard whose state codes are known."""

    PACKML = "packml"
    """ISA-TR88.00.02, the state's number or name."""
    OPC40001 = "opc40001"
    """OPC 40001-1 (Machinery), MachineryItemState."""
    EUROMAP = "euromap"
    """OPC 40083, which OPC 40077 (EUROMAP 77, injection moulding) builds on: MachineMode."""
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
    (0, "notavailable"): _S.OFF,
    (1, "outofservice"): _S.FAULTED,
    (2, "notexecuting"): _S.IDLE,
    (3, "executing"): _S.PRODUCING,
}
_EUROMAP: Mapping[tuple[int, str], MachineState] = {
    (0, "other"): _S.NO_DATA,
    (1, "automatic"): _S.PRODUCING,
    (2, "semi_automatic"): _S.PRODUCING_SLOW,
    (3, "manual"): _S.IDLE,
    (4, "setup"): _S.SETUP,
    (5, "sleep"): _S.OFF,
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
    Preset.EUROMAP: _EUROMAP,
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
