"""The labels of tags: their descriptors as they travel in a batch, each encoded and checked once for all batches."""

from collections.abc import Sequence

import msgspec

from shared.reading import Tag


class Labels:
    """Labels some tags, when they are first used.

    Attributes:
        tags: Whose labels these are; never changed.
    """

    def __init__(self, tags: Sequence[Tag]) -> None:
        self.tags = tags
        self._known: dict[int, msgspec.Raw] = {}

    def of(self, places: Sequence[int]) -> bytes:
        """Return the JSON list of the labels of the tags at these places.

        Raises:
            msgspec.ValidationError: A tag is none that a reader of the batch would take.
        """
        known = self._known
        for place in places:
            if place not in known:
                known[place] = _label(self.tags[place])
        return msgspec.json.encode([known[place] for place in places])


def _label(tag: Tag) -> msgspec.Raw:
    label = msgspec.json.encode(tag)
    msgspec.json.decode(label, type=Tag)
    return msgspec.Raw(label)
