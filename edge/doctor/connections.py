"""The doctor's look at connections: every inspector at once, each bounded in time."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from edge.clock import Clock
from edge.doctor import rows
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Examination, Finding, Severity
from edge.drivers.spec import Surroundings
from edge.errors import ConfigError
from edge.settings import Connection
from shared.errors import AppError

# an inspector bounds itself; this is for one that does not
LIMIT_S = 60.0


async def examine(
    connections: Sequence[Connection], state: Path, clock: Clock, *, limit_s: float = LIMIT_S
) -> list[Section]:
    """Look at all connections at once.

    Args:
        connections: What to look at.
        state: The state directory, where a driver keeps its certificates.
        clock: Time.
        limit_s: How long one of them may take.

    Returns:
        A section for each, in their order; trouble is in their findings.
    """
    async with asyncio.TaskGroup() as tasks:
        looks = [
            tasks.create_task(_look(connection, state, clock, limit_s), name=f"doctor-{connection.name}")
            for connection in connections
        ]
    return [look.result() for look in looks]


async def _look(connection: Connection, state: Path, clock: Clock, limit_s: float) -> Section:
    name = f"connection {connection.name} ({connection.spec.protocol})"
    try:
        async with asyncio.timeout(limit_s):
            around = Surroundings(state, connection.families)
            inspector = connection.spec.inspect(connection.name, connection.options, connection.points, clock, around)
            found = await inspector.examine()
    except TimeoutError:
        message = f"no result within {limit_s:g} s; it was left"
        return Section(name, [Finding(Severity.ERROR, "", message, "raise --limit, or look at fewer tags")])
    except ConfigError as error:
        severity = Severity.ERROR if connection.spec.inspector else Severity.NOTE
        return Section(name, [Finding(severity, "", error.message)])
    except AppError as error:
        return Section(name, [Finding(Severity.ERROR, "", error.message)])
    except Exception as error:  # noqa: BLE001 - a defect of one inspector must not hide what the others found
        message = f"the inspector failed: {type(error).__name__}: {error}"
        return Section(name, [Finding(Severity.ERROR, "", message, "please report this")])
    return _section(name, connection, found, clock.now_us())


def _section(name: str, connection: Connection, found: Examination, now_us: int) -> Section:
    facts = list(found.facts)
    if found.round_trip_s is not None:
        facts.insert(0, ("round trip", f"{found.round_trip_s * 1e3:.1f} ms"))
    told = list(found.findings)
    if not found.is_reached and not told:
        told.append(Finding(Severity.ERROR, "", "nobody answered there", "check address, port, cable and firewall"))
    told.extend(rows.findings(connection.points, found.probes, told, now_us))
    return Section(name, told, facts, rows.tables(connection.points, found.probes, now_us))
