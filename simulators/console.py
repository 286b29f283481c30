"""The simulators' console: commands come in as lines, answers go out as JSON lines."""

import asyncio
import contextlib
import json
import signal
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

from simulators.service import Addresses, Simulators

COMMANDS = "begin, quiet, count, stop"


async def serve(
    ledger: Path, addresses: Addresses, *, machines_of_each: int, period_s: float, seed: int, waits: bool
) -> None:
    """Serve until told to stop by a command or SIGTERM, or until standard input ends if `waits`.

    Args:
        ledger: File of all that is said.
        addresses: Host and ports.
        machines_of_each: Machines a protocol.
        period_s: Seconds between two values of a signal.
        seed: Makes the plant's behaviour repeatable.
        waits: Whether values stand still until `begin`.
    """
    async with Simulators.serving(
        ledger, addresses, machines_of_each=machines_of_each, period_s=period_s, seed=seed
    ) as simulators:
        line = {"modbus_line": simulators.serial_port} if simulators.serial_port else {}
        _say("ready", ports=simulators.ports, ledger=str(ledger), **line)
        if not waits:
            simulators.begin()
        async for command in _commands(ends_with_input=waits):
            match command:
                case "begin":
                    simulators.begin()
                case "quiet":
                    await simulators.quiet()
                case "count":
                    pass
                case "stop":
                    break
                case _:
                    _say("unknown", command=command, known=COMMANDS)
                    continue
            _say(command, emitted=simulators.emitted())
        _say("stopped", emitted=simulators.emitted())


def _say(event: str, **fields: object) -> None:
    sys.stdout.write(json.dumps({"event": event, **fields}) + "\n")
    sys.stdout.flush()


async def _commands(*, ends_with_input: bool) -> AsyncIterator[str]:
    """Yield the lines of standard input; a thread reads them, for no event loop reads a console on every system."""
    loop = asyncio.get_running_loop()
    # a person or the demo writes here: a hundred unread commands mean that something is wrong
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=100)

    def enter(command: str) -> None:
        # RuntimeError: the loop has ended, and with it the need to read
        with contextlib.suppress(RuntimeError):
            asyncio.run_coroutine_threadsafe(queue.put(command), loop).result()

    def read() -> None:
        for line in sys.stdin:
            enter(line.strip())
        if ends_with_input:
            enter("stop")

    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(queue.put_nowait, "stop"))
    threading.Thread(target=read, name="console", daemon=True).start()
    while True:
        if command := await queue.get():
            yield command
