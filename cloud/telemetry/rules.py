"""What a machine is doing, told from the latest of its readings that mean `state`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.reading import MachineState, Quality


class RuntimeStatus(StrEnum):
    """What a machine is doing now; derived, never written by anybody."""

    RUNNING = "running"
    SETUP = "setup"
    IDLE = "idle"
    DOWN = "down"
    MAINTENANCE = "maintenance"
    OFFLINE = "offline"
    UNKNOWN = "unknown"


class Doubt(StrEnum):
    """Why a machine's runtime status is unknown."""

    NO_STATE_TAG = "no_state_tag"
    NO_DATA = "no_data"
    BAD_QUALITY = "bad_quality"
    NOT_A_STATE = "not_a_state"
    GATEWAY_SILENT = "gateway_silent"


# A gateway that is well sends something, if only a sign of life, every minute, and one of another make, configured
# as we recommend (`publish.heartbeat: 5min`), every five; one that is not heard for longer vouches for nothing.
SILENT_AFTER = timedelta(minutes=6)
STATUS_OF: Mapping[MachineState, RuntimeStatus] = {
    MachineState.PRODUCING: RuntimeStatus.RUNNING,
    MachineState.PRODUCING_SLOW: RuntimeStatus.RUNNING,
    MachineState.SETUP: RuntimeStatus.SETUP,
    MachineState.IDLE: RuntimeStatus.IDLE,
    MachineState.STARVED: RuntimeStatus.IDLE,
    MachineState.BLOCKED: RuntimeStatus.IDLE,
    MachineState.HELD: RuntimeStatus.IDLE,
    MachineState.PLANNED_STOP: RuntimeStatus.IDLE,
    MachineState.FAULTED: RuntimeStatus.DOWN,
    MachineState.MAINTENANCE: RuntimeStatus.MAINTENANCE,
    MachineState.OFF: RuntimeStatus.OFFLINE,
    MachineState.NO_DATA: RuntimeStatus.UNKNOWN,
}
_STATES = {state.value: state for state in MachineState}


@dataclass(frozen=True, slots=True)
class StateSource:
    """The newest reading of one tag that means `state`, and when its gateway was last heard."""

    text: str | None
    quality: int
    as_of: datetime
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a machine is doing; `doubt` says why it is not known."""

    status: RuntimeStatus
    state: MachineState | None = None
    doubt: Doubt | None = None


def judge(sources: Sequence[StateSource], now: datetime) -> Verdict:
    """Return what a machine is doing.

    Of several tags that mean `state` the newest one speaks. A state that nobody can vouch for any more -
    its gateway is silent, its quality bad - is unknown, not the last one repeated; `offline` is only said
    of a machine that reports itself to be off.

    Args:
        sources: The newest reading of each tag of the machine that means `state`; none if it has no such tag,
            or none has a reading yet.
        now: UTC.
    """
    if not sources:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.NO_STATE_TAG)
    newest = max(sources, key=lambda source: source.as_of)
    if newest.last_seen is None or now - newest.last_seen > SILENT_AFTER:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.GATEWAY_SILENT)
    if newest.quality == Quality.BAD:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.BAD_QUALITY)
    state = _STATES.get(newest.text or "")
    if state is None:
        return Verdict(RuntimeStatus.UNKNOWN, doubt=Doubt.NOT_A_STATE)
    return Verdict(STATUS_OF[state], state, Doubt.NO_DATA if state is MachineState.NO_DATA else None)
