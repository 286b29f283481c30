"""An inspector that finds what it is told, and a specification whose connections are looked at by such ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge.drivers.inspection import Examination, Found
from edge.drivers.spec import DriverSpec, Point
from edge.errors import DriverError
from edge.settings import known_drivers
from shared.errors import AppError


@dataclass
class ScriptedInspector:
    """Yields what is put in; an error put in is raised, and with nothing at all it hangs."""

    examination: Examination | Exception | None = None
    found: Sequence[Found | AppError] = ()
    asked: list[tuple[str, float]] = field(default_factory=list)

    async def examine(self) -> Examination:
        if self.examination is None:
            await asyncio.Event().wait()
            raise DriverError("never")
        if isinstance(self.examination, Exception):
            raise self.examination
        return self.examination

    async def browse(self, where: str, limit_s: float) -> AsyncIterator[Found]:
        self.asked.append((where, limit_s))
        for item in self.found:
            if isinstance(item, AppError):
                raise item
            yield item


class InspectedSpec(DriverSpec):
    """A protocol's own options, looked at by what `make` returns for a connection's name and points."""

    make: Callable[[str, Sequence[Point]], ScriptedInspector]

    def inspect(self, name: str, options: Any, points: Sequence[Point], *rest: Any) -> ScriptedInspector:
        return self.make(name, points)


def specs(make: Callable[[str, Sequence[Point]], ScriptedInspector]) -> dict[str, DriverSpec]:
    """Return the gateway's drivers with scripted inspectors."""
    found: dict[str, DriverSpec] = {}
    for protocol, spec in known_drivers().items():
        kind = type("ScriptedSpec", (InspectedSpec,), {"make": staticmethod(make)})
        found[protocol] = kind(spec.protocol, spec.connection, spec.device, spec.factory, "scripted")
    return found
