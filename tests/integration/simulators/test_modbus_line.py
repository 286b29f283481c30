"""The Modbus plant on its serial line, and what faults ordered of it look like to the gateway's driver."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.drivers.modbus.answer import Status
from edge.drivers.spec import Point
from edge.errors import DriverError
from shared.reading import Quality
from simulators.cable import Cable
from simulators.faults import Fault
from simulators.ledger import Ledger, entries
from simulators.machine import Protocol
from simulators.modbus import ModbusPlant, layout
from simulators.plant import plant, speaking
from tests.integration.edge.drivers.modbus.counterpart import points, rows
from tests.integration.edge.drivers.modbus.test_driver import eventually, opened, running
from tests.integration.edge.drivers.modbus.test_forms import driver_of


class Served:
    """Two machines on a cable and on TCP."""

    def __init__(self, directory: Path, ledger: Ledger) -> None:
        self.machines = speaking(plant(2), Protocol.MODBUS)
        self.plant = ModbusPlant(self.machines, ledger, cable=Cable(directory))
        self.ledger = ledger

    def points(self) -> list[Point]:
        return [
            point
            for unit, machine in enumerate(self.machines, start=1)
            for place in layout(machine)[:1]
            for point in points(
                machine.device, {place.signal.name: {"register": "holding 0", "type": place.type}}, unit=unit
            )
        ]

    def form(self, name: str) -> dict[str, object]:
        if name == "tcp":
            return {"modbus": "tcp", "host": "127.0.0.1", "port": self.plant.port}
        return {"modbus": "rtu", "port": self.plant.serial_port}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = Served(tmp_path, ledger)
        await served.plant.start()
        served.plant.begin()
        yield served
        await served.plant.stop()


async def test_machines_on_a_serial_line_say_what_the_ledger_lists(served: Served, tmp_path: Path) -> None:
    async with opened(driver_of(served.points(), **served.form("rtu"))) as samples:
        read = [rows(await anext(samples)) for _ in range(2)]
    served.ledger.flush()
    said = [entry.value for entry in entries(tmp_path / "ledger.csv")]
    assert [read[0][0][0], read[1][1][0]] == said[:2]


@pytest.mark.parametrize(
    ("form", "fault", "status"),
    [
        ("tcp", Fault.STALL, Status.TIMEOUT),
        ("tcp", Fault.SHORT_ANSWER, Status.SHORT_ANSWER),
        ("tcp", Fault.EXCEPTION, Status.DEVICE_FAILURE),
        ("tcp", Fault.ALIEN_ANSWER, Status.STRAY_ANSWER),
        ("rtu", Fault.STALL, Status.TIMEOUT),
        ("rtu", Fault.SHORT_ANSWER, Status.TRUNCATED),
        ("rtu", Fault.WRONG_CHECKSUM, Status.CHECKSUM),
        ("rtu", Fault.ALIEN_ANSWER, Status.STRAY_ANSWER),
        ("rtu", Fault.EXCEPTION, Status.DEVICE_FAILURE),
    ],
)
async def test_a_fault_is_bad_quality_with_its_reason_while_it_holds(
    served: Served, form: str, fault: Fault, status: Status
) -> None:
    device = served.machines[0].device
    async with opened(driver_of(served.points(), **served.form(form))) as samples:
        await anext(samples)
        await anext(samples)
        await served.plant.begin_fault(fault, device)
        assert rows(await anext(samples))[0][1:] == (Quality.BAD, status)
        assert rows(await anext(samples))[1][1] == Quality.GOOD, "the other machine is well"
        await served.plant.end_fault(fault, device)
        while rows(await anext(samples)).get(0, (0, Quality.BAD, 0))[1] != Quality.GOOD:
            pass


@pytest.mark.parametrize(("form", "fault"), [("tcp", Fault.FLAP), ("tcp", Fault.RESTART), ("rtu", Fault.RESTART)])
async def test_a_line_that_goes_ends_the_session_and_comes_back(served: Served, form: str, fault: Fault) -> None:
    built = driver_of(served.points(), **served.form(form))
    async with running(built, seen := []) as task:
        await eventually(lambda: len(seen) > 2)
        await served.plant.begin_fault(fault, None)
        await eventually(task.done)
        assert isinstance(task.exception(), DriverError)
    await served.plant.end_fault(fault, None)
    async with opened(driver_of(served.points(), **served.form(form))) as samples:
        assert rows(await anext(samples))[0][1] == Quality.GOOD
