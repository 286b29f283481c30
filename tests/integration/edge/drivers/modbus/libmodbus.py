"""Builds and runs the slave that is not ours (libmodbus_server.c); left out openly without libmodbus or gcc."""

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from simulators.cable import Cable

SOURCE = Path(__file__).with_name("libmodbus_server.c")
NOTHING_SKIPPED = os.environ.get("TEZGAH_TEST_NOTHING_SKIPPED") == "1"
IS_THERE = shutil.which("gcc") is not None and Path("/usr/include/modbus/modbus.h").exists()
# without them there are no forms to test, unless that is forbidden: then the tests fail at building
FORMS = ["tcp", "rtu"] if IS_THERE or NOTHING_SKIPPED else []
UNIT = 17


def built(directory: Path) -> Path:
    """Compile the server."""
    binary = directory / "libmodbus_server"
    command = [
        "gcc",
        "-O1",
        "-Wall",
        "-Wno-overflow",
        "-I/usr/include/modbus",
        str(SOURCE),
        "-o",
        str(binary),
        "-lmodbus",
    ]
    subprocess.run(command, check=True, timeout=60)
    return binary


@contextlib.asynccontextmanager
async def serving(binary: Path, form: str) -> AsyncIterator[dict[str, object]]:
    """Run the server, and hand out the keys of a connection to it."""
    cable = Cable()
    if form == "rtu":
        cable.plug()
        words = ["rtu", str(cable.far), str(UNIT)]
    else:
        words = ["tcp"]
    process = await asyncio.create_subprocess_exec(str(binary), *words, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            port = int(await process.stdout.readline())
        if form == "rtu":
            yield {"modbus": "rtu", "port": str(cable.near), "baud": 115200, "parity": "none"}
        else:
            yield {"modbus": "tcp", "host": "127.0.0.1", "port": port}
    finally:
        process.kill()
        await process.wait()
        cable.close()
