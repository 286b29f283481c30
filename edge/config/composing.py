"""A configuration of two parts: the gateway's own file, and a document that the cloud set for it; pure.

The document speaks of what is read: `defaults`, `templates`, `devices` and, where the own file lets it, `connections`.
A section that it has takes the place of the own file's. Who the gateway is, where it sends, what it keeps and whom it
lets look stands in the own file alone, and so does every secret: a reference is looked up nowhere else, and a
connection that has one is the own file's. Else whoever rules the cloud could have any file read, and any password sent
to a server of his.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from edge.config.document import Document
from edge.config.files import Files
from edge.config.mistakes import Loc
from edge.config.yamlfile import read

_Known = TypeVar("_Known")
# what the document is called, beside the gateway's own file; nothing of this name is ever read from disk
FROM_CLOUD = "configuration-from-cloud.yaml"
_OWN = ("gateway", "cloud", "destinations", "buffer", "health")
_SECTIONS = ("version", "defaults", "templates", "connections", "devices")
_WHERE = "leave it out, or write it as the gateway's own file does"


def beside(file: Path) -> Path:
    """Return what the cloud's document is called for a gateway whose own file this is."""
    return file.with_name(FROM_CLOUD)


def composed(own: Document, path: Path) -> Document:
    """Return what an own file and the cloud's document come to together.

    Args:
        own: The gateway's own file, sound so far.
        path: The own file's; the document is among what its `files` were given.

    Raises:
        ConfigMistakes: One of the two cannot be read to its end.
    """
    cloud = own.root.get("cloud")
    level = cloud.get("configures") if isinstance(cloud, dict) else None
    if level not in {"devices", "connections"} or not own.files.holds(beside(path)):
        return own
    own.raise_mistakes()
    as_written = read(path, None, Files(dict(own.files.contents)))
    theirs = read(beside(path), None, own.files)
    composing = _Composing(own, as_written, theirs)
    absent = [section for section in _SECTIONS if section not in theirs.root and section in own.root]
    for section in _OWN:
        composing.keep_own((section,))
    for section in absent:
        composing.graft((section,))
    if "connections" not in absent:
        for name in composing.own_connections(every=level == "devices"):
            composing.keep_own(("connections", name))
        if level == "devices":
            composing.refuse_other_connections()
    composing.refuse_references()
    composing.refuse_imports()
    return theirs


class _Composing:
    """The cloud's document while it takes up parts of the own file."""

    def __init__(self, own: Document, as_written: Document, theirs: Document) -> None:
        self._own = own
        self._as_written = as_written
        self._theirs = theirs

    def keep_own(self, loc: Loc) -> None:
        """Take a part from the own file; the document may only have it as it is written there."""
        theirs, own = _at(self._theirs.root, loc), _at(self._as_written.root, loc)
        if theirs is not None and theirs != own:
            self._theirs.mistake(loc, f"is set at the gateway only; {_WHERE}")
        if own is not None:
            self.graft(loc)
        elif len(loc) == 1:
            self._theirs.root.pop(loc[0], None)

    def own_connections(self, *, every: bool) -> list[Any]:
        """Return the names of the own file's connections, or only of those that refer to a secret."""
        connections = self._own.root.get("connections")
        names = list(connections) if isinstance(connections, dict) else []
        secret = {loc[1] for loc in self._own.written if len(loc) > 2 and loc[0] == "connections"}
        return [name for name in names if every or name in secret]

    def refuse_other_connections(self) -> None:
        """Note each connection of the document that the own file has not."""
        known = self._own.root.get("connections")
        for name in _names(self._theirs.root.get("connections")):
            if not (isinstance(known, dict) and name in known):
                message = "this gateway takes no connections from the cloud (cloud.configures: devices)"
                self._theirs.mistake(("connections", name), message)

    def refuse_references(self) -> None:
        """Note each reference that is not the own file's."""
        grafted = self._theirs.grafted
        for loc in self._theirs.written:
            if not any(loc[: len(part)] == part for part in grafted):
                message = "a reference is looked up in the gateway's own file only; let the connection stand there"
                self._theirs.mistake(loc, message)
                self._theirs.dead.add(loc)

    def refuse_imports(self) -> None:
        """Note each file that the document would have read."""
        devices = self._theirs.root.get("devices")
        for index, entry in enumerate(devices if isinstance(devices, list) else ()):
            if isinstance(entry, dict) and "import" in entry and ("devices",) not in self._theirs.grafted:
                message = "files are read for the gateway's own file only; list the devices here"
                self._theirs.mistake(("devices", index, "import"), message)
                del entry["import"]

    def graft(self, loc: Loc) -> None:
        """Put a part of the own file into the document, with all that is known of it."""
        theirs, own = self._theirs, self._own
        _replace(theirs.lines, own.lines, loc)
        _replace(theirs.references, own.references, loc)
        _replace(theirs.written, own.written, loc)
        _replace(theirs.imported, own.imported, loc)
        for mine, others in ((theirs.whole, own.whole), (theirs.dead, own.dead)):
            mine -= {place for place in mine if place[: len(loc)] == loc}
            mine |= {place for place in others if place[: len(loc)] == loc}
        theirs.grafted[loc] = own.file
        parent = theirs.root
        for key in loc[:-1]:
            if not isinstance(parent.get(key), dict):
                parent[key] = {}
            parent = parent[key]
        parent[loc[-1]] = _at(own.root, loc)


def _replace(mine: dict[Loc, _Known], others: Mapping[Loc, _Known], loc: Loc) -> None:
    """Let what is known at and below a place be what the other knows."""
    for place in [place for place in mine if place[: len(loc)] == loc]:
        del mine[place]
    mine.update({place: known for place, known in others.items() if place[: len(loc)] == loc})


def _at(root: Any, loc: Loc) -> Any:
    for key in loc:
        root = root.get(key) if isinstance(root, dict) else None
    return root


def _names(section: Any) -> Iterator[Any]:
    yield from section if isinstance(section, dict) else ()
