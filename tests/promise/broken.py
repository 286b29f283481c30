"""Modbus drivers that break the promise, each in the way of gateways that are about: what the controls run with."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace

import numpy as np

from edge.clock import Clock
from edge.drivers.modbus import SPEC
from edge.drivers.spec import ConnectionOptions, Point, Surroundings
from edge.errors import DriverError
from edge.ports import Driver, Sample
from shared.reading import Quality


class _Broken:
    """The driver, whose samples come as a subclass says."""

    def __init__(self, driver: Driver, clock: Clock) -> None:
        self._driver, self._clock = driver, clock
        self.open, self.close = driver.open, driver.close
        self.finish, self.acknowledge = driver.finish, driver.acknowledge

    def samples(self) -> AsyncIterator[Sample]:
        return self._driver.samples()


class Forgetful(_Broken):
    """Loses one sample of thirty."""

    async def samples(self) -> AsyncIterator[Sample]:
        number = 0
        async for sample in self._driver.samples():
            number += 1
            if number % 30:
                yield sample


class Stammering(_Broken):
    """Says one sample of thirty again, after the others that came with it."""

    async def samples(self) -> AsyncIterator[Sample]:
        last: deque[Sample] = deque(maxlen=4)
        number = 0
        async for sample in self._driver.samples():
            number += 1
            yield sample
            last.append(sample)
            if not number % 30:
                yield last[0]


class Secretive(_Broken):
    """Makes a lost session again by itself, and tells nobody."""

    async def samples(self) -> AsyncIterator[Sample]:
        while True:
            try:
                async for sample in self._driver.samples():
                    yield sample
            except DriverError:
                await self._again()
            else:
                return

    async def _again(self) -> None:
        while True:
            try:
                return await self._driver.open()
            except DriverError:
                await self._clock.sleep(1)


class Patient(_Broken):
    """Waits for who does not answer, and lets the others wait too."""

    async def samples(self) -> AsyncIterator[Sample]:
        async for sample in self._driver.samples():
            yield sample
            if Quality.BAD in sample.readings.quality:
                await self._clock.sleep(10)


class Credulous(_Broken):
    """Takes whatever comes for a value."""

    async def samples(self) -> AsyncIterator[Sample]:
        async for sample in self._driver.samples():
            taken = sample.readings
            is_bad = taken.quality == Quality.BAD
            believed = replace(
                taken, quality=np.full_like(taken.quality, Quality.GOOD), value=np.where(is_bad, 0.0, taken.value)
            )
            yield replace(sample, readings=believed)


def _maker(kind: Callable[[Driver, Clock], Driver]) -> Callable[..., Driver]:
    def build(
        name: str, options: ConnectionOptions, points: Sequence[Point], clock: Clock, around: Surroundings
    ) -> Driver:
        return kind(SPEC.build(name, options, points, clock, around), clock)

    return build


forgetful, stammering, secretive, patient, credulous = map(
    _maker, (Forgetful, Stammering, Secretive, Patient, Credulous)
)
