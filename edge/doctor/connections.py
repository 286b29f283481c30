"""The doctor's look at connections: every inspector at once, each bounded in time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edge.clock import Clock
from edge.doctor import rows
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Examination, Finding, Inspector, Severity, with_names
from edge.drivers.spec import Surroundings
from edge.errors import ConfigError
from edge.settings import Connection
from shared.errors import AppError

# an inspector bounds itself; this is for one that does not
LIMIT_S = 60.0


async def examine(
    connections: Sequence[Connection], state: Path, clock: Clock, *, limit_s: float = LIMIT_S, config: str = "CONFIG"
) -> list[Section]:
    """Look at all connections at once.

    Args:
        connections: What to look at.
        state: The state directory, where a driver keeps its certificates.
        clock: Time.
        limit_s: How long one of them may take.
        config: The configuration's file, as the commands of findings shall name it.

    Returns:
        A section for each, in their order; trouble is in their findings.
    """
    # all are built before the first is asked: a protocol's library takes up to a second to import, and the loop stands
    # still meanwhile, which a connection with a short `timeout` would take for a machine that does not answer
    built = [_built(connection, state, clock) for connection in connections]
    async with asyncio.TaskGroup() as tasks:
        looks = [
            tasks.create_task(_look(connection, inspector, clock, limit_s), name=f"doctor-{connection.name}")
            for connection, inspector in zip(connections, built, strict=True)
        ]
    return [_named(look.result(), config, connection.name) for look, connection in zip(looks, connections, strict=True)]


def _built(connection: Connection, state: Path, clock: Clock) -> Inspector | Finding:
    """Return the inspector of a connection, or why there is none."""
    around = Surroundings(state, connection.families)
    try:
        return connection.spec.inspect(connection.name, connection.options, connection.points, clock, around)
    except ConfigError as error:
        return Finding(Severity.ERROR if connection.spec.inspector else Severity.NOTE, "", error.message)
    except Exception as error:  # noqa: BLE001 - as in `_look`
        return _defect(error)


async def _look(connection: Connection, inspector: Inspector | Finding, clock: Clock, limit_s: float) -> Section:
    name = f"connection {connection.name} ({connection.spec.protocol})"
    if isinstance(inspector, Finding):
        return Section(name, [inspector])
    try:
        async with asyncio.timeout(limit_s):
            found = await inspector.examine()
    except TimeoutError:
        message = f"no result within {limit_s:g} s; it was left"
        return Section(name, [Finding(Severity.ERROR, "", message, "raise --limit, or look at fewer tags")])
    except AppError as error:
        return Section(name, [Finding(Severity.ERROR, "", error.message)])
    except Exception as error:  # noqa: BLE001 - a defect of one inspector must not hide what the others found
        return Section(name, [_defect(error)])
    return _section(name, connection, found, clock.now_us())


def _named(section: Section, config: str, connection: str) -> Section:
    """Return the section with commands that can be copied."""
    findings = [
        replace(
            found,
            message=with_names(found.message, config, connection),
            fix=with_names(found.fix, config, connection),
        )
        for found in section.findings
    ]
    return replace(section, findings=findings)


def _defect(error: Exception) -> Finding:
    message = f"the inspector failed: {type(error).__name__}: {error}"
    return Finding(Severity.ERROR, "", message, "please report this")


def _section(name: str, connection: Connection, found: Examination, now_us: int) -> Section:
    facts = list(found.facts)
    if found.round_trip_s is not None:
        facts.insert(0, ("round trip", f"{found.round_trip_s * 1e3:.1f} ms"))
    told = list(found.findings)
    if not found.is_reached and not told:
        told.append(Finding(Severity.ERROR, "", "nobody answered there", "check address, port, cable and firewall"))
    told.extend(rows.findings(connection.points, found.probes, told, now_us))
    return Section(name, told, facts, rows.tables(connection.points, found.probes, now_us))
