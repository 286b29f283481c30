"""What a device's computed tags must be: formulas of its own tags, under names of their own; pure."""

from collections.abc import Callable, Iterator

from edge.config import tags
from edge.config.document import Document
from edge.config.mistakes import Loc
from edge.config.options import DefaultOptions
from edge.config.spelling import one_of
from edge.drivers.spec import DeviceOptions, Point
from edge.formula import FormulaError, parse


def computed(
    document: Document, device: DeviceOptions, defaults: DefaultOptions, place: Callable[[Loc], Loc]
) -> Iterator[Point]:
    """Yield the points of a device that are computed of its others; what is wrong with one is noted.

    Args:
        document: Where mistakes are noted.
        device: Sound in itself.
        defaults: What a tag takes up that it does not say.
        place: From a location within the device to one in the document.
    """
    known = getattr(device, "tags", {})
    for name, tag in device.compute.items():
        loc = place(("compute", name))
        if name in known:
            document.mistake(loc, f'the device has a tag "{name}" already; call the computed one otherwise')
        for key, message in (*tags.disagreements(tag), *tags.heartbeat(tag.publish or defaults.publish)):
            document.mistake(place(("compute", name, key)), message)
        for key, message in (*tags.staleness(tag, is_polled=False), *tags.compression(tag, device)):
            document.mistake(place(("compute", name, key)), message)
        try:
            formula = parse(tag.of)
        except FormulaError as error:
            document.mistake(loc, f"{tag.of!r}: {error}")
            continue
        for word, column in formula.names.items():
            if word not in known:
                message = f'{tag.of!r}: at column {column}: the device has no tag "{word}"; {one_of(word, known)}'
                document.mistake(loc, message)
        options = tags.effective(tag, defaults, is_polled=False)
        yield Point(device.name, name, options.every or defaults.every, device, options)
