"""What a protocol lets the tools see of a connection: `doctor` examines it, `browse` looks for what is there.

An inspector connects for itself, once and bounded in time, reads, and changes nothing at the source: it makes no
subscription that outlives it, takes over no session, and writes no value. It works with a daemon and without.
"""

import re
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from shared.reading import Quality


class Severity(StrEnum):
    """How much a finding matters; an error makes `doctor` exit with a failure."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something an engineer should know about a connection, with what to do about it.

    Attributes:
        severity: How much it matters.
        about: The device, or `device.tag`; empty for the connection itself.
        message: What was found, with names and values.
        fix: The next step, such as a line of configuration or a command; empty if there is none to take. In a command,
            here and in `message`, `CONFIG` and `CONNECTION` stand for names that `with_names` puts in.
    """

    severity: Severity
    about: str
    message: str
    fix: str = ""


def with_names(words: str, config: str, connection: str) -> str:
    """Put the names of file and connection into the commands of some words, so that they can be copied."""

    def named(command: re.Match[str]) -> str:
        text = command[0].replace(" CONFIG", f" {shlex.quote(config)}")
        return text.replace(" CONNECTION", f" {shlex.quote(connection)}")

    return re.sub(r"tezgah-edge \w+ CONFIG( CONNECTION)?\b", named, words)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to read the same raw words, such as a byte order.

    Attributes:
        label: What the configuration would say, such as `big-swap`.
        value: How the raw words read that way, before scaling, as it is shown.
        is_configured: It is what the configuration says.
        is_plausible: Its value is the likely one, as far as its size and the tag's `range` tell.
    """

    label: str
    value: str
    is_configured: bool = False
    is_plausible: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """One tag, read once.

    Attributes:
        point: Its place in the list of points that the inspector was built with.
        raw: What the source sent, as it is shown, such as `41A4 0000`; empty if it sent nothing.
        value: The decoded value before scaling; None if there is none.
        quality: How far the value may be trusted.
        code: The protocol's own name for the quality, such as `BadNodeIdUnknown` or `exception 2`.
        source_us: The source's time of the value, microseconds since 1970 UTC; None if it says none.
        alternatives: Other ways to read the same words, the configured one among them; empty where there is one only.
        server_us: When a server learned of the value, where that is to be kept too; None if it is not, or not said.
    """

    point: int
    raw: str
    value: float | str | None
    quality: Quality
    code: str = ""
    source_us: int | None = None
    alternatives: Sequence[Alternative] = ()
    server_us: int | None = None


@dataclass(frozen=True, slots=True)
class Examination:
    """One connection, looked at once.

    Attributes:
        is_reached: Somebody answered; else `findings` say why not.
        round_trip_s: The median of the requests made; None if none was answered.
        facts: What the connection says of itself and what the plan asks of it, label and text, in the order to be
            shown: endpoints and policies offered, the certificate, planned requests, bus time, a broker's version.
        probes: One for each point that could be asked for.
        findings: What is wrong or doubtful, the worst first.
    """

    is_reached: bool
    round_trip_s: float | None = None
    facts: Sequence[tuple[str, str]] = ()
    probes: Sequence[Probe] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Something on a connection that could become a tag, or that holds such things.

    Attributes:
        path: Where it is, from the top: names of an OPC UA tree, levels of a topic, unit and table of a Modbus line.
        name: A name for the tag, unique within its device.
        device: A name for the device it belongs to.
        device_options: What the configuration would say of that device, beside `name`, `on` and `tags`.
        tag_options: What the configuration would say of the tag; None for a folder, which is only shown.
        value: Its present value, as it is shown.
        note: Its data type, unit or description.
    """

    path: Sequence[str]
    name: str = ""
    device: str = ""
    device_options: Mapping[str, object] | None = None
    tag_options: Mapping[str, object] | None = None
    value: str = ""
    note: str = ""


class Inspector(Protocol):
    """A protocol's look at one connection; built as a driver is, by `DriverSpec.inspect`."""

    async def examine(self) -> Examination:
        """Connect once, read every point once, and leave; trouble is told as findings and never raised."""
        ...

    def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        """Yield what is there, as it is found.

        Args:
            where: Where to begin, in the protocol's words (a browse path or node, a topic filter, units and ranges such
                as `1-10 holding 0-199`); empty for the protocol's usual beginning.
            limit_s: How long to look, seconds; a broker is listened to for so long.

        Raises:
            DriverError: The connection could not be made, or was lost.
            ConfigError: `where` is not of the protocol's form.
        """
        ...
