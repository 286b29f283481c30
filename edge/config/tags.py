"""What a tag's options must agree on among themselves, and how they take up the defaults; pure."""

from collections.abc import Iterator

from edge.config.options import DefaultOptions
from edge.config.spelling import one_of
from edge.drivers.spec import CompressOptions, DeviceOptions, PublishOptions, TagOptions
from edge.ucum import canonical, is_unit, meant
from edge.units import stale_after_s
from shared.reading import MachineState, ReadingType

# faster than 10 ms no fieldbus that we speak delivers; slower than a day nobody would notice a loss
_SHORTEST_S, _LONGEST_S = 0.01, 86_400.0


def disagreements(tag: TagOptions) -> Iterator[tuple[str, str]]:
    """Yield each key that is wrong beside the others, with what was expected."""
    if tag.every is not None:
        yield from _period("every", tag.every)
    if tag.scale == 0:
        yield "scale", "expected a number other than 0, which would make every value the same"
    if tag.range is not None and not tag.range[0] < tag.range[1]:
        yield "range", f"expected the lower limit first, got [{tag.range[0]:g}, {tag.range[1]:g}]"
    if not is_unit(canonical(tag.unit)):
        likely = meant(tag.unit)
        hint = f'did you mean "{likely}"?' if likely else 'a unit of your own is an annotation, such as "{shots}"'
        yield "unit", f'"{tag.unit}" is not a unit of UCUM; {hint}'
    yield from _deadband(tag)
    if tag.compress is not None:
        yield from _compress(tag, tag.compress)
    if tag.map is not None:
        yield from _map(tag, tag.map)
    if tag.counter is not None:
        yield from _counter(tag)


def heartbeat(publish: PublishOptions) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a heartbeat."""
    if publish.heartbeat is not None and publish.heartbeat <= 0:
        yield "publish", "expected a heartbeat longer than 0; write `heartbeat: off` for none"


def _period(key: str, seconds: float) -> Iterator[tuple[str, str]]:
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        yield key, f"expected a period from 10ms to 1d, got {seconds:g}s"


def period(every: float) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a default period."""
    yield from _period("every", every)


def _deadband(tag: TagOptions) -> Iterator[tuple[str, str]]:
    if isinstance(tag.deadband, str):
        if tag.range is None:
            yield "deadband", f"{tag.deadband} is a share of the range; give the tag a range, such as [0, 2000]"
        if float(tag.deadband.rstrip(" %")) > 100:
            yield "deadband", f"expected at most 100% of the range, got {tag.deadband}"
    elif tag.deadband is not None and tag.deadband < 0:
        yield "deadband", f"expected 0 or more, got {tag.deadband:g}"


def _map(tag: TagOptions, words: dict[int, str]) -> Iterator[tuple[str, str]]:
    if tag.scale != 1 or tag.offset != 0:
        yield "map", "a mapped tag keeps its raw number; leave out scale and offset"
    if tag.deadband is not None:
        yield "map", "every change of a mapped tag matters; leave out deadband"
    if tag.means is ReadingType.STATE:
        for number, word in words.items():
            if word not in set(MachineState):
                yield "map", f'{number}: "{word}" is not a machine state; {one_of(word, MachineState)}'


def _compress(tag: TagOptions, compress: CompressOptions) -> Iterator[tuple[str, str]]:
    deviation = compress.deviation
    if isinstance(deviation, str) and tag.range is None:
        yield "compress", f"{deviation} is a share of the range; give the tag a range, such as [0, 2000]"
    if not (float(deviation.rstrip(" %")) if isinstance(deviation, str) else deviation) > 0:
        yield "compress", f"expected a deviation above 0, got {deviation}"
    if tag.deadband is not None or tag.map is not None:
        yield "compress", "a swinging door decides by itself what is kept; leave out deadband and map"
    if tag.publish is not None and "on" in tag.publish.model_fields_set and tag.publish.on == "sample":
        yield "compress", "`on: sample` keeps each reading; leave out one of the two"


def compression(tag: TagOptions, device: DeviceOptions) -> Iterator[tuple[str, str]]:
    """Yield why a device's tags cannot be compressed.

    The newest reading behind a door is in memory only. Whoever keeps his readings until he hears that they are on
    disk must not be told so before.
    """
    if tag.compress is not None and device.is_kept_by_source:
        yield (
            "compress",
            (
                "its source keeps readings until they are on disk, and a swinging door holds the newest back in "
                "memory; use deadband, or qos: 0"
            ),
        )


def _counter(tag: TagOptions) -> Iterator[tuple[str, str]]:
    if tag.map is not None:
        yield "counter", "a counter has no words; leave out map"
    if tag.offset != 0:
        yield "counter", "a counter begins at 0; leave out offset"
    if tag.scale < 0:
        yield "counter", "a counter counts up; expected a scale above 0"


def staleness(tag: TagOptions, *, is_polled: bool) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with what a tag itself says of its staleness."""
    if tag.stale_after is not None and tag.stale_after.rstrip().endswith("x") and not is_polled:
        yield "stale_after", "its readings come when the source has some, not once a period; write a duration, as 30s"


def effective(tag: TagOptions, defaults: DefaultOptions, *, is_polled: bool) -> TagOptions:
    """Return the tag with every default taken up; a `publish` that says one thing takes the rest from the default's.

    Args:
        tag: As the file has it.
        defaults: What holds where it says nothing.
        is_polled: Its readings come once in its period.
    """
    own = tag.publish.model_dump(include=tag.publish.model_fields_set) if tag.publish else {}
    publish = defaults.publish.model_copy(update=own)
    every_s = tag.every if tag.every is not None else defaults.every
    stale = tag.stale_after if tag.stale_after is not None else defaults.stale_after
    limit_s = stale_after_s(stale, every_s if is_polled else None)
    limit = "off" if limit_s is None else f"{limit_s:.9f}s"
    taken = {"publish": publish, "every": every_s, "stale_after": limit, "unit": canonical(tag.unit)}
    return tag.model_copy(update=taken)
