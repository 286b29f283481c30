"""Ctrl-C strikes where it is heard, once, and never where something is half done."""

import signal
from contextlib import ExitStack

import pytest

from simulators.demo.interrupts import Interrupts


def test_a_signal_is_heard_inside_the_block_and_nowhere_else() -> None:
    with Interrupts() as interrupts:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), interrupts.heard():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_second_signal_does_not_disturb_what_the_first_one_set_going() -> None:
    stopped = []

    def stop() -> None:
        signal.raise_signal(signal.SIGINT)
        stopped.append(True)

    with Interrupts() as interrupts, ExitStack() as stack:
        stack.callback(stop)
        with pytest.raises(KeyboardInterrupt), interrupts.heard():
            signal.raise_signal(signal.SIGINT)
    assert stopped


def test_a_held_signal_strikes_when_the_block_is_done() -> None:
    done = []

    def start(interrupts: Interrupts) -> None:
        with interrupts.held():
            signal.raise_signal(signal.SIGTERM)
            done.append(True)
        pytest.fail("the signal was forgotten")

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt), interrupts.heard():
        start(interrupts)
    assert done


def test_what_heard_the_signals_before_hears_them_afterwards() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Interrupts():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_that_the_caller_ignores_stays_ignored_but_for_sigterm() -> None:
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Interrupts() as interrupts, interrupts.heard():
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
