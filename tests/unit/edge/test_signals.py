import asyncio
import signal

import pytest

from edge.signals import stopping_on_signals
from tests.fakes.clock import happens


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_every_signal_to_stop_is_told_and_afterwards_none(number: signal.Signals) -> None:
    told: list[int] = []
    with stopping_on_signals(lambda: told.append(1)):
        signal.raise_signal(number)
        await happens(lambda: len(told) == 1)
        signal.raise_signal(number)
        await happens(lambda: len(told) == 2)
    assert signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}


def test_a_loop_without_signal_handlers_is_told_all_the_same() -> None:
    class WindowsLoop(asyncio.SelectorEventLoop):
        """As Windows' loops do."""

        def add_signal_handler(self, *args: object) -> None:
            raise NotImplementedError

    async def scene() -> None:
        told = asyncio.Event()
        with stopping_on_signals(told.set):
            signal.raise_signal(signal.SIGTERM)
            await asyncio.wait_for(told.wait(), 60)

    before = signal.getsignal(signal.SIGTERM)
    with asyncio.Runner(loop_factory=WindowsLoop) as runner:
        runner.run(scene())
    assert signal.getsignal(signal.SIGTERM) == before
