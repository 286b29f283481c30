"""Owns what a configured address means on a server: a node id, one by namespace URI, or a path of browse names."""

from collections.abc import Iterable, Sequence

from asyncua import ua

from edge.drivers.opcua import browsing, services
from edge.drivers.opcua.services import Limits
from edge.drivers.opcua.session import Session

PATH = "path="


async def resolved(session: Session, bounds: Limits, texts: Iterable[str]) -> dict[str, ua.NodeId]:
    """Return the node of each address that the server has; of several that a path leads to, the first.

    Raises:
        DriverError: The session was lost.
    """
    wanted = dict.fromkeys(texts)
    needs_names = any(text.startswith("nsu=") for text in wanted)
    namespaces = await services.namespaces(session) if needs_names else []
    found: dict[str, ua.NodeId] = {}
    for text in wanted:
        if text.startswith(PATH):
            async for place in browsing.find(session, bounds, text.removeprefix(PATH)):
                found.setdefault(text, place.node)
        elif (node := resolve(text, namespaces)) is not None:
            found[text] = node
    return found


def resolve(text: str, namespaces: Sequence[str]) -> ua.NodeId | None:
    """Return the node id that a configured text means on a server with these namespaces, None if it has no such one."""
    if not text.startswith("nsu="):
        return ua.NodeId.from_string(text)
    uri, identifier = text.removeprefix("nsu=").split(";", 1)
    # a semicolon in the URI is written %3B, a percent sign %25 (Part 6, 5.1.12)
    uri = uri.replace("%3B", ";").replace("%25", "%")
    return ua.NodeId.from_string(f"ns={namespaces.index(uri)};{identifier}") if uri in namespaces else None


def lasting(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """Return a node id as the configuration writes it so that it survives a new order of namespaces."""
    text = str(node.to_string())
    index = node.NamespaceIndex
    if not index or index >= len(namespaces):
        return text
    uri = namespaces[index].replace("%", "%25").replace(";", "%3B")
    return f"nsu={uri};{text.partition(';')[2]}"
