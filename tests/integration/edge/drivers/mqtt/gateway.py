"""A gateway in small, to be killed: takes samples, commits them to a file 50 ms later, and acknowledges.

Run as `python gateway.py PORT VERSION FILE commit|take`: when to acknowledge. Points and driver are those of the tests.
"""

import asyncio
import os
import sys
from pathlib import Path

from edge.ports import Sample
from tests.integration.edge.drivers.mqtt.counterpart import driver, points

DISK_S = 0.05
SCALES = points("scales", "plant/scales", {"w": "$.w"}, ts={"path": "$.t", "format": "unix_ms"})


async def run(port: int, version: int, file: Path, acknowledges_at: str) -> None:
    gateway = driver(port, SCALES, version=version)
    loop = asyncio.get_running_loop()
    await gateway.open()
    with file.open("a") as disk:

        def acknowledge(sample: Sample) -> None:
            if sample.receipt is not None:
                gateway.acknowledge([sample.receipt])

        def commit(sample: Sample) -> None:
            for ts, value in zip(sample.readings.ts.tolist(), sample.readings.value.tolist(), strict=True):
                disk.write(f"{ts} {value:.0f}\n")
            disk.flush()
            os.fsync(disk.fileno())
            if acknowledges_at == "commit":
                acknowledge(sample)

        async for sample in gateway.samples():
            loop.call_later(DISK_S, commit, sample)
            if acknowledges_at == "take":
                acknowledge(sample)


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]))
