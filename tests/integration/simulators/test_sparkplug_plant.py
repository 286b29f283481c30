"""The plant as a Sparkplug node: what a host hears is what the ledger says, and each fault shows at the host."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from edge.drivers.sparkplug.driver import SparkplugDriver
from shared.reading import Quality
from simulators.broker import MqttBroker
from simulators.faults import Fault
from simulators.ledger import Ledger, entries
from simulators.plant import fillers
from simulators.sparkplug_plant import GROUP, NODE, SparkplugPlant
from tests.integration.edge.drivers.sparkplug.host import Taker, driver, points

TAGS = {signal.name: signal.name for signal in fillers(1)[0].signals}
POINTS = [point for n in (1, 2) for point in points(f"filler-0{n}", GROUP, NODE, TAGS, source=f"filler-0{n}")]


class Plant:
    """A plant on a broker, and a host that listens."""

    def __init__(self, served: SparkplugPlant, host: SparkplugDriver, ledger: Ledger) -> None:
        self.served = served
        self.host = host
        self.ledger = ledger
        self.taker = Taker(host, POINTS)

    def of(self, device: str) -> list[tuple[str, str, float | str, int]]:
        return [row for row in self.taker.rows if row[0] == device]

    async def goes_on(self, device: str = "filler-01") -> None:
        """Wait for sound values after now."""
        seen = len(self.taker.good(device, "weight_g"))
        await self.taker.until(lambda: len(self.taker.good(device, "weight_g")) > seen + 2)


@pytest.fixture
async def at(tmp_path: Path) -> AsyncIterator[Plant]:
    broker = MqttBroker()
    await broker.start()
    with Ledger(tmp_path / "ledger.csv") as ledger:
        served = SparkplugPlant(fillers(2), ledger, host="127.0.0.1", port=broker.port, period_s=0.02)
        await served.start()
        host = driver(broker.port, POINTS, rebirth={"every": "1s", "pace": "10ms"})
        await host.open()
        made = Plant(served, host, ledger)
        await made.taker.until(lambda: len(made.of("filler-02")) >= len(TAGS))
        served.begin()
        yield made
        await host.close()
        await served.stop()
    await broker.stop()


async def test_a_host_hears_what_the_ledger_says(at: Plant, tmp_path: Path) -> None:
    await at.goes_on("filler-02")
    at.served.quiet()
    await asyncio.sleep(0)
    at.ledger.flush()
    written = [
        entry.value
        for entry in entries(tmp_path / "ledger.csv")
        if (entry.device, entry.tag) == ("filler-02", "weight_g")
    ]
    await at.taker.until(lambda: len(at.taker.good("filler-02", "weight_g")) >= len(written))
    assert at.taker.good("filler-02", "weight_g") == pytest.approx(written)


@pytest.mark.parametrize(
    ("fault", "is_so"),
    [
        (Fault.NAN, lambda row: row[3] == Quality.BAD and row[1] == "weight_g"),
        (Fault.BAD_QUALITY, lambda row: row[3] == Quality.BAD and row[1] == "weight_g"),
        (Fault.WRONG_TYPE, lambda row: isinstance(row[2], str)),
    ],
)
async def test_a_fault_spoils_the_values_of_its_device_until_it_ends(
    at: Plant, fault: Fault, is_so: Callable[[tuple[object, ...]], bool]
) -> None:
    await at.served.begin_fault(fault, "filler-01")
    await at.taker.until(lambda: any(map(is_so, at.taker.rows)))
    await at.served.end_fault(fault, "filler-01")
    await at.goes_on()
    assert {row[0] for row in at.taker.rows if is_so(row)} == {"filler-01"}


@pytest.mark.parametrize("device", ["filler-01", None])
async def test_who_dies_is_bad_and_born_again_in_the_end(at: Plant, device: str | None) -> None:
    await at.served.begin_fault(Fault.DEATH, device)
    await at.taker.until(lambda: at.taker.bad("filler-01", "weight_g"))
    assert bool(at.taker.bad("filler-02", "weight_g")) == (device is None)
    await at.served.end_fault(Fault.DEATH, device)
    await at.goes_on()


async def test_a_hole_is_a_gap_and_a_malformed_message_costs_a_rebirth(at: Plant) -> None:
    await at.goes_on()
    await at.served.begin_fault(Fault.SEQ_HOLE, None)
    await at.taker.until(lambda: any("(1 lost)" in gap.detail for gap in at.taker.gaps))
    await at.served.end_fault(Fault.SEQ_HOLE, None)
    await at.served.begin_fault(Fault.MALFORMED, "filler-02")
    await at.taker.until(lambda: at.host.counts.malformed)
    await at.served.end_fault(Fault.MALFORMED, "filler-02")
    await at.goes_on("filler-02")


@pytest.mark.parametrize("fault", [Fault.RESTART, Fault.FLAP])
async def test_a_node_that_restarts_with_other_aliases_or_flaps_is_understood_again(at: Plant, fault: Fault) -> None:
    await at.served.begin_fault(fault, None)
    await at.taker.until(lambda: at.taker.bad("filler-01", "weight_g"))
    await at.served.end_fault(fault, None)
    await at.goes_on()


async def test_what_concerns_the_node_is_not_ordered_of_a_device(at: Plant) -> None:
    with pytest.raises(ValueError, match="leave `device` out"):
        await at.served.begin_fault(Fault.SEQ_HOLE, "filler-01")
    with pytest.raises(ValueError, match="there are filler-01, filler-02"):
        await at.served.begin_fault(Fault.NAN, "filler-09")
