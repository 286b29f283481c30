"""The files that a configuration is made of: each read once, and remembered as it was read."""

import hashlib
from collections.abc import Mapping
from pathlib import Path


class Files:
    """Reads files, or hands out those that were read at another time.

    Args:
        remembered: Absolute path to content; no other file exists then. Files are read from disk if None.
        given: Absolute path to content of files that need not be on disk.

    Attributes:
        contents: Absolute path to content of every file that was read so far.
    """

    def __init__(self, remembered: Mapping[str, bytes] | None = None, given: Mapping[str, bytes] | None = None) -> None:
        self._remembered = remembered
        self._given = given if given is not None else remembered if remembered is not None else {}
        self.contents: dict[str, bytes] = {}

    def holds(self, path: Path) -> bool:
        """Whether a file's content was handed over, so that it need not be on disk."""
        return str(path.absolute()) in self._given

    def read(self, path: Path, limit: int) -> bytes:
        """Return a file's content, one byte more than `limit` at most.

        Raises:
            OSError: It cannot be read.
            ValueError: No file can have such a name.
        """
        key = str(path.absolute())
        if key in self._given:
            content = self._given[key]
        elif self._remembered is None:
            with path.open("rb") as file:
                content = file.read(limit + 1)
        else:
            raise FileNotFoundError(2, "not among what is remembered", key)
        self.contents[key] = content
        return content


def fingerprint(contents: Mapping[str, bytes]) -> str:
    """Return what tells one state of a configuration's files from every other one; secrets are not in them."""
    digest = hashlib.sha256()
    for name in sorted(contents):
        for part in (name.encode("utf-8", "surrogateescape"), contents[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
