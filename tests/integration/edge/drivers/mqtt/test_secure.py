"""The MQTT driver over TLS and WebSockets, on Mosquitto: what is trusted, what is refused, and what is said then."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from edge.clock import SystemClock
from edge.drivers.inspection import Severity
from edge.drivers.mqtt import SPEC
from edge.errors import DriverError, DriverRefused
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.mqtt.certificates import Authority
from tests.integration.edge.drivers.mqtt.counterpart import (
    ON_MOSQUITTO,
    Mosquitto,
    driver,
    news,
    points,
    publish,
)

SCALES = points("scales", "plant/scales", {"w": "$.w"}, ts={"path": "$.t", "format": "unix_ms"})
# without Mosquitto these are not there, which the summary tells (conftest.py)
SCHEMES = ["mqtts", "ws", "wss"] if ON_MOSQUITTO else []
COUNT = 400


async def served(scheme: str, directory: Path, authority: Authority, *, asks: bool = False) -> tuple[Mosquitto, int]:
    """Start Mosquitto with a listener of that kind and a plain one; return it with the plain one's port."""
    cert, key = authority.issue("broker", "127.0.0.1")
    lines = ["protocol websockets"] if scheme in {"ws", "wss"} else []
    if scheme != "ws":
        lines += [f"certfile {cert}", f"keyfile {key}", f"cafile {authority.file}"]
        lines += ["require_certificate true"] if asks else []
    plain = free_port()
    broker = Mosquitto(directory, lines=[*lines, f"listener {plain} 127.0.0.1"])
    await broker.start()
    return broker, plain


@pytest.mark.parametrize("version", [3, 5])
@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_flood_comes_through_whole_and_is_acknowledged(scheme: str, version: int, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broker, plain = await served(scheme, tmp_path, authority, asks=True)
    cert, key = authority.issue("gateway")
    tls = {"ca": str(authority.file), "cert": str(cert), "key": str(key)}
    more: dict[str, object] = {"tls": tls} if scheme != "ws" else {}
    gateway = driver(
        broker.port, SCALES, mqtt=f"{scheme}://127.0.0.1:{broker.port}", version=version, in_flight=50, **more
    )
    for first in (0, COUNT):
        await gateway.open()
        # payloads of several sizes: frames and TLS records that do not end where messages do
        batch = [
            ("plant/scales", json.dumps({"w": n, "t": 1_795_176_000_000 + n, "x": "y" * (n * 37 % 3000)}))
            for n in range(first, first + COUNT)
        ]
        await publish(plain, *batch)
        seen: list[float] = []
        async for sample in news(gateway):
            seen += sample.readings.value.tolist()
            gateway.acknowledge([sample.receipt])
            if len(seen) >= COUNT:
                break
        assert seen == list(range(first, first + COUNT))
        await gateway.close()
    assert gateway.counts.redelivered == 0, "what was acknowledged never comes again"
    await broker.stop()


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "ws"])
async def test_doctor_tells_whose_certificate_it_is_and_warns_before_it_ends(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broker, _ = await served(scheme, tmp_path, authority)
    options = {
        "mqtt": f"{scheme}://127.0.0.1:{broker.port}",
        "client_id": "gateway-7",
        "tls": {"ca": str(authority.file)},
    }
    connection = SPEC.connection.model_validate(options)
    seen = await SPEC.inspect("broker", connection, [], SystemClock()).examine()
    facts = dict(seen.facts)
    assert facts["TLS"].startswith("TLSv1.")
    assert facts["certificate of"] == "broker, for 127.0.0.1"
    assert facts["signed by"] == "plant-ca"
    certificate = x509.load_pem_x509_certificate((tmp_path / "broker.pem").read_bytes())
    assert facts["SHA-256"].replace(":", "") == certificate.fingerprint(hashes.SHA256()).hex().upper()
    assert facts["valid until"] == f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC"
    assert "'gateway-7' is left alone" in facts["session"]
    assert [found.severity for found in seen.findings if "certificate ends in" in found.message] == [Severity.WARNING]
    await broker.stop()


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "ws"])
async def test_a_broker_that_is_not_trusted_is_refused_with_the_way_out(scheme: str, tmp_path: Path) -> None:
    broker, _ = await served(scheme, tmp_path, Authority(tmp_path))
    other = Authority(tmp_path, "other-ca")
    for tls in ({}, {"tls": {"ca": str(other.file)}}):
        gateway = driver(broker.port, SCALES, mqtt=f"{scheme}://127.0.0.1:{broker.port}", **tls)
        with pytest.raises(DriverRefused, match=r"certificate that is not trusted.*tls: \{ca"):
            await gateway.open()
    await broker.stop()


async def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    if not SCHEMES:
        return
    authority = Authority(tmp_path)
    cert, key = authority.issue("elsewhere", "10.1.2.3")
    broker = Mosquitto(tmp_path, lines=[f"certfile {cert}", f"keyfile {key}"])
    await broker.start()
    gateway = driver(broker.port, SCALES, mqtt=f"mqtts://127.0.0.1:{broker.port}", tls={"ca": str(authority.file)})
    with pytest.raises(DriverRefused, match=r"not trusted.*mismatch"):
        await gateway.open()
    await broker.stop()


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme == "mqtts"])
async def test_a_broker_that_wants_our_certificate_says_so(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broker, _ = await served(scheme, tmp_path, authority, asks=True)
    gateway = driver(broker.port, SCALES, mqtt=f"mqtts://127.0.0.1:{broker.port}", tls={"ca": str(authority.file)})
    with pytest.raises(DriverError, match=r"certificate required.*cert: \.\."):
        await gateway.open()
    await broker.stop()


async def test_a_file_that_is_none_is_named() -> None:
    gateway = driver(1, SCALES, mqtt="mqtts://127.0.0.1:1", tls={"ca": "/nowhere/ca.pem"})
    with pytest.raises(DriverRefused, match=r"/nowhere/ca\.pem cannot be used"):
        await gateway.open()


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme == "mqtts"])
async def test_a_scheme_that_does_not_fit_the_port_is_told(scheme: str, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    broker, plain = await served(scheme, tmp_path, authority)
    gateway = driver(plain, SCALES, mqtt=f"mqtts://127.0.0.1:{plain}", timeout="3s")
    with pytest.raises(DriverError, match=r"TLS|cannot be reached"):
        await gateway.open()
    gateway = driver(plain, SCALES, mqtt=f"ws://127.0.0.1:{plain}/mqtt", timeout="3s")
    with pytest.raises(DriverError, match="WebSocket"):
        await gateway.open()
    await broker.stop()
