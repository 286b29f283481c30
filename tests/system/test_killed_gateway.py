"""kill -9 of the gateway, in full flow and at chosen instants; the broker's messages survive each."""

import sys
from pathlib import Path

import pytest

from simulators.machine import Protocol
from tests.system.walk import Walk

SABOTEUR = str(Path(__file__).with_name("saboteur.py"))


def test_a_gateway_killed_in_full_flow_loses_nothing_that_can_be_asked_for_again_and_explains_the_rest(
    walk: Walk,
) -> None:
    walk.begin()
    for _ in range(3):
        walk.flow(700)
        walk.stack.kill("gateway")
        walk.flow(100)
        walk.start_gateway()
    walk.flow(700)
    walk.stack.drain()

    assert walk.verdict(Protocol.MQTT).is_exact
    gaps = walk.gaps("gateway_down")
    for protocol in (Protocol.OPCUA, Protocol.MODBUS):
        verdict = walk.verdict(protocol)
        assert (verdict.duplicated, verdict.foreign) == (0, 0)
        assert not walk.unexplained(protocol, gaps)
    # and the check can fail: values were said while nobody listened, so without the gaps they are unexplained
    assert walk.unexplained(Protocol.OPCUA, [])


@pytest.mark.parametrize("when", ["before-commit", "after-commit"])
def test_a_message_is_a_row_once_whenever_the_gateway_dies(walk: Walk, when: str) -> None:
    walk.begin(command=[sys.executable, SABOTEUR, when, "20"])
    assert walk.stack.await_end("gateway") != 0
    walk.start_gateway()
    walk.flow(500)
    walk.stack.drain()
    assert walk.verdict(Protocol.MQTT).is_exact


def test_a_gateway_that_tells_the_broker_first_is_seen_to_lose(walk: Walk) -> None:
    """The negative control of the two tests above: automatic PUBACK under kill -9."""
    walk.begin(command=[sys.executable, SABOTEUR, "acknowledged-early", "20"])
    assert walk.stack.await_end("gateway") != 0
    walk.start_gateway()
    walk.flow(500)
    walk.stack.drain()
    assert walk.verdict(Protocol.MQTT).lost > 0
