"""What a machine is doing: the newest vouched state, and a reason where there is none."""

from datetime import UTC, datetime, timedelta

import pytest

from cloud.telemetry.rules import SILENT_AFTER, STATUS_OF, Doubt, RuntimeStatus, StateSource, Verdict, judge
from shared.reading import MachineState

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def source(
    text: str | None = "producing", *, quality: int = 0, age_s: float = 5, seen_s: float | None = 1
) -> StateSource:
    seen = None if seen_s is None else NOW - timedelta(seconds=seen_s)
    return StateSource(text, quality, NOW - timedelta(seconds=age_s), seen)


def test_every_state_has_a_runtime_status_and_every_status_a_state():
    assert set(STATUS_OF) == set(MachineState)
    assert set(STATUS_OF.values()) == set(RuntimeStatus)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("producing", "running"),
        ("producing_slow", "running"),
        ("setup", "setup"),
        ("idle", "idle"),
        ("starved", "idle"),
        ("blocked", "idle"),
        ("held", "idle"),
        ("planned_stop", "idle"),
        ("faulted", "down"),
        ("maintenance", "maintenance"),
        ("off", "offline"),
    ],
)
def test_a_state_says_what_the_machine_is_doing(state: str, status: str):
    assert judge([source(state)], NOW) == Verdict(RuntimeStatus(status), MachineState(state))


def test_the_newest_of_several_state_tags_speaks():
    assert judge([source("faulted", age_s=9), source("setup", age_s=1), source("off", age_s=5)], NOW).state == "setup"


def test_an_old_state_holds_while_its_gateway_is_heard():
    assert judge([source("producing", age_s=86_400)], NOW).status is RuntimeStatus.RUNNING


@pytest.mark.parametrize(
    ("sources", "doubt"),
    [
        ([], Doubt.NO_STATE_TAG),
        ([source("no_data")], Doubt.NO_DATA),
        ([source(quality=2)], Doubt.BAD_QUALITY),
        ([source("spinning")], Doubt.NOT_A_STATE),
        ([source(None)], Doubt.NOT_A_STATE),
        ([source(seen_s=SILENT_AFTER.total_seconds() + 1)], Doubt.GATEWAY_SILENT),
        ([source(seen_s=None)], Doubt.GATEWAY_SILENT),
        # the newest says nothing: the one before it is not repeated
        ([source("producing", age_s=9), source(quality=2, age_s=1)], Doubt.BAD_QUALITY),
    ],
)
def test_what_nobody_vouches_for_is_unknown_with_its_reason(sources: list[StateSource], doubt: Doubt):
    verdict = judge(sources, NOW)
    assert (verdict.status, verdict.doubt) == (RuntimeStatus.UNKNOWN, doubt)


def test_uncertain_is_still_known_and_a_gateway_is_not_silent_too_soon():
    assert judge([source(quality=1, seen_s=SILENT_AFTER.total_seconds())], NOW).status is RuntimeStatus.RUNNING
