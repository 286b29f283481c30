"""What stops the simulators from serving is named with its address and the option that mends it."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from simulators.errors import SimulationError
from simulators.service import Addresses, Simulators
from tests.fakes.ports import free_port


async def refusal(ledger: Path, **addresses: Any) -> str:
    serving = Simulators.serving(ledger, Addresses(**addresses), machines_of_each=1, period_s=0.5, seed=1)
    with pytest.raises(SimulationError) as caught:
        await serving.__aenter__()
    return caught.value.message


@pytest.mark.parametrize(("protocol", "name"), [("opcua", "OPC UA"), ("modbus", "Modbus"), ("mqtt", "MQTT")])
async def test_a_taken_port_is_named_with_the_option_for_another(
    protocol: str, name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = await refusal(tmp_path / "ledger.csv", **{protocol: port})
    assert f"cannot serve {name} on 127.0.0.1:{port}" in words
    assert f"--{protocol}-port" in words
    assert "Traceback" not in caplog.text


async def test_a_broker_that_does_not_answer_is_named(tmp_path: Path) -> None:
    port = free_port()
    assert f"no broker answers at 127.0.0.1:{port}" in await refusal(
        tmp_path / "ledger.csv", broker=("127.0.0.1", port)
    )


async def test_a_ledger_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    ledger = tmp_path / "nowhere" / "ledger.csv"
    assert f"the ledger {ledger} cannot be written" in await refusal(ledger)


async def test_every_protocol_takes_orders_for_faults_and_sparkplug_if_it_is_there(tmp_path: Path) -> None:
    addresses = Addresses(control=0, has_sparkplug=True)
    async with Simulators.serving(
        tmp_path / "ledger.csv", addresses, machines_of_each=1, period_s=0.5, seed=1
    ) as simulators:
        reader, writer = await asyncio.open_connection("127.0.0.1", simulators.ports["control"])
        writer.write(b"GET /faults HTTP/1.1\r\n\r\n")
        known = json.loads((await reader.read()).partition(b"\r\n\r\n")[2])["faults"]
        writer.close()
    assert list(known) == ["opcua", "modbus", "mqtt", "sparkplug"]
    assert "storm" in known["mqtt"]
    assert "seq_hole" in known["sparkplug"]
