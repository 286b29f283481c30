"""What a driver declares about itself: the options it takes and where it is built.

A driver package's `__init__` holds its `SPEC`. Its options are light (pydantic only); the module that
speaks the protocol is imported when a connection of that protocol is built, so a gateway without OPC UA
never loads asyncua.
"""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Protocol, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from edge.clock import Clock
from edge.drivers.inspection import Inspector
from edge.errors import ConfigError
from edge.ports import Driver
from edge.units import Count, Duration, DurationOrOff, StaleAfter
from shared.reading import ReadingType

# names go into the wire and into PostgreSQL keys
Named = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
# what the wire would refuse is refused here: there it would cost every reading of the tag
Unit = Annotated[str, Field(max_length=50, pattern=r"^[^\x00-\x1f\x7f]*$")]
HEARTBEAT_S = 300.0


class Options(BaseModel):
    """A part of the configuration; unknown keys are errors, a number may stand for a text (`name: 7`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Held:
    """What only one connection can have.

    Attributes:
        key: The key of the connection's that names it.
        what: Names it, the same for every connection that wants it.
        why: Why two cannot have it, and what to do; goes on from `.. is taken by connection "x" on line 3; `.
    """

    key: str
    what: str
    why: str


class ConnectionOptions(Options):
    """What every connection takes: nothing beyond its protocol's own keys."""

    @property
    def delivery_s(self) -> float:
        """How old a value may be when it arrives; what was on its way when the gateway died is lost that far back."""
        return 0.0

    @property
    def held(self) -> Held | None:
        """What this connection must have for itself alone, such as a serial port; None if there is no such thing."""
        return None


class PublishOptions(Options):
    """When a reading is kept: every sample, or only on change, and then at least every `heartbeat`.

    Attributes:
        on: `sample` or `change`.
        heartbeat: After so long, seconds, the next sample is kept though nothing changed; None (`off`) for never.
            The default lets whoever looks at a quiet tag know that it lives.
    """

    on: Literal["sample", "change"] = "change"
    heartbeat: DurationOrOff = HEARTBEAT_S


class TagClass(StrEnum):
    """How much a tag matters: `state` is what a machine does and counts, `process` how it does it, `debug` neither."""

    STATE = "state"
    PROCESS = "process"
    DEBUG = "debug"


class CounterOptions(Options):
    """A cumulative count; where it begins again at 0 it was reset, or has rolled over.

    Attributes:
        rollover: How far it counts before it begins again, before scaling: `2^32` for 32 bits; None if it never does.
    """

    rollover: Annotated[Count, Field(gt=0)] | None = None


Amount = float | Annotated[str, Field(pattern=r"^\d+(\.\d+)?\s*%$")]


class CompressOptions(Options):
    """Readings are left out that straight lines between the others tell (edge.acquisition.door).

    Attributes:
        method: `swinging-door`.
        deviation: How far off the lines may be, after scaling; a number, or a percentage of `range`.
        max_interval: Longest time between two kept readings, and longest wait of the newest one.
    """

    method: Literal["swinging-door"] = "swinging-door"
    deviation: Amount
    max_interval: Annotated[Duration, Field(gt=0)] = HEARTBEAT_S


class TagOptions(Options):
    """What every tag takes, beside its protocol's own address keys.

    Attributes:
        every: Period of reading or sampling, seconds; the default's if absent.
        scale, offset: kept value = raw x scale + offset.
        unit: UCUM code.
        range: Lowest and highest plausible value after scaling.
        out_of_range: What becomes of a value outside it, flagged in any case: kept as it is (`flag`), set to the limit
            (`clamp`), or called bad and left out (`bad`).
        deadband: Smallest change worth keeping, after scaling; a number, or a percentage of `range`.
        publish: Overrides the default's.
        compress: How readings are left out that others tell, instead of `publish` and `deadband`.
        map: Raw value to word, such as 2 to producing; the word becomes the reading's text.
        means: What the tag measures, for the cloud.
        lane: Written `class`; how much it matters. What is of class `state` is on disk within 2 ms instead of 50.
        counter: It counts up, and a smaller value is a new beginning.
        stale_after: After so long without a reading its value is called bad; the default's if absent.
    """

    every: Duration | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: Unit = ""
    range: tuple[float, float] | None = None
    out_of_range: Literal["flag", "clamp", "bad"] = "flag"
    deadband: Amount | None = None
    publish: PublishOptions | None = None
    compress: CompressOptions | None = None
    map: dict[int, Named] | None = None
    means: ReadingType = ReadingType.CUSTOM
    lane: Annotated[TagClass, Field(alias="class")] = TagClass.PROCESS
    counter: CounterOptions | None = None
    stale_after: StaleAfter | None = None


class ComputedTag(TagOptions):
    """A tag that no device has: computed of others of the same device.

    Attributes:
        of: Its formula, of names of tags, such as `volts * amps / 1000`.
    """

    of: Annotated[str, Field(min_length=1, max_length=500)]

    @model_validator(mode="before")
    @classmethod
    def _of_a_formula(cls, raw: object) -> object:
        # the short form: nothing but the formula
        return {"of": raw} if isinstance(raw, str) else raw


class DeviceOptions(Options):
    """What every device takes; a driver narrows `tags` to its own tag options.

    Attributes:
        name, on, machine: Its name, its connection, and the cloud's code of the machine it belongs to.
        compute: Tags that are computed of its others, by name.
    """

    name: Named
    on: str
    machine: Named | None = None
    compute: dict[Named, ComputedTag] = Field(default_factory=dict)

    @property
    def families(self) -> Mapping[str, TagOptions]:
        """Patterns of tags that only the driver can find, by the key under which this device has them.

        A name that stands in `tags` too is no point by itself. Defaults are filled in as for any tag, and the driver
        gets the result in its `Surroundings`.
        """
        return {}

    @property
    def is_polled(self) -> bool:
        """Whether each tag is asked for once in its period, so that a multiple of it without a reading is a sign."""
        return False

    @property
    def is_kept_by_source(self) -> bool:
        """Whether the source keeps what we miss until we are back; the driver tells a gap where it did not."""
        return False

    @property
    def begins_afresh(self) -> bool:
        """Whether each session begins with the values as they are, under the time of their last change."""
        return False


@dataclass(frozen=True, slots=True)
class Point:
    """One tag as its driver sees it; the driver's rows name points by their place in its list."""

    device: str
    name: str
    every_s: float
    device_options: DeviceOptions
    options: TagOptions


# keys within the connection's entry, none for the entry itself, and what is wrong there
Objection = tuple[tuple[str | int, ...], str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a driver may need beside its points.

    Attributes:
        state: The gateway's state directory, where a driver keeps what must outlive it in a directory named as its
            protocol (keys, certificates, what it learned); it may not be there yet. None: nothing is kept.
        families: Patterns of which the driver makes points and announces them (`Sample.points`): `options` and
            `every_s` are those of each tag found, `name` is the key in `DeviceOptions.families`.
        down_since_us: Since when this gateway was down before it started, UTC microseconds; None if it never ran.
    """

    state: Path | None = None
    families: Sequence[Point] = ()
    down_since_us: int | None = None


NOWHERE = Surroundings()
_Built_co = TypeVar("_Built_co", covariant=True)


class _Factory(Protocol[_Built_co]):
    def __call__(
        self, name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings, /
    ) -> _Built_co: ...


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """A driver's declaration.

    Attributes:
        protocol: The key that marks a connection as this driver's (`modbus: tcp`, `opcua: opc.tcp://..`).
        connection: The options of a connection, that key among them.
        device: The options of a device; its `tags` is a mapping of name to the driver's tag options.
        factory: "module:function"; the function is `build(connection_name, options, points, clock, around)`.
        inspector: The same, for what `doctor` and `browse` ask; empty if the protocol has none.
        judge: Yields what is wrong with a connection and all its points taken together, such as a line that is asked
            for more than it can carry; pure, and asked whenever a file is read.
        advise: Yields what is sound but will not be had as it is asked for; pure, and asked by `check`.
        companions: Yields the points beside which the driver will find another tag, with that one's name; pure.
    """

    protocol: str
    connection: type[ConnectionOptions]
    device: type[DeviceOptions]
    factory: str
    inspector: str = ""
    judge: Callable[[ConnectionOptions, Sequence[Point]], Iterable[Objection]] | None = None
    advise: Callable[[ConnectionOptions, Sequence[Point]], Iterable[str]] | None = None
    companions: Callable[[ConnectionOptions, Sequence[Point]], Iterable[tuple[Point, str]]] | None = None

    def build(
        self,
        name: str,
        options: ConnectionOptions,
        points: Sequence[Point],
        clock: Clock,
        around: Surroundings = NOWHERE,
    ) -> Driver:
        """Import the driver and build it for one connection; nothing connects yet, and nothing is written."""
        return cast("_Factory[Driver]", _imported(self.factory))(name, options, points, clock, around)

    def inspect(
        self,
        name: str,
        options: ConnectionOptions,
        points: Sequence[Point],
        clock: Clock,
        around: Surroundings = NOWHERE,
    ) -> Inspector:
        """Import the inspector and build it for one connection; `points` may be empty, for `browse`.

        Raises:
            ConfigError: This protocol has no inspector.
        """
        if not self.inspector:
            raise ConfigError(
                f"{name}: the {self.protocol} driver has no inspector; `doctor` and `browse` leave it out"
            )
        return cast("_Factory[Inspector]", _imported(self.inspector))(name, options, points, clock, around)


def _imported(place: str) -> object:
    module, function = place.split(":")
    return getattr(importlib.import_module(module), function)
