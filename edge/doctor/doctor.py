"""The doctor's round: the cloud and all connections at once, the machine meanwhile, and one diagnosis of it all."""

import asyncio
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from edge.clock import Clock
from edge.doctor import bufferfile, cloud, connections, disk, hostclock, secrets
from edge.doctor.diagnosis import Diagnosis, Section
from edge.inquiry import Daemon, NotAnswering, Refused
from edge.settings import Connection, Settings
from edge.state import StateDirectory


async def diagnose(
    settings: Settings,
    state: StateDirectory,
    clock: Clock,
    environ: Mapping[str, str],
    *,
    only: Sequence[Connection] | None = None,
    limit_s: float = connections.LIMIT_S,
    gateway: Daemon | None = None,
) -> Diagnosis:
    """Look at everything once, or at some connections alone.

    Args:
        settings: What the gateway is to be.
        state: Where its daemon works, or will.
        clock: Time.
        environ: The environment.
        only: Look at these connections and at nothing else; at everything if None.
        limit_s: How long one connection may take.
        gateway: The daemon that holds the state directory, if one says so.
    """
    began_s = clock.monotonic()
    chosen = settings.connections if only is None else only
    async with asyncio.TaskGroup() as tasks:
        looking = tasks.create_task(
            connections.examine(chosen, state.path, clock, limit_s=limit_s, config=str(settings.file)),
            name="doctor-connections",
        )
        around: list[asyncio.Task[Section]] = []
        if only is None:
            around += [
                tasks.create_task(
                    cloud.examine(destination, settings.file.parent, state.path, clock),
                    name=f"doctor-{destination.name}",
                )
                for destination in settings.destinations
            ]
        # flushing and reading files would hold up the round trips that are measured meanwhile
        machine = (
            tasks.create_task(asyncio.to_thread(_machine, settings, state, environ, gateway), name="doctor-machine")
            if only is None
            else None
        )
    sections = [*looking.result(), *(task.result() for task in around), *(machine.result() if machine else ())]
    took_s = clock.monotonic() - began_s
    return Diagnosis(str(settings.file), settings.gateway.id, metadata.version("tezgah"), took_s, sections)


def _machine(
    settings: Settings, state: StateDirectory, environ: Mapping[str, str], gateway: Daemon | None
) -> list[Section]:
    path, most = state.path / settings.buffer_path.name, settings.buffer.max_size
    daemon = None if gateway is None else _told(gateway)
    if daemon is None:
        held, in_use = bufferfile.of_file(path, most, settings.gateway.id), _size(path)
    else:
        held, in_use = bufferfile.of_daemon(daemon), int(daemon["buffer"]["bytes"])
    return [
        disk.examine(state.path, most, in_use, environ),
        held,
        hostclock.examine(),
        secrets.examine(settings.file, environ),
    ]


def _told(gateway: Daemon) -> dict[str, Any] | None:
    """Return what the daemon says; None if it does not (a killed one leaves its port behind)."""
    try:
        return gateway.health()
    except (NotAnswering, Refused):
        return None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
