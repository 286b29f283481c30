"""Owns which event loop the service runs on: uvloop where there is one, and on Windows one psycopg can use."""

import asyncio
import sys


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop, not yet running."""
    if sys.platform == "win32":
        # psycopg waits for sockets with add_reader, which Windows' default loop does not have
        return asyncio.SelectorEventLoop()
    try:
        import uvloop  # noqa: PLC0415 - not on Windows, and the service works without it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
