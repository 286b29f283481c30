"""The Modbus plant says what it enters in its ledger, and nothing else; asked by pymodbus' own client."""

import struct
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from pymodbus.client import AsyncModbusTcpClient

from edge.clock import SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.spec import Point
from simulators.ledger import Ledger, entries
from simulators.machine import Machine, Protocol
from simulators.modbus import ModbusPlant, layout
from simulators.plant import plant, speaking

# a reading as the ledger has it: device, tag, no time, value
Said = tuple[str, str, int, float]
FORMATS = {"float32": ">f", "uint32": ">I", "uint16": ">H"}


class Wall:
    """A wall clock that gains a second whenever it is read."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000

    def __call__(self) -> int:
        self.now_us += 1_000_000
        return self.now_us


class Plant:
    """Two machines served, their ledger, and a client."""

    def __init__(self, path: Path, ledger: Ledger) -> None:
        self.machines: list[Machine] = speaking(plant(2), Protocol.MODBUS)
        self.served = ModbusPlant(self.machines, ledger, now_us=Wall())
        self._path = path
        self._ledger = ledger

    def said(self) -> list[Said]:
        self._ledger.flush()
        return [(entry.device, entry.tag, entry.ts_us, entry.value) for entry in entries(self._path)]

    async def read(self, unit: int, address: int, count: int) -> list[int]:
        async with AsyncModbusTcpClient("127.0.0.1", port=self.served.port, timeout=5) as client:
            answer = await client.read_holding_registers(address, count=count, device_id=unit)
        return list(answer.registers)

    async def values(self, unit: int) -> dict[str, float]:
        """Read all of a machine, and decode it independently."""
        places = layout(self.machines[unit - 1])
        data = struct.pack(f">{places[-1].end}H", *await self.read(unit, 0, places[-1].end))
        return {
            place.signal.name: struct.unpack_from(FORMATS[place.type], data, 2 * place.address)[0] for place in places
        }


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.csv") as book:
        yield book


@pytest.fixture
async def served(tmp_path: Path, ledger: Ledger) -> AsyncIterator[Plant]:
    made = Plant(tmp_path / "ledger.csv", ledger)
    await made.served.start()
    yield made
    await made.served.stop()


async def test_what_was_answered_is_what_is_entered(served: Plant) -> None:
    served.served.begin()
    answered = [(unit, await served.values(unit)) for unit in (1, 2, 1)]
    assert served.said() == [
        (served.machines[unit - 1].device, signal, 0, value)
        for unit, values in answered
        for signal, value in values.items()
    ]


async def test_only_signals_that_lie_whole_in_an_answer_are_entered(served: Plant) -> None:
    second, third = layout(served.machines[0])[1:3]
    await served.read(1, second.address - 1, third.end - second.address)
    assert [tag for _, tag, _, _ in served.said()] == [second.signal.name]


async def test_values_move_from_begin_to_quiet(served: Plant) -> None:
    still = [await served.values(1) for _ in range(3)]
    assert still[0] == still[1] == still[2]
    served.served.begin()
    moving = [await served.values(1) for _ in range(3)]
    assert moving[1] != moving[2]
    served.served.quiet()
    last = [await served.values(1) for _ in range(2)]
    assert last == [moving[2]] * 2
    assert len(served.said()) == 8 * len(last[0]), "what is asked is answered and entered, moving or not"


async def test_an_address_beyond_the_last_is_refused_and_not_entered(served: Plant) -> None:
    end = layout(served.machines[0])[-1].end
    assert await served.read(1, end - 1, 2) == []
    assert served.said() == []


async def test_it_serves_again_on_the_same_port(served: Plant) -> None:
    port = served.served.port
    await served.served.stop()
    await served.served.stop()
    await served.served.start()
    assert served.served.port == port
    assert await served.values(2)


async def test_a_taken_port_is_an_error(served: Plant, ledger: Ledger) -> None:
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{served.served.port}"):
        await ModbusPlant([], ledger, port=served.served.port).start()


async def test_the_gateways_driver_takes_over_every_reading_that_was_said(served: Plant) -> None:
    points = []
    for unit, machine in enumerate(served.machines, start=1):
        tags = {
            place.signal.name: {"register": f"holding {place.address}", "type": place.type} for place in layout(machine)
        }
        device = SPEC.device.model_validate({"name": machine.device, "on": "plant", "unit": unit, "tags": tags})
        points += [Point(machine.device, name, 0.01, device, tag) for name, tag in device.tags.items()]
    connection = {"modbus": "tcp", "host": "127.0.0.1", "port": served.served.port, "timeout": "5s"}
    driver = SPEC.build("plant", SPEC.connection.model_validate(connection), points, SystemClock())
    served.served.begin()
    await driver.open()
    taken: list[Said] = []
    async for sample in driver.samples():
        for row, place in enumerate(sample.readings.tag.tolist()):
            point = points[place]
            taken.append((point.device, point.name, 0, float(sample.readings.value[row])))
        if len(taken) > 500:
            driver.finish()
    await driver.close()
    assert taken == served.said()
