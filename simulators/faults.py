"""Faults on command: which there are, and the small HTTP door on loopback through which they are ordered.

    curl -d '{"protocol": "opcua", "fault": "stall", "seconds": 10}' http://127.0.0.1:8405/faults

A fault holds for its seconds, then the simulator is as before; ordered again it holds anew. `GET /faults` answers what
each protocol can do and what holds now.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

# what a person types; anything longer is none of ours
_MAX_BYTES = 64 * 1024
_TIMEOUT_S = 5.0
_MAX_SECONDS = 86_400.0


class Fault(StrEnum):
    """What can be wrong with a device, a line, a server or a broker."""

    # connections stay open and nobody answers
    STALL = "stall"
    # connections are cut, again and again
    FLAP = "flap"
    # a value comes as another type than it was
    WRONG_TYPE = "wrong_type"
    # numbers are NaN
    NAN = "nan"
    # fewer registers than were asked for
    SHORT_ANSWER = "short_answer"
    # frames of a serial line do not check
    WRONG_CHECKSUM = "wrong_checksum"
    # answers come from another unit than the one that was asked
    ALIEN_ANSWER = "alien_answer"
    # requests are answered with the protocol's own refusal
    EXCEPTION = "exception"
    # values are bad, by the protocol's own code
    BAD_QUALITY = "bad_quality"
    # payloads that are cut short
    MALFORMED = "malformed"
    # each message comes twice
    DUPLICATE = "duplicate"
    # far more messages of QoS 0 than anybody asked for
    STORM = "storm"
    # messages are counted that nobody gets
    SEQ_HOLE = "seq_hole"
    # a device dies, and is born again in the end
    DEATH = "death"
    # the source's clock stands at the beginning of 2000
    CLOCK_RESET = "clock_reset"
    # an OPC UA server's namespaces have other indexes
    NAMESPACE_CHANGE = "namespace_change"
    # the server or broker ends and begins again, with nothing kept
    RESTART = "restart"
    # the server comes back with a new certificate
    CERTIFICATE_CHANGE = "certificate_change"


class Faulty(Protocol):
    """A simulator that faults can be ordered of."""

    faults: frozenset[Fault]

    async def begin_fault(self, fault: Fault, device: str | None) -> None:
        """Let a fault of `faults` hold, for one device or all.

        Raises:
            ValueError: There is no such device, or the fault cannot concern one alone.
        """
        ...

    async def end_fault(self, fault: Fault, device: str | None) -> None:
        """Be as before."""
        ...


@dataclass(frozen=True, slots=True)
class Order:
    """One fault of one protocol's simulator; `device` None for all of it."""

    protocol: str
    fault: Fault
    device: str | None
    seconds: float


class FaultDesk:
    """Takes orders, and ends what was ordered when its time is over; `stop` ends all at once."""

    def __init__(self, simulators: Mapping[str, Faulty]) -> None:
        """Take orders for simulators by protocol."""
        self._simulators = simulators
        self._holding: dict[tuple[str, Fault, str | None], asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, port: int) -> None:
        """Listen on loopback; 0 takes a free port.

        Raises:
            OSError: The port is taken.
        """
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, limit=_MAX_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the door, and end every fault."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in list(self._holding.values()):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def order(self, order: Order) -> None:
        """Let a fault hold.

        Raises:
            ValueError: The simulator cannot do it; the message says what it can.
        """
        simulator = self._simulators.get(order.protocol)
        if simulator is None:
            raise ValueError(f"no simulator speaks {order.protocol!r}; there are {', '.join(self._simulators)}")
        if order.fault not in simulator.faults:
            known = ", ".join(sorted(simulator.faults))
            raise ValueError(f"{order.protocol} has no fault {order.fault.value!r}; it has {known}")
        key = (order.protocol, order.fault, order.device)
        before = self._holding.pop(key, None)
        if before is not None:
            before.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await before
        await simulator.begin_fault(order.fault, order.device)
        # lives for the order's seconds, or until `stop`
        self._holding[key] = asyncio.create_task(self._hold(simulator, order, key), name=f"fault-{order.fault}")
        # it must have begun before it can be cancelled, or nobody would end the fault
        await asyncio.sleep(0)

    def state(self) -> dict[str, object]:
        """Return what each protocol can do and what holds now."""
        return {
            "faults": {protocol: sorted(simulator.faults) for protocol, simulator in self._simulators.items()},
            "holding": [
                {"protocol": protocol, "fault": fault, "device": device} for protocol, fault, device in self._holding
            ],
        }

    async def _hold(self, simulator: Faulty, order: Order, key: tuple[str, Fault, str | None]) -> None:
        try:
            await asyncio.sleep(order.seconds)
        finally:
            self._holding.pop(key, None)
            await simulator.end_fault(order.fault, order.device)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                status, answer = await self._answer(reader)
                body = json.dumps(answer).encode() + b"\n"
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                )
                writer.write(body)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            # whoever asked has gone
            pass
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, dict[str, object]]:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, *_ = (*head[0].split(), "", "")
        if path != "/faults" or method not in ("GET", "POST"):
            return "404 Not Found", {"error": "there are GET /faults and POST /faults"}
        if method == "GET":
            return "200 OK", self.state()
        lengths = [line.split(":", 1)[1] for line in head if line.lower().startswith("content-length:")]
        length = int(lengths[0]) if lengths and lengths[0].strip().isdecimal() else 0
        try:
            await self.order(read_order(await reader.readexactly(min(length, _MAX_BYTES))))
        except ValueError as error:
            return "422 Unprocessable Content", {"error": str(error)}
        return "200 OK", self.state()


def read_order(body: bytes) -> Order:
    """Read an order from JSON.

    Raises:
        ValueError: It is none; the message says what was expected.
    """
    form = (
        'expected {"protocol": "opcua", "fault": "stall", "device": "press-01", "seconds": 10}; device may be left out'
    )
    try:
        document = json.loads(body)
    except ValueError as error:
        raise ValueError(f"no JSON ({error}); {form}") from error
    if not isinstance(document, dict) or not isinstance(document.get("protocol"), str):
        raise ValueError(form)  # noqa: TRY004 - all mistakes of an order are of one kind
    name, device, seconds = document.get("fault"), document.get("device"), document.get("seconds", 10)
    if name not in set(Fault):
        raise ValueError(f"there is no fault {name!r}; there are {', '.join(Fault)}")
    if device is not None and not isinstance(device, str):
        raise ValueError(f"device {device!r} is no name; {form}")
    if not isinstance(seconds, int | float) or not 0 < seconds <= _MAX_SECONDS:
        raise ValueError(f"seconds {seconds!r} is no duration between 0 and {_MAX_SECONDS:g}; {form}")
    return Order(document["protocol"], Fault(name), device, float(seconds))
