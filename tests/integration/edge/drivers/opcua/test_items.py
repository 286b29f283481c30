"""Monitored items on a real server: those it refuses, those it cuts short, and those that come later."""

import pytest
from asyncua import ua
from structlog.testing import capture_logs

from edge.drivers.opcua.items import RETRY_S
from shared.reading import Quality
from tests.integration.edge.drivers.opcua.plc import Later, Plc, driver, eventually, points, taking

UNKNOWN = ua.StatusCodes.BadNodeIdUnknown


async def test_one_unknown_node_is_bad_and_named_and_the_rest_is_watched(plc: Plc) -> None:
    await plc.put("a", 1.0)
    await plc.put("c", 3.0)
    with capture_logs() as logs:
        async with taking(driver(plc.port, points(["a", "b", "c"]))) as taker:
            await taker.until(lambda: len(taker.rows()) == 3)
            await plc.put("c", 4.0)
            await taker.until(lambda: 4.0 in taker.values(2))
    assert [row[0::2] for row in taker.rows() if row[0] == 1] == [(1, "NaN", UNKNOWN)]
    assert taker.rows()[0][3] == Quality.BAD
    (refusal,) = [log for log in logs if log["log_level"] == "error"]
    assert (refusal["connection"], refusal["nodes"]) == ("plc", "ns=2;s=b")
    assert "BadNodeIdUnknown" in refusal["status"]


async def test_a_node_that_appears_later_is_watched_from_the_next_retry_on(plc: Plc) -> None:
    await plc.put("a", 1.0)
    clock = Later()
    async with taking(driver(plc.port, points(["a", "late"]), clock)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
        await plc.put("late", 7.0)
        clock.ahead_s = RETRY_S
        await plc.put("a", 2.0)
        await taker.until(lambda: 7.0 in taker.values(1))
    assert taker.values(1) == ["NaN", 7.0]


async def test_a_node_that_stays_unknown_is_told_once(plc: Plc) -> None:
    await plc.put("a", 0.0)
    clock = Later()
    with capture_logs() as logs:
        async with taking(driver(plc.port, points(["a", "never"]), clock)) as taker:
            for n in range(1, 4):
                clock.ahead_s += RETRY_S
                await plc.put("a", float(n))
                await taker.until(lambda n=n: float(n) in taker.values(0))  # type: ignore[misc]
            await plc.put("a", 4.0)
            await taker.until(lambda: 4.0 in taker.values(0))
    assert taker.values(1) == ["NaN"]
    assert len([log for log in logs if log["log_level"] == "error"]) == 1


async def test_a_node_that_goes_while_it_is_watched_is_asked_for_again(plc: Plc) -> None:
    await plc.put("a", 1.0)
    clock = Later()
    async with taking(driver(plc.port, points(["a"]), clock)) as taker:
        await taker.until(taker.rows)
        # what a server says of an item whose node was deleted (Part 4, 5.13.1.2)
        await plc.put("a", 1.0, StatusCode=ua.StatusCode(UNKNOWN))
        await taker.until(lambda: taker.values(0) == [1.0, "NaN"])
        (subscription,) = plc.subscriptions()
        clock.ahead_s = RETRY_S
        await taker.until(lambda: len(taker.values(0)) == 3)
        # and the driver's own, of the server's namespaces
        assert len(subscription.monitored_item_srv._monitored_items) == 2
    assert taker.rows()[-1][4] == UNKNOWN


async def test_from_a_node_that_went_until_it_is_watched_again_there_is_a_bad_reading_and_a_gap(plc: Plc) -> None:
    await plc.put("a", 1.0)
    await plc.put("b", 10.0)
    clock = Later()
    async with taking(driver(plc.port, points(["a", "b"]), clock)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
        # asyncua says nothing of a node that is deleted; so this is said for it, and then it is done
        await plc.put("a", 1.0, StatusCode=ua.StatusCode(UNKNOWN))
        await taker.until(lambda: taker.values(0) == [1.0, "NaN"])
        (subscription,) = plc.subscriptions()
        await eventually(lambda: len(subscription.monitored_item_srv._monitored_items) == 2)
        await plc.remove("a")
        clock.ahead_s = RETRY_S
        await plc.put("b", 11.0)
        await taker.until(lambda: 11.0 in taker.values(1))
        assert not [gap for sample in taker.samples for gap in sample.gaps], "it is not over"
        await plc.put("a", 2.0)
        clock.ahead_s += RETRY_S
        await plc.put("b", 12.0)
        await taker.until(lambda: 2.0 in taker.values(0))
    _, gone, *_, back = [sample.readings for sample in taker.samples if 0 in sample.readings.tag.tolist()]
    (gap,) = [gap for sample in taker.samples for gap in sample.gaps]
    assert (gap.cause, gap.device, gap.tag) == ("communication_lost", "press", "a")
    assert int(gone.received.max()) == gap.from_us < gap.to_us <= int(back.received.max())
    assert taker.rows()[-1][3] == Quality.GOOD


async def test_what_the_server_gives_less_of_is_logged_with_asked_and_got(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plc.server.iserver, "max_monitored_item_queue_size", 5)
    names = [f"v{n}" for n in range(7)]
    for name in names:
        await plc.put(name, 1.0)
    with capture_logs() as logs:
        async with taking(driver(plc.port, points(names, queue=50))) as taker:
            await taker.until(lambda: len(taker.rows()) == 7)
    (revised,) = [log for log in logs if log["event"] == "the server revised what was asked"]
    assert (revised["option"], revised["asked"], revised["got"]) == ("queue", 50, 5)
    assert "ns=2;s=v0" in revised["nodes"]
    assert revised["nodes"].endswith("and 2 more")


async def test_a_server_that_takes_few_items_a_call_gets_few(plc: Plc) -> None:
    names = [f"v{n}" for n in range(7)]
    for name in names:
        await plc.put(name, 1.0)
    limit = plc.server.get_node(
        ua.NodeId(ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall)
    )
    before = await limit.read_value()
    await limit.write_value(ua.Variant(2, ua.VariantType.UInt32))
    calls: list[int] = []
    service = plc.server.iserver.subscription_service
    create = service.create_monitored_items

    async def counted(params: ua.CreateMonitoredItemsParameters) -> object:
        calls.append(len(params.ItemsToCreate))
        return await create(params)

    service.create_monitored_items = counted
    try:
        async with taking(driver(plc.port, points(names))) as taker:
            await taker.until(lambda: len(taker.rows()) == 7)
    finally:
        service.create_monitored_items = create
        await limit.write_value(ua.Variant(before, ua.VariantType.UInt32))
    assert calls == [1, 2, 2, 2, 1], "the driver's own first"


async def test_a_server_that_says_too_many_gets_half_as_many(plc: Plc) -> None:
    names = [f"v{n}" for n in range(7)]
    for name in names:
        await plc.put(name, 1.0)
    service = plc.server.iserver.subscription_service
    create = service.create_monitored_items

    async def choosy(params: ua.CreateMonitoredItemsParameters) -> object:
        if len(params.ItemsToCreate) > 2:
            raise ua.uaerrors.BadTooManyOperations
        return await create(params)

    service.create_monitored_items = choosy
    try:
        async with taking(driver(plc.port, points(names))) as taker:
            await taker.until(lambda: len(taker.rows()) == 7)
    finally:
        service.create_monitored_items = create
    assert {row[3] for row in taker.rows()} == {Quality.GOOD}
