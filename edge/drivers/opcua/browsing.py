"""Owns the search of a server's address space: what a path with wildcards leads to, level by level.

A path names nodes by their browse names from Objects on: `Objects/Press/Temps/*` is all below Temps, `**` any depth.
A name may bear its namespace (`2:Temps`); without, any namespace fits. `**` is the last level, or the last but one.
"""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.object_ids import ObjectIds

from edge.drivers.opcua import services
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session
from edge.errors import DriverError

# where a path may begin
BEGINNINGS = {
    "Root": ObjectIds.RootFolder,
    "Objects": ObjectIds.ObjectsFolder,
    "Types": ObjectIds.TypesFolder,
    "Views": ObjectIds.ViewsFolder,
}
DEEP = "**"
# a pattern that leads to more is a mistake, and would be a tag each
_MOST_NODES = 100_000
_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A node with the way to it; `names` are browse names, from where the path began."""

    node: ua.NodeId
    names: tuple[str, ...]
    is_variable: bool
    browse_name: str
    type_definition: ua.NodeId | None = None


def split(path: str) -> list[str]:
    """Return the levels of a path; a slash within a name is written `&/` (OPC 10000-4, A.2)."""
    levels = [""]
    marks = iter(path)
    for mark in marks:
        if mark == "&":
            levels[-1] += next(marks, "")
        elif mark == "/":
            levels.append("")
        else:
            levels[-1] += mark
    return [level for level in levels if level]


async def find(session: Session, bounds: Limits, path: str, skip: ua.NodeId | None = None) -> AsyncIterator[Place]:
    """Yield the nodes that a path leads to, each once; what is below `skip` is not looked at for a `**`.

    Raises:
        DriverError: The session was lost, or the path leads to too many nodes.
    """
    levels = split(path)
    first = levels[0] if levels else "Objects"
    root = ua.NodeId(ua.Int32(BEGINNINGS.get(first, ObjectIds.ObjectsFolder)))
    rest = levels[1:] if first in BEGINNINGS else levels
    here = [Place(root, (), is_variable=False, browse_name=first)]
    for position, level in enumerate(rest):
        is_last = position == len(rest) - 1
        if level == DEEP:
            async for place in _below(session, bounds, here, skip):
                if is_last or fits(place, rest[position + 1]):
                    yield place
            return
        here = [place for place in await _children(session, bounds, here) if fits(place, level)]
        if len(here) > _MOST_NODES:
            raise DriverError(f"{session.name}: {path} leads to more than {_MOST_NODES} nodes; name fewer")
    for place in here:
        yield place


async def below(session: Session, bounds: Limits, node: ua.NodeId) -> AsyncIterator[Place]:
    """Yield everything below a node, each node once."""
    async for place in _below(session, bounds, [Place(node, (), is_variable=False, browse_name="")], None):
        yield place


async def _below(
    session: Session, bounds: Limits, here: Sequence[Place], skip: ua.NodeId | None
) -> AsyncIterator[Place]:
    """Yield everything below some nodes, each node once, however often it is referred to."""
    seen = {place.node for place in here} | ({skip} if skip is not None else set())
    for _ in range(_DEEPEST):
        level = []
        for place in await _children(session, bounds, here):
            if place.node not in seen:
                seen.add(place.node)
                level.append(place)
                yield place
        if len(seen) > _MOST_NODES:
            raise DriverError(f"{session.name}: a path with {DEEP} leads to more than {_MOST_NODES} nodes; name fewer")
        here = level
        if not here:
            return


async def _children(session: Session, bounds: Limits, here: Sequence[Place]) -> list[Place]:
    nodes = [place.node for place in here]
    found = await services.references(session, bounds, nodes, ObjectIds.HierarchicalReferences)
    return [
        Place(
            each.NodeId,
            (*place.names, f"{each.BrowseName.NamespaceIndex}:{each.BrowseName.Name}"),
            each.NodeClass == ua.NodeClass.Variable,
            each.BrowseName.Name or "",
            each.TypeDefinition,
        )
        for place, references in zip(here, found, strict=True)
        for each in references
    ]


def fits(place: Place, level: str) -> bool:
    """Tell whether a place is what one level of a path names: a browse name, perhaps with its namespace."""
    index, _, name = level.partition(":")
    if index.isdecimal() and name:
        return _matches(place.names[-1], level)
    return _matches(place.browse_name, level)


def _matches(name: str, pattern: str) -> bool:
    """Tell whether a name is of a pattern; brackets, which names of arrays have, mean themselves."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), name, re.DOTALL) is not None
