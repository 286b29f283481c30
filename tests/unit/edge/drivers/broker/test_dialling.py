import asyncio
import threading
import time

import pytest

from edge.drivers.broker.dialling import dial


async def test_what_becomes_of_it_is_told_on_the_loop() -> None:
    await dial(lambda: None, pytest.fail)

    def refuse() -> None:
        raise ConnectionRefusedError("no")

    with pytest.raises(ConnectionRefusedError):
        await dial(refuse, pytest.fail)


def test_a_name_server_that_hangs_does_not_hold_up_the_end_and_what_comes_late_is_closed() -> None:
    answers, closed = threading.Event(), threading.Event()

    async def begin() -> None:
        dial(lambda: answers.wait(90) and None, closed.set)

    began = time.monotonic()
    with asyncio.Runner() as runner:
        runner.run(begin())
    assert time.monotonic() - began < 60.0
    answers.set()
    assert closed.wait(60.0)
