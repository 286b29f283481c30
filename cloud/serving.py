"""Owns how the API is served: the socket, the workers, the signals, and the end in good order.

The process that calls `serve` holds the embedded PostgreSQL, if that is what is used; its workers
only know an address. It stops them first and PostgreSQL last.
"""

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.supervisors import Multiprocess

from cloud import background, console, schema, tables
from cloud.errors import DatabaseUnavailable, Unavailable
from cloud.metrics import MULTIPROCESS_VARIABLE
from cloud.settings import DATABASE_URL_VARIABLE, Settings
from shared import logs
from shared.starting import for_good

APPLICATION = "cloud.serving:application"
if TYPE_CHECKING:
    from fastapi import FastAPI

# requests under way get this long to end; a supervisor that kills does so after ten
GRACE_S = 5
BACKLOG = 2048
# a worker that says nothing for so long is killed and made anew; one that begins on a busy machine says nothing for
# longer than uvicorn's 5 s, and would be killed before it ever served
_SILENT_S = 60
# Python's own 5 ms are for threads that are equals
_TURN_S = 0.0005
# elsewhere one of the sockets would get all the connections
_CAN_SHARE = sys.platform == "linux"

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where to listen, with how many processes, and whether the work in the background is done here too."""

    host: str
    port: int
    workers: int
    with_background: bool = True


def serve(settings: Settings, where: Listening, *, migrate: bool) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: As read from the environment, which the workers read again.
        where: Where to listen.
        migrate: Bring the database's schema to this version's first.

    Raises:
        SchemaMismatch: The schema is not this version's.
        Unavailable: The address is taken.
        SystemExit: A worker could not start; it has said why.
    """
    settings.configure_logs()
    with ExitStack() as held:
        held.enter_context(_ended_by_sigterm())
        url = held.enter_context(console.server(settings, is_kept=True))
        if migrate:
            schema.migrate(url)
        _refuse_other_schema(url)
        listener = held.enter_context(_listener(where))
        os.environ[DATABASE_URL_VARIABLE] = url
        if where.workers > 1 and MULTIPROCESS_VARIABLE not in os.environ:
            os.environ[MULTIPROCESS_VARIABLE] = held.enter_context(
                tempfile.TemporaryDirectory(prefix="tezgah-metrics-")
            )
        host, port = listener.getsockname()[:2]
        log.info("serving", address=f"http://{host}:{port}", docs=f"http://{host}:{port}/api-docs")
        if where.with_background:
            held.enter_context(background.beside())
        _run(where, listener)


def application() -> "FastAPI":
    """Make a worker's application, with the settings of the environment (uvicorn's word for where it is)."""
    # what a thread computes beside, a prediction or a file, holds up a request at each of its steps for so long
    sys.setswitchinterval(_TURN_S)
    with for_good():
        from cloud import app  # noqa: PLC0415 - the supervisor of several workers does without it

        return app.from_environment()


def _run(where: Listening, listener: socket.socket) -> None:
    config = uvicorn.Config(
        APPLICATION,
        factory=True,
        workers=where.workers,
        loop="cloud.loop:new_event_loop",
        log_config=None,  # its lines take our form
        access_log=False,  # `middleware` writes one with the request id
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_worker_healthcheck=_SILENT_S,
        backlog=BACKLOG,
    )
    if where.workers > 1:
        _Supervisor(config, sockets=[_Own(listener) if _CAN_SHARE else listener]).run()  # type: ignore[list-item]
        return
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    if not server.started:
        sys.exit(1)


class _Supervisor(Multiprocess):
    """Hears at once of a worker that died before it could answer, and makes the next one."""

    def keep_subprocess_alive(self) -> None:
        for worker in self.processes:
            # while we hold its end of the pipe, too, the question whether it lives waits for all of `_SILENT_S`
            worker.child_conn.close()
        super().keep_subprocess_alive()


class _Own:
    """A reserved address that, sent to a worker's process, is a listening socket of its own there.

    From a socket that is shared, whichever worker wakes first takes all connections that wait, and phones keep theirs:
    one worker sweats while another idles. Among many with `SO_REUSEPORT` Linux chooses by the caller's address.
    """

    def __init__(self, reserved: socket.socket) -> None:
        self._address = reserved.getsockname()[:2]
        self._family = reserved.family

    def __reduce__(self) -> tuple[Callable[..., socket.socket], tuple[object, ...]]:
        listen = partial(socket.create_server, family=self._family, backlog=BACKLOG, reuse_port=True)
        return listen, (self._address,)


@contextmanager
def _listener(where: Listening) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in where.host else socket.AF_INET
    try:
        listener = socket.create_server((where.host, where.port), family=family, backlog=BACKLOG)
        if where.workers > 1 and _CAN_SHARE:
            # only now, when nobody else was found to listen there: with one that shares nobody would be
            listener = _reserved(listener)
    except OSError as error:
        raise Unavailable(
            f"Cannot listen on {where.host} port {where.port}: {error.strerror or error}. Choose another with --port.",
            code="ADDRESS_UNAVAILABLE",
        ) from error
    with listener:
        yield listener


def _reserved(listener: socket.socket) -> socket.socket:
    """Return a socket in a listener's place that keeps its address for the workers, and to which nobody comes."""
    address = listener.getsockname()
    listener.close()
    reserved = socket.socket(listener.family)
    if reserved.family == socket.AF_INET6:
        reserved.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        reserved.setsockopt(socket.SOL_SOCKET, option, 1)
    reserved.bind(address)
    return reserved


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    # uvicorn stops gracefully and then raises the signal again, for whoever handled it before:
    # without a handler the process would die there, and leave the embedded PostgreSQL running
    def leave(_: int, __: FrameType | None) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    except KeyboardInterrupt:
        pass  # Ctrl-C is how one stops it
    finally:
        signal.signal(signal.SIGTERM, before)


def _refuse_other_schema(url: str) -> None:
    try:
        schema.check_at(url, tables.metadata())
    except DatabaseUnavailable as error:
        # it may come later than we do; the workers look again, and /health/ready is red until then
        log.warning("started_without_database", reason=error.message)
