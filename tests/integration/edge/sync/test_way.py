"""The way to the cloud over real sockets: an authority of the plant's own, a client certificate, proxies."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.errors import ConfigError, Unreachable
from edge.sync.client import CloudClient, Way
from edge.sync.https import HttpsUplink
from tests.conformance.uplink_suite import lease
from tests.fakes.http_cloud import HttpCloud
from tests.fakes.proxy import Proxy
from tests.fakes.tls import self_signed, serving
from tests.integration.edge.drivers.mqtt.certificates import Authority

TOKEN = "a-secret-that-nobody-may-read"


class Plant:
    """An authority, a cloud with a certificate of its, and clients that go this way or that."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        self.certificate, self.key = self.authority.issue("edge")
        self.server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.server.load_cert_chain(*self.authority.issue("cloud", "127.0.0.1"))
        self.cloud = HttpCloud(self.server)

    def wants_certificates(self) -> None:
        """Let nobody in without a certificate of the plant's authority, as a proxy before a cloud may."""
        self.server.verify_mode = ssl.CERT_REQUIRED
        self.server.load_verify_locations(self.authority.file)

    async def send(self, way: Way, seq: int = 1, batches: int = 1) -> None:
        client = CloudClient(self.cloud.url, TOKEN, timeout_s=5.0, way=way)
        try:
            for number in range(batches):
                await HttpsUplink(client=client).send(lease(seq + number, 10 * number))
        finally:
            await client.close()


@pytest.fixture
async def plant(tmp_path: Path) -> AsyncIterator[Plant]:
    plant = Plant(tmp_path)
    async with plant.cloud.serving():
        yield plant


async def refusal(plant: Plant, way: Way) -> str:
    with pytest.raises(Unreachable) as raised:
        await plant.send(way)
    assert plant.cloud.requests == [], "the token must not have been sent"
    assert TOKEN not in raised.value.message
    return raised.value.message


async def test_an_authority_of_ones_own_is_trusted_only_where_it_is_named(plant: Plant) -> None:
    assert "certificate" in (await refusal(plant, Way())).lower()
    await plant.send(Way(ca=plant.authority.file))
    assert len(plant.cloud.requests) == 1


async def test_a_gateway_that_believes_whatever_certificate_it_is_shown_is_found_out(
    plant: Plant, tmp_path: Path
) -> None:
    """The negative control: the same look at one that trusts at first sight sees a token in a stranger's hands."""
    plant.cloud = HttpCloud(serving(self_signed(tmp_path / "stranger.pem")))
    async with plant.cloud.serving():
        assert "certificate" in (await refusal(plant, Way())).lower()
        shown = tmp_path / "shown.pem"
        host, port = plant.cloud.url.removeprefix("https://").split(":")
        shown.write_text(await asyncio.to_thread(ssl.get_server_certificate, (host, int(port))), encoding="ascii")
        with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
            await refusal(plant, Way(ca=shown))
        assert plant.cloud.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


async def test_a_cloud_that_wants_a_certificate_gets_ours(plant: Plant, tmp_path: Path) -> None:
    plant.wants_certificates()
    assert await refusal(plant, Way(ca=plant.authority.file))
    (tmp_path / "others").mkdir()
    stranger, key = Authority(tmp_path / "others", "another-ca").issue("stranger")
    assert await refusal(plant, Way(ca=plant.authority.file, certificate=stranger, key=key))
    await plant.send(Way(ca=plant.authority.file, certificate=plant.certificate, key=plant.key))
    assert len(plant.cloud.requests) == 1


async def test_a_key_of_another_certificate_is_refused_at_once(plant: Plant) -> None:
    _, other = plant.authority.issue("other")
    with pytest.raises(ConfigError, match=r"cloud\.tls"):
        await plant.send(Way(ca=plant.authority.file, certificate=plant.certificate, key=other))


@pytest.mark.parametrize("kind", ["http", "socks5"])
@pytest.mark.parametrize("user", [None, "edge:p w:/@"])
async def test_a_proxy_carries_everything_on_one_connection_and_sees_nothing_of_it(
    plant: Plant, kind: str, user: str | None
) -> None:
    proxy = Proxy(user)
    async with proxy.connecting() if kind == "http" else proxy.socks():
        login = "" if user is None else "edge:p%20w%3A%2F%40@"
        address = f"{kind}://{login}127.0.0.1:{proxy.port}"
        await plant.send(Way(proxy=address, ca=plant.authority.file), batches=5)
    assert proxy.asked == [plant.cloud.url.removeprefix("https://")]
    assert len(plant.cloud.requests) == 5
    assert TOKEN.encode() not in proxy.heard


@pytest.mark.parametrize("kind", ["http", "socks5"])
async def test_a_proxy_that_lets_us_not_pass_is_named_without_the_password(plant: Plant, kind: str) -> None:
    proxy = Proxy("edge:right")
    async with proxy.connecting() if kind == "http" else proxy.socks():
        address = f"{kind}://edge:wrong-one@127.0.0.1:{proxy.port}"
        said = await refusal(plant, Way(proxy=address, ca=plant.authority.file))
    assert "proxy" in said
    assert "wrong-one" not in said
    assert proxy.asked == []


async def test_a_proxy_that_is_away_is_unreachable(plant: Plant) -> None:
    async with Proxy().connecting() as proxy:
        port = proxy.port
    assert await refusal(plant, Way(proxy=f"http://127.0.0.1:{port}", ca=plant.authority.file))
