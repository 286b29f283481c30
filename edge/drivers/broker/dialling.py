"""Blocking calls that connect, on a thread that nobody has to wait for: a name server may take half a minute.

asyncio's own threads would be waited for at the end of the process, and a stop must not take that long.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable


def dial(connect: Callable[[], None], hang_up: Callable[[], None]) -> "asyncio.Future[None]":
    """Connect on a thread of its own, which ends with the process at the latest.

    Args:
        connect: Connects; it blocks.
        hang_up: Called on that thread if the loop ended meanwhile, so that nobody will use what was connected.

    Returns:
        What becomes of it, on the running loop; an exception of `connect` is its exception.
    """
    loop = asyncio.get_running_loop()
    dialled: asyncio.Future[None] = loop.create_future()

    def settle(error: Exception | None) -> None:
        if dialled.done():
            return
        if error is None:
            dialled.set_result(None)
        else:
            dialled.set_exception(error)

    def run() -> None:
        error: Exception | None = None
        try:
            connect()
        except Exception as caught:  # noqa: BLE001 - whatever it is, it is told where the future is awaited
            error = caught
        try:
            loop.call_soon_threadsafe(settle, error)
        except RuntimeError:  # the loop is closed
            with contextlib.suppress(OSError):
                hang_up()

    threading.Thread(target=run, name="mqtt-dial", daemon=True).start()
    return dialled
