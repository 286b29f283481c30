"""A gateway that kills itself at a chosen instant of its MQTT traffic; `saboteur.py WHEN NTH run CONFIG`.

WHEN is `before-commit` (a message is received, nothing of it is on disk), `after-commit` (it is on disk, the
broker does not know yet), or `acknowledged-early`, the negative control: a gateway as others are, which tells
the broker first and would write then.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from edge import gateway
from edge.clock import Clock, SystemClock
from edge.drivers.spec import ConnectionOptions, DriverSpec, Point, Surroundings
from edge.ports import Driver, Sample
from edge.settings import known_drivers, load
from edge.state import StateDirectory


class Doomed:
    """A driver that ends its process at the n-th sample."""

    def __init__(self, driver: Driver, when: str, nth: int) -> None:
        self._driver = driver
        self._when = when
        self._left = nth
        self.open = driver.open
        self.finish = driver.finish
        self.close = driver.close

    async def samples(self) -> AsyncIterator[Sample]:
        async for sample in self._driver.samples():
            self._left -= 1
            if self._left <= 0 and self._when == "before-commit":
                die()
            if self._left <= 0 and self._when == "acknowledged-early":
                self._driver.acknowledge([sample.receipt])
                await asyncio.sleep(0.3)  # the PUBACK reaches the broker
                die()
            yield sample

    def acknowledge(self, receipts: Sequence[object]) -> None:
        if self._left <= 0 and self._when == "after-commit":
            die()
        self._driver.acknowledge(receipts)


def die() -> None:
    """End without any cleaning up."""
    os.kill(os.getpid(), signal.SIGKILL)


def build(name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings) -> Driver:
    """Build the MQTT driver with its fate."""
    return Doomed(known_drivers()["mqtt"].build(name, options, points, clock, around), sys.argv[1], int(sys.argv[2]))


def main() -> None:
    """Run the gateway."""
    drivers: dict[str, DriverSpec] = known_drivers()
    sys.modules["saboteur"] = sys.modules["__main__"]
    drivers["mqtt"] = replace(drivers["mqtt"], factory="saboteur:build")
    config = Path(sys.argv[4])
    settings = load(config, os.environ, drivers)
    asyncio.run(gateway.run(settings, StateDirectory(config.parent), SystemClock(), os.environ))


if __name__ == "__main__":
    main()
