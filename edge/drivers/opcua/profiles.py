"""Owns what is known beforehand of kinds of servers: what they grant, by which name they are recognised; pure.

A server's own word goes before: operation limits that it tells, intervals and queues that it revises. A profile is for
what it does not tell, and to say before the first request what will not be had. The figures are the makers' for the
smallest device of a kind; a larger one grants more, and `profile: generic` takes a warning away that is not true.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class ProfileName(StrEnum):
    """Kinds of servers that the gateway knows."""

    GENERIC = "generic"
    S7_1200 = "s7-1200"
    S7_1500 = "s7-1500"
    SINUMERIK = "sinumerik"
    CODESYS = "codesys"


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of server grants; 0 where nothing is known.

    Attributes:
        title: What people call it.
        marks: What its name or URI has in it, in small letters.
        per_call: Nodes a request.
        items: Monitored items that it carries.
        items_per_s: Samples a second that it carries, all items together.
        sampling_ms, publishing_ms: Shortest intervals.
        sessions: Sessions at once, with all its clients.
        queue: Values that it keeps of an item.
    """

    title: str
    marks: tuple[str, ...] = ()
    per_call: int = 0
    items: int = 0
    items_per_s: int = 0
    sampling_ms: float = 0.0
    publishing_ms: float = 0.0
    sessions: int = 0
    queue: int = 0


PROFILES = {
    ProfileName.GENERIC: Profile("any server"),
    # Siemens, data sheet of the CPU 1214C (6ES7214-1AG40-0XB0), firmware 4.5; taken from memory of it, not read again
    ProfileName.S7_1200: Profile(
        "SIMATIC S7-1200",
        ("s7-1200", "s71200"),
        per_call=1000,
        items=1000,
        sampling_ms=100,
        publishing_ms=200,
        sessions=10,
    ),
    # 1000 nodes a call, more is BadTooManyOperations: issue 177 of epics-modules/opcua. Intervals no shorter than 100
    # and 500 ms, 1000 ms each unless TIA Portal says less: issue 146 of convertersystems/opc-ua-client. Items and
    # sessions: Siemens, data sheet of the CPU 1511-1 PN, firmware 2.8; taken from memory of it, not read again
    ProfileName.S7_1500: Profile(
        "SIMATIC S7-1500",
        ("s7-1500", "s71500"),
        per_call=1000,
        items=1000,
        sampling_ms=100,
        publishing_ms=500,
        sessions=32,
    ),
    # Siemens, SINUMERIK Access MyMachine / OPC UA, Configuration Manual 04/2018 (6FC5397-1DP41-0BA0), chapter 8: 828D
    ProfileName.SINUMERIK: Profile(
        "SINUMERIK",
        ("sinumerik",),
        items_per_s=500,
        sampling_ms=100,
        publishing_ms=100,
        sessions=5,
        queue=10_000,
    ),
    # CODESYS Communication, OPC UA Server Configuration Settings: defaults of V3.5 SP17, which a maker may have changed
    ProfileName.CODESYS: Profile("CODESYS", ("codesys",), per_call=100, sampling_ms=100, sessions=100),
}


def recognised(said: Iterable[str]) -> ProfileName:
    """Return the kind of a server by what it says of itself: product, URIs; `generic` if nothing tells."""
    words = " ".join(said).lower()
    for name, profile in PROFILES.items():
        if any(mark in words for mark in profile.marks):
            return name
    return ProfileName.GENERIC


@dataclass(frozen=True, slots=True)
class Asked:
    """What a configuration asks of one server.

    Attributes:
        sampling_ms: Interval of each watched item.
        publishing_ms: The subscription's.
        queue: The longest queue.
    """

    sampling_ms: tuple[float, ...]
    publishing_ms: float
    queue: int


def overloads(profile: Profile, asked: Asked) -> list[tuple[str, str]]:
    """Return what of a plan such a server may refuse, or never get done, each with its fix."""
    found = []
    items = len(asked.sampling_ms)
    if profile.items and items > profile.items:
        message = f"{items} monitored items, and the smallest {profile.title} carries {profile.items}"
        found.append(
            (message, "`mode: read` for what changes rarely, or arrays and structures instead of single nodes")
        )
    load = sum(1000 / max(interval, 1.0) for interval in asked.sampling_ms)
    if profile.items_per_s and load > profile.items_per_s:
        message = f"{load:.0f} samples a second, and the smallest {profile.title} carries {profile.items_per_s}"
        found.append((message, "a longer `every` for what needs no shorter one"))
    return found


def shortages(profile: Profile, asked: Asked) -> list[tuple[str, str]]:
    """Return where such a server will give less than is asked, each with its fix; asked, it says so itself."""
    found = []
    faster = sum(interval < profile.sampling_ms for interval in asked.sampling_ms)
    if faster:
        message = f"{faster} tags are to be sampled faster than the {profile.sampling_ms:g} ms of a {profile.title}"
        found.append((message, f"every: {profile.sampling_ms:g}ms"))
    if asked.sampling_ms and asked.publishing_ms < profile.publishing_ms:
        message = f"publishing every {asked.publishing_ms:g} ms, faster than the {profile.publishing_ms:g} ms of a"
        found.append((f"{message} {profile.title}", f"publishing_interval: {profile.publishing_ms:g}ms"))
    if profile.queue and asked.queue > profile.queue:
        message = f"queues of {asked.queue} values, and a {profile.title} keeps {profile.queue}"
        found.append((message, "a shorter `survive_outage`, or a longer `every`"))
    return found
