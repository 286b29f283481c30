"""Faults are ordered over HTTP, hold for their time, and end by themselves."""

import asyncio
import json

import pytest

from simulators.faults import Fault, FaultDesk, Order, read_order


class Patient:
    """A simulator that notes what it was told."""

    faults = frozenset({Fault.STALL, Fault.NAN})

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str | None]] = []

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        if device == "nobody":
            raise ValueError("there is no device 'nobody'")
        self.told.append(("begin", fault, device))

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        self.told.append(("end", fault, device))


async def ask(port: int, method: str, body: bytes = b"", path: str = "/faults") -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{method} {path} HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(answer)


async def test_a_fault_is_ordered_over_http_and_ended_at_the_stop() -> None:
    patient = Patient()
    desk = FaultDesk({"opcua": patient})
    await desk.start(0)
    status, state = await ask(desk.port, "POST", b'{"protocol": "opcua", "fault": "stall", "device": "press-01"}')
    assert (status, state["holding"]) == (200, [{"protocol": "opcua", "fault": "stall", "device": "press-01"}])
    assert (await ask(desk.port, "GET"))[1]["faults"] == {"opcua": ["nan", "stall"]}
    await desk.stop()
    assert patient.told == [("begin", "stall", "press-01"), ("end", "stall", "press-01")]


async def test_a_fault_ends_after_its_seconds_and_ordered_again_holds_anew() -> None:
    patient = Patient()
    desk = FaultDesk({"opcua": patient})
    await desk.order(Order("opcua", Fault.NAN, None, 3600.0))
    await desk.order(Order("opcua", Fault.NAN, None, 0.01))
    while desk.state()["holding"]:  # noqa: ASYNC110 - its end is no event
        await asyncio.sleep(0.005)
    assert patient.told == [("begin", "nan", None), ("end", "nan", None)] * 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{", "no JSON"),
        (b'{"fault": "stall"}', "expected"),
        (b'{"protocol": "dnp3", "fault": "stall"}', "there are opcua"),
        (b'{"protocol": "opcua", "fault": "fire"}', "there are stall"),
        (b'{"protocol": "opcua", "fault": "flap"}', "it has nan, stall"),
        (b'{"protocol": "opcua", "fault": "nan", "device": "nobody"}', "no device"),
        (b'{"protocol": "opcua", "fault": "nan", "seconds": -1}', "seconds -1"),
    ],
)
async def test_an_order_that_cannot_be_followed_says_what_can(body: bytes, expected: str) -> None:
    desk = FaultDesk({"opcua": Patient()})
    await desk.start(0)
    status, answer = await ask(desk.port, "POST", body)
    await desk.stop()
    assert status == 422
    assert expected in str(answer["error"])


async def test_another_path_is_not_found() -> None:
    desk = FaultDesk({})
    await desk.start(0)
    assert (await ask(desk.port, "GET", path="/"))[0] == 404
    await desk.stop()


def test_an_order_may_leave_out_the_device_and_the_time() -> None:
    assert read_order(b'{"protocol": "modbus", "fault": "exception"}') == Order("modbus", Fault.EXCEPTION, None, 10.0)
