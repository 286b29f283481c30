"""Which event loop the daemon runs on."""

import asyncio

try:
    import uvloop
except ImportError:
    # Windows, where uvloop is not to be had: asyncio's own, a third slower
    uvloop = None  # type: ignore[assignment]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Make the fastest loop there is on this system."""
    return asyncio.new_event_loop() if uvloop is None else uvloop.new_event_loop()
