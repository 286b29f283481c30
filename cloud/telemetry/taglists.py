"""Owns the lists of tags that batches brought lately: a gateway names the same ones batch after batch.

The same bytes give the very same list, so whoever asks about it (`dictionary`) can know it by its identity. Of a batch
of five thousand tags, reading the list again and looking up each of them was half of the work.
"""

from collections import OrderedDict

from shared.reading import Tag
from shared.wire.payload import tags_of

# some hundred gateways' lists, of 60 bytes a tag; as objects they are several times larger
MAX_BYTES = 4 * 2**20


class TagLists:
    """Remembers what sections of tags say, the latest of them."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._known: OrderedDict[bytes, list[Tag]] = OrderedDict()

    def read(self, section: bytes) -> list[Tag]:
        """Return a section's tags, not to be altered.

        Raises:
            ValueError: See `payload.tags_of`; such a section is not remembered.
        """
        tags = self._known.get(section)
        if tags is not None:
            self._known.move_to_end(section)
            return tags
        tags = self._known[section] = tags_of(section)
        self._bytes += len(section)
        while self._bytes > self._max_bytes:
            self._bytes -= len(self._known.popitem(last=False)[0])
        return tags
