"""The OPC UA plant: what its ledger says is what a client is told, no more and no less."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from edge.acquisition.station import Station
from edge.clock import SystemClock
from edge.drivers.opcua.config import OpcUaDevice, OpcUaTag
from edge.drivers.opcua.trust import Trust, fingerprint
from edge.drivers.spec import Point, Surroundings
from edge.errors import DriverRefused
from shared.reading import GapCause, Quality
from simulators.faults import Fault
from simulators.ledger import Ledger, entries
from simulators.machine import Protocol
from simulators.opcua import OpcUaPlant
from simulators.opcua_server import NAMESPACE
from simulators.plant import plant, speaking
from tests.fakes.recording import RecordingBuffer
from tests.integration.edge.drivers.opcua.plc import Taker, driver, eventually, taking

MACHINES = 2
SIGNALS = MACHINES * 17


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "said.csv") as ledger:
        yield ledger


@pytest.fixture
async def presses(ledger: Ledger) -> AsyncIterator[OpcUaPlant]:
    presses = OpcUaPlant(speaking(plant(MACHINES), Protocol.OPCUA), ledger, period_s=0.02)
    await presses.start()
    yield presses
    await presses.stop()


def every_signal() -> list[Point]:
    return [
        Point(
            machine.device,
            signal.name,
            0.02,
            OpcUaDevice(name=machine.device, on="plc", tags={}),
            OpcUaTag(node=f"nsu={NAMESPACE};s={machine.device}.{signal.name}"),
        )
        for machine in speaking(plant(MACHINES), Protocol.OPCUA)
        for signal in machine.signals
    ]


def heard(taker: Taker, points: list[Point]) -> list[tuple[str, str, int, float | str]]:
    return [(points[tag].device, points[tag].name, ts, value) for tag, ts, value, _, _ in taker.rows()]


async def test_a_client_is_told_exactly_what_the_ledger_says(
    presses: OpcUaPlant, ledger: Ledger, tmp_path: Path
) -> None:
    points = every_signal()
    async with taking(driver(presses.port, points)) as taker:
        await taker.until(lambda: len(taker.rows()) == SIGNALS)
        presses.begin()
        await taker.until(lambda: len(taker.rows()) > 1000)
        presses.quiet()
        said = ledger.count()
        await taker.until(lambda: len(taker.rows()) >= said)
        # a second client's session takes longer than a period
        async with taking(driver(presses.port, points)) as second:
            await second.until(lambda: len(second.rows()) == SIGNALS)
        assert ledger.count() == said, "something was said after quiet"
    ledger.flush()
    expected = [entry[:4] for entry in entries(tmp_path / "said.csv")]
    assert sorted(heard(taker, points)) == sorted(expected)
    assert len(set(expected)) == len(expected)
    assert {quality for _, _, _, quality, _ in taker.rows()} == {0}


async def test_first_values_stand_before_it_begins_and_move_again_after_a_rest(
    presses: OpcUaPlant, ledger: Ledger
) -> None:
    assert ledger.count() == SIGNALS
    presses.begin()
    await eventually(lambda: ledger.count() > SIGNALS)
    presses.quiet()
    rested = ledger.count()
    presses.begin()
    await eventually(lambda: ledger.count() > rested)


async def test_a_port_that_is_taken_is_an_error_and_stopping_is_harmless(ledger: Ledger) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        presses = OpcUaPlant([], ledger, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="bind on address"):
            await presses.start()
    await presses.stop()
    await presses.stop()


@pytest.mark.parametrize(
    ("fault", "is_so"),
    [
        (Fault.BAD_QUALITY, lambda row: row[3] == Quality.BAD and row[4] == 0x808C0000),
        (Fault.NAN, lambda row: row[2] == "NaN"),
        (Fault.CLOCK_RESET, lambda row: 0 < row[1] < 1_000_000_000_000_000),
        (Fault.WRONG_TYPE, lambda row: isinstance(row[2], str) and row[2] != "NaN" and row[3] == Quality.GOOD),
    ],
)
async def test_a_fault_spoils_the_values_of_its_device_until_it_ends(
    presses: OpcUaPlant, fault: Fault, is_so: Callable[[tuple[object, ...]], bool]
) -> None:
    points = every_signal()
    presses.begin()
    async with taking(driver(presses.port, points)) as taker:
        await taker.until(taker.rows)
        await presses.begin_fault(fault, points[0].device)
        await taker.until(lambda: any(is_so(row) for row in taker.rows()))
        await presses.end_fault(fault, points[0].device)
        seen = len(taker.rows())
        await taker.until(lambda: len(taker.rows()) > seen + 3 * SIGNALS)
        spoilt = {points[row[0]].device for row in taker.rows() if is_so(row)}
        assert spoilt == {points[0].device}
        assert not any(is_so(row) for row in taker.rows()[-SIGNALS // 2 :])


@pytest.mark.parametrize("fault", [Fault.RESTART, Fault.FLAP])
async def test_a_server_that_restarts_or_flaps_ends_sessions_and_comes_back(presses: OpcUaPlant, fault: Fault) -> None:
    presses.begin()
    built = driver(presses.port, every_signal())
    async with taking(built) as taker:
        await taker.until(taker.rows)
        await presses.begin_fault(fault, None)
        await taker.until(lambda: taker.error)
    await presses.end_fault(fault, None)
    async with taking(built) as again:
        await again.until(lambda: len(again.rows()) > SIGNALS)


async def test_a_stalled_server_is_noticed_and_answers_again(presses: OpcUaPlant) -> None:
    presses.begin()
    built = driver(presses.port, every_signal(), timeout="1s")
    async with taking(built) as taker:
        await taker.until(taker.rows)
        await presses.begin_fault(Fault.STALL, None)
        await taker.until(lambda: taker.error)
    await presses.end_fault(Fault.STALL, None)
    async with taking(built) as again:
        await again.until(lambda: len(again.rows()) > SIGNALS)


async def test_a_fault_of_nobody_or_of_the_whole_server_is_refused_for_one_device(presses: OpcUaPlant) -> None:
    with pytest.raises(ValueError, match="no device 'press-99'"):
        await presses.begin_fault(Fault.NAN, "press-99")
    for fault in (Fault.STALL, Fault.NAMESPACE_CHANGE, Fault.CERTIFICATE_CHANGE):
        with pytest.raises(ValueError, match="leave `device` out"):
            await presses.begin_fault(fault, every_signal()[0].device)


async def test_a_server_back_with_other_indexes_is_read_on_by_namespace_uri_and_the_time_between_is_a_gap(
    presses: OpcUaPlant,
) -> None:
    presses.begin()
    points, clock = every_signal(), SystemClock()
    buffer = RecordingBuffer(clock)
    station = Station("plc", "opcua", driver(presses.port, points), points, buffer, clock)
    running = asyncio.create_task(station.run())

    def heard_since(us: int) -> set[str]:
        """Return the devices of which a good value came."""
        blocks = [append.readings for append in buffer.appends]
        return {
            points[tag].device
            for block in blocks
            for tag, ts, quality in zip(block.tag.tolist(), block.ts.tolist(), block.quality.tolist(), strict=True)
            if ts > us and quality == Quality.GOOD
        }

    everybody = {point.device for point in points}
    try:
        for change in (presses.begin_fault, presses.end_fault):
            await eventually(lambda: heard_since(0) == everybody)
            await change(Fault.NAMESPACE_CHANGE, None)
            since_us = clock.now_us()
            await eventually(lambda us=since_us: heard_since(us) == everybody)
    finally:
        station.finish()
        await running
    assert {gap.cause for append in buffer.appends for gap in append.gaps} == {GapCause.COMMUNICATION_LOST}


async def test_a_server_back_with_a_new_certificate_is_refused_with_the_fix_and_read_on_once_trusted(
    presses: OpcUaPlant, tmp_path: Path
) -> None:
    presses.begin()
    secured = {"around": Surroundings(tmp_path), "security": {"policy": "Basic256Sha256"}}
    built = driver(presses.port, every_signal(), **secured)
    trusted = Trust((), tmp_path / "opcua" / "trusted")

    async def is_read_once_trusted() -> None:
        with pytest.raises(DriverRefused, match=r"tezgah-edge trust") as refused:
            await built.open()
        shown = presses.certificate
        assert fingerprint(shown) in refused.value.message
        trusted.accept(shown)
        async with taking(built) as taker:
            await taker.until(lambda: len(taker.rows()) > SIGNALS)

    await is_read_once_trusted()
    await presses.begin_fault(Fault.CERTIFICATE_CHANGE, None)
    await is_read_once_trusted()
    await presses.end_fault(Fault.CERTIFICATE_CHANGE, None)
    async with taking(built) as taker:
        await taker.until(lambda: len(taker.rows()) > SIGNALS)
