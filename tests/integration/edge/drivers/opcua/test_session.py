"""Sessions with a real server: lost in every way, noticed in seconds, and begun again; acknowledged when on disk."""

import asyncio
import itertools
import time

import numpy as np
import pytest
from asyncua import ua
from structlog.testing import capture_logs

from edge.acquisition.station import Station
from edge.clock import SystemClock
from edge.drivers.opcua import services
from edge.drivers.opcua.access import Access
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.session import Session
from edge.errors import DriverError, DriverRefused
from shared.reading import Quality, concatenate
from tests.fakes.recording import RecordingBuffer
from tests.integration.edge.drivers.opcua.plc import Cable, Later, Plc, driver, eventually, points, taking


async def test_a_restarted_server_ends_samples_at_once_and_a_new_session_goes_on(plc: Plc) -> None:
    await plc.put("force", 1.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        await taker.until(taker.rows)
        await plc.stop()
        await taker.until(lambda: taker.error)
    assert taker.error is not None
    assert taker.error.retryable
    assert "did not answer in time" not in taker.error.message, "it was told, and did not find out by waiting"
    assert f"plc: opc.tcp://127.0.0.1:{plc.port}" in taker.error.message
    with pytest.raises(DriverError, match="plc: "):
        await built.open()
    await plc.start()
    async with taking(built) as again:
        await again.until(lambda: again.values() == [1.0])
        await plc.put("force", 2.0)
        await again.until(lambda: again.values() == [1.0, 2.0])


async def test_a_cut_cable_ends_samples_at_once(plc: Plc) -> None:
    await plc.put("force", 1.0)
    async with Cable(plc.port) as cable, taking(driver(cable.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        cable.cut()
        await taker.until(lambda: taker.error)
    assert taker.error is not None
    assert "did not answer in time" not in taker.error.message, "it was told, and did not find out by waiting"


async def test_a_half_open_connection_is_noticed_by_the_missing_keep_alive(plc: Plc) -> None:
    await plc.put("force", 1.0)
    async with Cable(plc.port) as cable, taking(driver(cable.port, points(["force"]), timeout="1s")) as taker:
        await taker.until(taker.rows)
        cable.hang()
        await taker.until(lambda: taker.error)
    assert taker.error is not None
    assert "did not answer in time" in taker.error.message


async def test_closing_waits_for_no_dead_server_and_leaves_no_connection(plc: Plc) -> None:
    await plc.put("force", 1.0)
    async with Cable(plc.port) as cable:
        async with taking(driver(cable.port, points(["force"]), timeout="30s")) as taker:
            await taker.until(taker.rows)
            cable.hang()
            closing = time.monotonic()
        assert time.monotonic() - closing < 15.0, "half of what a request may take"
        cable.heal()
        await eventually(lambda: cable.connections == 0)


async def test_an_idle_server_is_not_taken_for_a_dead_one(plc: Plc) -> None:
    await plc.put("force", 1.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        await taker.until(taker.rows)
        (subscription,) = plc.subscriptions()
        # two keep-alives are two publish requests more; nothing was lost over them
        published = subscription.pub_request_callback
        asked = []
        subscription.pub_request_callback = lambda number: asked.append(number) or published(number)
        await eventually(lambda: len(asked) >= 2)
        await plc.put("force", 2.0)
        await taker.until(lambda: taker.values() == [1.0, 2.0])
    assert taker.error is None
    assert any(sample.is_whole and not len(sample.readings) for sample in taker.samples), "rest is told, too"


async def test_a_value_at_rest_is_good_again_after_a_loss_that_was_no_change(plc: Plc) -> None:
    source_us = await plc.put("force", 1.0, time.time_ns() // 1000 - 3_600_000_000)
    plan = points(["force"])
    async with Cable(plc.port) as cable:
        clock = SystemClock()
        buffer = RecordingBuffer(clock)
        station = Station("plc", "opcua", driver(cable.port, plan), plan, buffer, clock)
        task = asyncio.create_task(station.run())
        await eventually(lambda: buffer.values)
        cable.cut()
        await eventually(lambda: len(buffer.values) >= 2)
        station.finish()
        await task
    told = concatenate([append.readings for append in buffer.appends])
    newest = int(np.argmax(told.ts))
    assert (told.value[newest], told.quality[newest]) == (1.0, Quality.GOOD)
    assert told.ts.tolist().count(source_us) == 1, "what is had already is not stored again"


async def test_a_notification_is_acknowledged_only_after_its_receipt_came_back(plc: Plc) -> None:
    await plc.put("force", 1.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        taker.acknowledges = False
        (subscription,) = plc.subscriptions()
        kept = subscription._not_acknowledged_results
        for n in (2.0, 3.0):
            await taker.until(lambda: taker.samples)
            await plc.put("force", n)
            await taker.until(lambda n=n: n in taker.values())  # type: ignore[misc]
        assert len(kept) == len(taker.samples) == 3
        built.acknowledge([sample.receipt for sample in taker.samples])
        await plc.put("force", 4.0)
        await taker.until(lambda: 4.0 in taker.values())
        await plc.put("force", 5.0)
        await taker.until(lambda: 5.0 in taker.values())
        await eventually(lambda: len(kept) == 2)


async def test_a_receipt_of_an_earlier_session_acknowledges_nothing(plc: Plc) -> None:
    await plc.put("force", 1.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        taker.acknowledges = False
        await taker.until(lambda: taker.samples)
    old = taker.samples[0].receipt
    # a restarted server counts its subscriptions from the start again
    plc.server.iserver.subscription_service._sub_id_counter -= 1
    async with taking(built) as taker:
        taker.acknowledges = False
        await taker.until(lambda: taker.samples)
        built.acknowledge([old])
        (subscription,) = plc.subscriptions()
        for n in (2.0, 3.0):
            await plc.put("force", n)
            await taker.until(lambda n=n: n in taker.values())  # type: ignore[misc]
        assert len(subscription._not_acknowledged_results) == 3


async def test_what_nobody_takes_stays_with_the_server_and_comes_later(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        taker.takes.clear()
        for n in range(1, 500):
            await plc.put("force", float(n))
        await eventually(lambda: len(taker.samples) == 2)
        taken = len(taker.rows())
        for n in range(500, 600):
            await plc.put("force", float(n))
        assert len(taker.rows()) == taken
        taker.takes.set()
        await taker.until(lambda: 599.0 in taker.values())
    assert taker.values() == [float(n) for n in range(600)]


async def test_the_secure_channel_is_renewed_when_it_is_due(plc: Plc) -> None:
    await plc.put("force", 0.0)
    clock = Later()
    async with taking(driver(plc.port, points(["force"]), clock)) as taker:
        await taker.until(taker.rows)
        for n in range(1, 4):
            clock.ahead_s += 3600 * 0.75
            for value in (float(n), n + 0.5):
                await plc.put("force", value)
                await taker.until(lambda value=value: value in taker.values())  # type: ignore[misc]
        (client,) = plc._binary.clients  # type: ignore[union-attr]
        assert client.processor._connection.security_token.TokenId == 13 + 3
    assert taker.error is None


async def test_a_subscription_ended_by_the_server_ends_samples(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        (subscription,) = plc.subscriptions()
        subscription._triggered_statuschanges.append(ua.StatusCode(ua.StatusCodes.BadTimeout))
        await plc.put("force", 1.0)
        await taker.until(lambda: taker.error)
    assert taker.error is not None
    assert "ended the subscription with BadTimeout" in taker.error.message


async def test_a_skipped_sequence_number_is_a_gap(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        (subscription,) = plc.subscriptions()
        subscription._notification_seq += 2
        await plc.put("force", 1.0)
        await taker.until(lambda: 1.0 in taker.values())
    (gap,) = taker.samples[-1].gaps
    assert (gap.cause, gap.device, gap.tag) == ("communication_lost", "press", None)


async def test_closing_leaves_no_session_and_no_subscription(plc: Plc) -> None:
    await plc.put("force", 0.0)
    async with taking(driver(plc.port, points(["force"]))) as taker:
        await taker.until(taker.rows)
        assert (len(plc.sessions()), len(plc.subscriptions())) == (1, 1)
    await eventually(lambda: not plc.sessions() and not plc.subscriptions() and not plc._binary.clients)  # type: ignore[union-attr]


async def test_a_server_that_wants_a_user_refuses_until_somebody_acts(plc: Plc) -> None:
    tokens = plc.server.iserver.supported_tokens
    plc.server.iserver.supported_tokens = (ua.UserNameIdentityToken,)
    try:
        with pytest.raises(DriverRefused, match="BadIdentityTokenRejected"):
            await driver(plc.port, points(["force"])).open()
    finally:
        plc.server.iserver.supported_tokens = tokens
    await eventually(lambda: not plc.sessions())


async def test_a_server_without_an_unsecured_endpoint_refuses_until_somebody_acts(plc: Plc) -> None:
    (endpoint,) = plc.server.iserver.endpoints
    endpoint.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256"
    try:
        with pytest.raises(DriverRefused, match=r"plc: .*allow policy None"):
            await driver(plc.port, points(["force"])).open()
    finally:
        endpoint.SecurityPolicyUri = "http://opcfoundation.org/UA/SecurityPolicy#None"


async def test_a_slower_publishing_interval_than_asked_is_logged_and_waited_for(plc: Plc) -> None:
    service = plc.server.iserver.subscription_service
    create = service.create_subscription

    async def slower(params: ua.CreateSubscriptionParameters, *rest: object, **more: object) -> object:
        params.RequestedPublishingInterval = 100.0
        return await create(params, *rest, **more)

    await plc.put("force", 1.0)
    service.create_subscription = slower
    try:
        with capture_logs() as logs:
            async with taking(driver(plc.port, points(["force"], every_s=0.1))) as taker:
                await taker.until(taker.rows)
    finally:
        service.create_subscription = create
    assert [(log["option"], log["asked"], log["got"]) for log in logs if log["log_level"] == "warning"] == [
        ("publishing_interval_ms", 50.0, 100.0)
    ]


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"ACKF" + b"\xff" * 60, None])
async def test_something_else_on_the_port_is_an_error_in_time(answer: bytes | None) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        if answer is not None:
            writer.write(answer)
            writer.close()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(DriverError, match=f"plc: opc.tcp://127.0.0.1:{port}"):
        await driver(port, points(["force"]), timeout="300ms").open()
    assert time.monotonic() - began < 30.0
    server.close()


async def test_samples_without_a_session_are_refused(plc: Plc) -> None:
    built = driver(plc.port, points(["force"]))
    with pytest.raises(DriverError, match="no session"):
        await anext(built.samples())  # type: ignore[call-overload]


async def test_requests_on_an_ended_session_are_driver_errors(plc: Plc) -> None:
    options = OpcUaConnection(opcua=f"opc.tcp://127.0.0.1:{plc.port}")
    session = Session("plc", options.opcua, 1.0, Access("plc", options, None, SystemClock()), 60.0)
    await session.begin()
    assert "urn:tezgah:test" in await services.namespaces(session)
    await session.end()
    await session.end()
    with pytest.raises(DriverError, match="plc: "):
        await services.namespaces(session)
    with pytest.raises(DriverError, match="plc: "):
        await session.renew()
    with pytest.raises(DriverError, match="plc: "):
        session.publish([])


async def test_the_end_comes_although_values_keep_moving(plc: Plc) -> None:
    async def move() -> None:
        for n in itertools.count(1):
            await plc.put("force", float(n))
            await asyncio.sleep(0.005)

    await plc.put("force", 0.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        moving = asyncio.create_task(move())
        await taker.until(lambda: len(taker.rows()) > 20)
        built.finish()
        await taker.until(lambda: taker.ended)
        moving.cancel()
    assert taker.error is None


async def test_what_the_server_has_already_sent_is_taken_at_the_end(plc: Plc) -> None:
    await plc.put("force", 0.0)
    built = driver(plc.port, points(["force"]))
    async with taking(built) as taker:
        await taker.until(taker.rows)
        taker.takes.clear()
        await plc.put("force", 1.0)
        await eventually(lambda: len(taker.samples) == 2)
        await plc.put("force", 2.0)
        built.finish()
        taker.takes.set()
        await taker.until(lambda: 2.0 in taker.values())
    assert taker.error is None
    assert all(row[3] == Quality.GOOD for row in taker.rows())
