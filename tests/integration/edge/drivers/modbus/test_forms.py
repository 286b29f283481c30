"""Every form of a Modbus connection is read, on a cable and over sockets, whatever is on the wire."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge.clock import SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.modbus.answer import Status
from edge.drivers.modbus.driver import ModbusDriver
from edge.drivers.modbus.frames import Ascii, Framing, Mbap, Rtu, crc16
from edge.drivers.spec import Point
from edge.errors import DriverError
from edge.loop import new_event_loop
from edge.ports import Sample
from shared.reading import Quality
from simulators.cable import Cable
from tests.integration.edge.drivers.modbus.counterpart import points, rows
from tests.integration.edge.drivers.modbus.lines import Slave, on_a_cable, on_a_server, serving
from tests.integration.edge.drivers.modbus.test_driver import PATIENCE_S, eventually, good, opened, running

TAGS = {"a": {"register": "holding 3"}, "b": {"register": "holding 4", "type": "uint32"}}


def meters() -> list[Point]:
    return [*points("meter-1", TAGS), *points("meter-2", TAGS, unit=2)]


def expected(unit: int, first_point: int) -> dict[int, tuple[float, int, int]]:
    one, two, three = (unit * 1000 + n for n in (3, 4, 5))
    return {first_point: good(one), first_point + 1: good(two * 65536 + three)}


def driver_of(of: list[Point], **options: object) -> ModbusDriver:
    connection = {"timeout": "150ms", "retries": 0, **options}
    built = SPEC.build("line-a", SPEC.connection.model_validate(connection), of, SystemClock())
    assert isinstance(built, ModbusDriver)
    return built


@contextlib.asynccontextmanager
async def reading(form: str, slave: Slave) -> AsyncIterator[ModbusDriver]:
    """Serve a slave in the form's way, and build a driver to it."""
    if form in {"rtu", "ascii"}:
        async with on_a_cable(slave) as cable:
            yield driver_of(meters(), modbus=form, port=str(cable.near), baud=115200)
    else:
        async with on_a_server(slave) as port:
            yield driver_of(meters(), modbus=form, host="127.0.0.1", port=port)


FORMS = [
    ("tcp", Mbap()),
    ("rtu", Rtu()),
    ("ascii", Ascii()),
    ("rtu-over-tcp", Rtu()),
    ("ascii-over-tcp", Ascii()),
]


@pytest.mark.parametrize(("form", "framing"), FORMS)
async def test_two_units_are_read_in_every_form(form: str, framing: Framing) -> None:
    slave = Slave(framing, 1, 2)
    async with reading(form, slave) as built, opened(built) as samples:
        for _ in range(2):
            assert rows(await anext(samples)) == expected(1, 0)
            assert rows(await anext(samples)) == expected(2, 2)


def wrong_crc(_request: bytes, answer: bytes) -> bytes:
    return answer[:-1] + bytes([answer[-1] ^ 0xFF])


def another_unit(_request: bytes, answer: bytes) -> bytes:
    frame = b"\x63" + answer[1:-2]
    return frame + crc16(frame)


def half(_request: bytes, answer: bytes) -> bytes:
    return answer[: len(answer) // 2]


def only_echo(request: bytes, _answer: bytes) -> bytes:
    return request


def other_table(_request: bytes, answer: bytes) -> bytes:
    frame = answer[:1] + b"\x04" + answer[2:-2]
    return frame + crc16(frame)


@pytest.mark.parametrize(
    ("mangle", "status"),
    [
        (wrong_crc, Status.CHECKSUM),
        (another_unit, Status.STRAY_ANSWER),
        (other_table, Status.STRAY_ANSWER),
        (half, Status.TRUNCATED),
        (only_echo, Status.ECHO_ONLY),
    ],
)
async def test_what_is_wrong_on_a_serial_line_is_told_and_the_next_answer_is_good(
    mangle: Callable[[bytes, bytes], bytes], status: Status
) -> None:
    slave = Slave(Rtu(), 1, 2)
    async with reading("rtu", slave) as built, opened(built) as samples:
        await anext(samples)
        await anext(samples)
        slave.mangle = mangle
        assert {row[1:] for row in rows(await anext(samples)).values()} == {(Quality.BAD, status)}
        slave.mangle = lambda _request, answer: answer
        assert rows(await anext(samples)) == expected(2, 2)


async def test_an_adapter_that_echoes_does_no_harm() -> None:
    slave = Slave(Rtu(), 1, 2)
    slave.mangle = lambda request, answer: request + answer
    async with reading("rtu", slave) as built, opened(built) as samples:
        assert rows(await anext(samples)) == expected(1, 0)
        assert rows(await anext(samples)) == expected(2, 2)


async def test_an_answer_that_comes_late_is_not_taken_for_the_next_one() -> None:
    slave = Slave(Rtu(), 1, 2)
    held: list[bytes] = []

    def late(_request: bytes, answer: bytes) -> bytes:
        if not held:
            held.append(answer)
            return b""
        return held.pop() + answer

    async with reading("rtu", slave) as built, opened(built) as samples:
        await anext(samples)
        await anext(samples)
        slave.mangle = late
        assert {row[1:] for row in rows(await anext(samples)).values()} == {(Quality.BAD, Status.TIMEOUT)}
        assert rows(await anext(samples)) == expected(2, 2)


async def test_an_adapter_that_is_pulled_out_ends_the_session_and_is_found_again() -> None:
    slave = Slave(Rtu(), 1, 2)
    samples: list[Sample] = []
    cable = Cable()
    cable.plug()
    built = driver_of(meters(), modbus="rtu", port=str(cable.near))
    with serving(slave, cable):
        async with running(built, samples) as task:
            await eventually(lambda: len(samples) > 2)
            cable.unplug()
            with pytest.raises(DriverError, match=r"line-a: .*near is gone; was it unplugged\?"):
                await asyncio.wait_for(task, PATIENCE_S)
    with pytest.raises(DriverError, match=r"there is no .*near; is it plugged in\?"):
        await built.open()
    cable.plug()
    with serving(slave, cable):
        async with opened(built) as again:
            assert rows(await anext(again)) == expected(1, 0)
    cable.close()


async def test_a_port_that_somebody_else_uses_is_said_so() -> None:
    slave = Slave(Rtu(), 1, 2)
    async with on_a_cable(slave) as cable:
        first = driver_of(meters(), modbus="rtu", port=str(cable.near))
        async with opened(first):
            second = driver_of(meters(), modbus="rtu", port=str(cable.near))
            with pytest.raises(DriverError, match=r"cannot be opened .*; does another connection or program use it"):
                await second.open()


async def test_several_lines_are_read_in_parallel() -> None:
    """One line's device does not answer at all; the other's rate is its own."""
    dead, alive = Slave(Rtu()), Slave(Rtu(), 1, 2)
    async with reading("rtu", dead) as one, reading("rtu", alive) as other:
        opening = asyncio.create_task(one.open())
        async with opened(other) as samples:
            for _ in range(4):
                await anext(samples)
            assert not opening.done(), "four answers must not take as long as one time limit"
        with pytest.raises(DriverError, match="no unit answers"):
            await opening


# --- TLS ----------------------------------------------------------------------------------------------------------


def certificate(directory: Path, name: str) -> Path:
    """Make a certificate that vouches for itself, with its key, and return the files' common stem."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (directory / f"{name}.pem").write_bytes(made.public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (directory / f"{name}.key").write_bytes(secret)
    return directory / name


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the certificates and keys of a PLC, of the gateway, and of a stranger."""
    directory = tmp_path_factory.mktemp("tls")
    for name in ("plc-9", "gateway", "stranger"):
        certificate(directory, name)
    return directory


@contextlib.asynccontextmanager
async def secured(files: Path, slave: Slave, **tls: str) -> AsyncIterator[ModbusDriver]:
    """Serve a slave that wants the gateway's certificate, and build a driver with these options."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files / "plc-9.pem", files / "plc-9.key")
    context.load_verify_locations(files / "gateway.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    paths = {key: value if key == "server_name" else str(files / value) for key, value in tls.items()}
    async with on_a_server(slave, ssl=context) as port:
        yield driver_of(meters(), modbus="tls", host="127.0.0.1", port=port, timeout="2s", tls=paths)


GATEWAY = {"ca": "plc-9.pem", "certificate": "gateway.pem", "key": "gateway.key", "server_name": "plc-9"}


async def test_a_secured_server_is_read_when_each_knows_the_other(files: Path) -> None:
    async with secured(files, Slave(Mbap(), 1, 2), **GATEWAY) as built, opened(built) as samples:
        assert rows(await anext(samples)) == expected(1, 0)
        assert rows(await anext(samples)) == expected(2, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ca": "stranger.pem"}, "certificate verify failed"),
        ({"server_name": "plc-8"}, "Hostname mismatch"),
        ({"certificate": "nowhere.pem"}, r"nowhere.pem with .*gateway.key cannot be used"),
        ({"ca": "gateway.key"}, r"gateway.key cannot be used .*; expected PEM files"),
    ],
)
async def test_a_server_that_is_not_who_it_should_be_is_not_asked(
    files: Path, change: dict[str, str], words: str
) -> None:
    slave = Slave(Mbap(), 1, 2)
    async with secured(files, slave, **{**GATEWAY, **change}) as built:
        with pytest.raises(DriverError, match=f"line-a: .*{words}"):
            await built.open()
    assert slave.asked == []


async def test_a_server_that_does_not_know_us_is_told_from_one_that_is_silent(files: Path) -> None:
    stranger = {**GATEWAY, "certificate": "stranger.pem", "key": "stranger.key"}
    async with secured(files, Slave(Mbap(), 1, 2), **stranger) as built:
        # TLS 1.3: the client only learns it when it first speaks
        with pytest.raises(DriverError, match=r"closed the connection|no TLS session"):
            await built.open()


def test_a_serial_line_is_read_on_the_daemons_own_loop() -> None:
    async def read() -> None:
        slave = Slave(Rtu(), 1, 2)
        async with reading("rtu", slave) as built, opened(built) as samples:
            assert rows(await anext(samples)) == expected(1, 0)
            assert rows(await anext(samples)) == expected(2, 2)

    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(read())


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancellation_that_comes_with_the_answer_is_not_lost(turns: int) -> None:
    """Python 3.11's `wait_for` may return the answer then, and the task would go on for ever."""
    slave, loop = Slave(Mbap(), 1, 2), asyncio.get_running_loop()
    async with reading("tcp", slave) as built:
        await built.open()
        samples: list[Sample] = []

        async def collect() -> None:
            async for sample in built.samples():
                samples.append(sample)  # noqa: PERF401 - all until it is cancelled

        task = asyncio.create_task(collect())

        def cancel_after(left: int) -> None:
            # so many turns of the loop after the answer went out: in one of them it has just come
            loop.call_soon(cancel_after, left - 1) if left else task.cancel()

        def answer_and_cancel(_request: bytes, answer: bytes) -> bytes:
            slave.mangle = lambda _request, answer: answer
            cancel_after(turns)
            return answer

        await eventually(lambda: len(samples) > 2)
        slave.mangle = answer_and_cancel
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        task.cancel()
        assert done
        await built.close()
