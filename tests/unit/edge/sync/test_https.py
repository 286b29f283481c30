"""What the HTTPS uplink sends, what it makes of every answer, and what it keeps to itself."""

import asyncio
import ipaddress
import json
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from edge.errors import BatchRefused, ConfigError, Outdated, Unauthorized, Unreachable, UplinkError
from edge.ports import Sign
from edge.sync.fit import Fit
from edge.sync.https import HttpsUplink
from tests.conformance.uplink_suite import lease
from tests.fakes.http_cloud import HttpCloud, Request, answer, problem, receipt_of

TOKEN = "a-secret-that-nobody-may-read"


@pytest.fixture
async def server() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as server:
        yield server


@pytest.fixture
async def uplink(server: HttpCloud) -> AsyncIterator[HttpsUplink]:
    async with HttpsUplink(server.url, TOKEN, timeout_s=5.0) as uplink:
        yield uplink


async def failure(uplink: HttpsUplink) -> UplinkError:
    """Send, and return what that raises."""
    with pytest.raises(UplinkError) as raised:
        await uplink.send(lease(1))
    return raised.value


async def test_the_request_is_what_the_contract_says(server: HttpCloud, uplink: HttpsUplink) -> None:
    await uplink.send(lease(7))
    (request,) = server.requests
    assert request.line == "POST /api/v1/ingest/batches HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/vnd.tezgah.batch.v1"
    assert request.headers["x-request-id"] == "00000000-7"
    assert request.body == lease(7).body


async def test_a_path_in_the_address_is_kept(server: HttpCloud) -> None:
    async with HttpsUplink(f"{server.url}/plants/izmir/", TOKEN) as uplink:
        await uplink.send(lease(1))
    assert server.requests[0].line == "POST /plants/izmir/api/v1/ingest/batches HTTP/1.1"


async def test_a_connection_is_used_again(server: HttpCloud, uplink: HttpsUplink) -> None:
    for seq in range(1, 6):
        await uplink.send(lease(seq))
    assert server.connections == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("400 Bad Request", BatchRefused),
        ("409 Conflict", BatchRefused),
        ("413 Content Too Large", BatchRefused),
        ("422 Unprocessable Content", BatchRefused),
        ("401 Unauthorized", Unauthorized),
        ("403 Forbidden", Unauthorized),
        ("404 Not Found", Unreachable),
        ("405 Method Not Allowed", Unreachable),
        ("408 Request Timeout", Unreachable),
        ("415 Unsupported Media Type", Unreachable),
        ("426 Upgrade Required", Outdated),
        ("429 Too Many Requests", Unreachable),
        ("500 Internal Server Error", Unreachable),
        ("502 Bad Gateway", Unreachable),
        ("503 Service Unavailable", Unreachable),
    ],
)
async def test_each_status_is_named_by_what_follows_from_it(
    server: HttpCloud, uplink: HttpsUplink, status: str, expected: type[UplinkError]
) -> None:
    server.says(problem(status, "SOME_CODE", "because of this"))
    error = await failure(uplink)
    assert type(error) is expected
    assert all(word in error.message for word in (status[:3], "SOME_CODE", "because of this"))
    if isinstance(error, BatchRefused):
        # another content under its number: there is no reading in it to look for
        assert error.is_whole == status.startswith("409")


@pytest.mark.parametrize("status", ["400 Bad Request", "409 Conflict", "413 Content Too Large", "422 Whatever"])
@pytest.mark.parametrize(
    "body", [b"<html>nginx</html>", b'{"detail": "no code"}', b"[1]", b"\xff", b'{"error_code": 5}']
)
async def test_a_proxys_refusal_is_not_the_clouds(
    server: HttpCloud, uplink: HttpsUplink, status: str, body: bytes
) -> None:
    server.says(answer(status, body, Content_Type="text/html" if b"<" in body else "application/problem+json"))
    assert type(await failure(uplink)) is Unreachable


async def test_a_redirect_is_not_followed_with_the_token_but_told(server: HttpCloud, uplink: HttpsUplink) -> None:
    server.says(answer("301 Moved Permanently", Location="https://elsewhere.example.com/"))
    error = await failure(uplink)
    assert "elsewhere.example.com" in error.message
    assert "cloud.url" in error.message
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Retry_After": "30"}, 30.0),
        ({"Retry_After": " 0 "}, 0.0),
        ({"Retry_After": "Sat, 21 Nov 2026 10:00:30 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 30.0),
        ({"Retry_After": "Sat, 21 Nov 2026 09:00:00 GMT", "Date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"Retry_After": "Sat, 21 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry_After": "soon"}, None),
        ({"Retry_After": "-5"}, None),
        ({}, None),
    ],
)
async def test_when_to_come_again_is_read_in_both_its_forms(
    server: HttpCloud, uplink: HttpsUplink, headers: dict[str, str], expected: float | None
) -> None:
    server.says(problem("503 Service Unavailable", "DATABASE_UNAVAILABLE", "later", **headers))
    error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert error.retry_after_s == expected


@pytest.mark.parametrize("part", ["epoch", "seq", "rows"])
async def test_a_receipt_for_something_else_is_no_receipt(server: HttpCloud, uplink: HttpsUplink, part: str) -> None:
    sent = lease(1)
    data = {"epoch": str(sent.id.epoch), "seq": 1, "outcome": "stored", "rows": 5, "repeated": 0}
    data[part] = "00000000-0000-0000-0000-000000000001" if part == "epoch" else 4
    server.says(answer("200 OK", json.dumps({"data": data}).encode()))
    error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert "receipt" in error.message


@pytest.mark.parametrize(
    "body", [b"", b"<html>sign in here</html>", b"{}", b'{"data": {"seq": 1}}', b"\xff\xfe", b"[]"]
)
async def test_what_is_no_receipt_settles_nothing(server: HttpCloud, uplink: HttpsUplink, body: bytes) -> None:
    server.says(answer("200 OK", body))
    error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert "cloud.url" in error.message


async def test_an_answer_that_drips_is_cut_off_by_the_deadline(server: HttpCloud) -> None:
    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await asyncio.sleep(0.01)

    server.behave = drip
    began = asyncio.get_running_loop().time()
    async with HttpsUplink(server.url, TOKEN, timeout_s=0.3) as uplink:
        error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert "no whole answer within 0.3" in error.message
    assert asyncio.get_running_loop().time() - began < 60.0


async def test_an_answer_without_end_is_not_kept_in_memory(server: HttpCloud, uplink: HttpsUplink) -> None:
    server.says(answer("200 OK", bytes(1_000_000)))
    error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert "65536" in error.message


@pytest.mark.parametrize(
    "data", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 999 ?\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"]
)
async def test_what_is_not_http_is_unreachable(server: HttpCloud, uplink: HttpsUplink, data: bytes) -> None:
    async def behave(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    server.behave = behave
    assert isinstance(await failure(uplink), Unreachable)


async def test_where_nobody_listens_is_unreachable_and_named() -> None:
    async with HttpCloud().serving() as server:
        url = server.url
    async with HttpsUplink(url, TOKEN) as uplink:
        error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert url in error.message


async def test_the_token_is_in_no_message_and_no_log(
    server: HttpCloud, uplink: HttpsUplink, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    said = [repr(uplink), str(vars(uplink))]
    for status in ("200 OK", "401 Unauthorized", "500 Oops", "302 Found"):
        server.says(answer(status, TOKEN.encode()[:5]))
        said.append((await failure(uplink)).message)
    server.behave = server.store_and_hang_up
    said.append((await failure(uplink)).message)
    assert not any(TOKEN in words for words in [*said, caplog.text])


@pytest.mark.parametrize("token", ["", "  \n", "two\nlines", "Schlüssel", "nul\0"])
def test_what_cannot_be_a_token_is_refused_at_once_and_not_repeated(token: str) -> None:
    with pytest.raises(ConfigError, match=r"cloud\.token") as refusal:
        HttpsUplink("https://cloud.example.com", token)
    assert not token.strip() or token not in refusal.value.message


async def test_a_line_break_at_the_tokens_end_is_the_files(server: HttpCloud) -> None:
    async with HttpsUplink(server.url, f"{TOKEN}\n") as uplink:
        await uplink.send(lease(1))
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("url", ["cloud.example.com", "ftp://cloud.example.com", "https://", "http://[::1", ""])
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError, match=r"cloud\.url"):
        HttpsUplink(url, TOKEN)


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://cloud.example.com", True),
        ("http://10.2.0.9:8000", True),
        ("https://cloud.example.com", False),
        ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False),
        ("http://[::1]:8000", False),
    ],
)
def test_plain_http_to_another_machine_is_warned_of(url: str, warns: bool) -> None:
    with capture_logs() as logs:
        HttpsUplink(url, TOKEN)
    assert ["https" in entry["event"] for entry in logs] == [True] * warns


async def test_a_proxy_for_the_outside_is_not_asked_for_this_machine(
    server: HttpCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with HttpsUplink(server.url, TOKEN) as uplink:
        await uplink.send(lease(1))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "cloud.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + made.public_bytes(pem))
    return path


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(certificate: Path) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    async with HttpCloud(tls).serving() as server, HttpsUplink(server.url, TOKEN, timeout_s=5.0) as uplink:
        error = await failure(uplink)
    assert isinstance(error, Unreachable)
    assert "certificate" in error.message.lower()
    assert server.requests == [], "the token must not have been sent"


async def test_a_greeting_says_who_lives_and_what_waits(server: HttpCloud) -> None:
    server.says(answer("204 No Content"))
    async with HttpsUplink(f"{server.url}/plants/izmir", TOKEN) as uplink:
        await uplink.greet(Sign(12, device_skews_s={"press-1": -3600.5}))
    (request,) = server.requests
    assert request.line == "POST /plants/izmir/api/v1/gateways/alive HTTP/1.1"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["content-type"] == "application/json"
    told = json.loads(request.body)
    assert told.pop("version")
    assert told == {"waiting": 12, "device_clock_skew_s": {"press-1": -3600.5}}


async def test_a_cloud_that_does_not_know_greetings_has_answered_all_the_same(
    server: HttpCloud, uplink: HttpsUplink
) -> None:
    server.says(problem("404 Not Found", "NOT_FOUND", "No such path."))
    await uplink.greet(Sign(0))


@pytest.mark.parametrize(
    ("status", "expected"),
    [("401 Unauthorized", Unauthorized), ("503 Unavailable", Unreachable)],
)
async def test_a_greeting_that_is_not_taken_is_named(
    server: HttpCloud, uplink: HttpsUplink, status: str, expected: type[UplinkError]
) -> None:
    server.says(problem(status, "CODE", "No."))
    with pytest.raises(expected):
        await uplink.greet(Sign(0))


async def test_an_older_cloud_that_does_not_know_all_that_a_sign_of_life_says_is_told_the_plainest(
    server: HttpCloud, uplink: HttpsUplink
) -> None:
    async def strict(request: Request, writer: asyncio.StreamWriter) -> None:
        unknown = set(json.loads(request.body)) - {"version"}
        refusal = problem("422 Unprocessable", "VALIDATION_ERROR", f"unknown: {sorted(unknown)}")
        writer.write(refusal if unknown else answer("204 No Content", **{"Tezgah-Rotate-Token": "1"}))

    server.behave = strict
    orders = await uplink.greet(Sign(3, buffer_bytes=5, device_skews_s={"press-1": 2.0}))
    assert orders.is_to_rotate
    assert len(server.requests) == 2


async def test_a_cloud_that_refuses_every_sign_of_life_is_there_all_the_same(
    server: HttpCloud, uplink: HttpsUplink
) -> None:
    server.says(problem("422 Unprocessable", "VALIDATION_ERROR", "No."))
    await uplink.greet(Sign(0))


async def test_where_a_stranger_knows_no_greetings_there_is_no_cloud(server: HttpCloud, uplink: HttpsUplink) -> None:
    server.says(answer("404 Not Found", b"<html>nothing here</html>"))
    with pytest.raises(Unreachable, match=r"cloud\.url"):
        await uplink.greet(Sign(0))


async def test_batches_follow_the_line_and_not_how_long_the_cloud_takes_to_store_them(server: HttpCloud) -> None:
    async def slow(request: Request, writer: asyncio.StreamWriter) -> None:
        receipt = receipt_of(server.cloud.take(request.body))
        head = b"HTTP/1.1 200 OK\r\n"
        # stored for an hour, by its own word; the line took none of that
        writer.write(receipt.replace(head, head + b"Server-Timing: db;dur=1, store;dur=3600000.5\r\n"))

    fit = Fit()
    fit.failed(2_000, 30.0)
    server.behave = slow
    async with HttpsUplink(server.url, TOKEN, fit=fit) as uplink:
        await uplink.send(lease(1, count=1_000))
    assert fit.rows == 1_500
