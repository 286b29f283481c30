"""What `doctor` and `browse` learn of a server, and the fix that each finding leads to."""

import datetime as dt
import socket
import time
from collections.abc import Sequence

import pytest
from asyncua import ua

from edge.clock import SystemClock
from edge.drivers.inspection import Examination, Finding, Found, Severity
from edge.drivers.opcua import SPEC
from edge.drivers.opcua.config import OpcUaConnection
from edge.drivers.opcua.findings import certificate, clocks, security, unknown_node
from edge.drivers.opcua.inspect import OpcUaInspector
from edge.drivers.spec import Point
from edge.errors import ConfigError, DriverError
from shared.reading import Quality
from tests.integration.edge.drivers.opcua.plc import Plc, eventually, points


def inspector(port: int, plan: Sequence[Point] = (), **options: object) -> OpcUaInspector:
    connection = OpcUaConnection.model_validate({"opcua": f"opc.tcp://127.0.0.1:{port}", "timeout": "1s", **options})
    built = SPEC.inspect("plc", connection, plan, SystemClock())
    assert isinstance(built, OpcUaInspector)
    return built


def about(examination: Examination, name: str) -> list[Finding]:
    return [finding for finding in examination.findings if finding.about == name]


async def test_every_tag_is_probed_and_nothing_is_left_on_the_server(plc: Plc) -> None:
    source_us = await plc.put("force", 1.5)
    await plc.put("zones", [1.0, 2.0])
    await plc.put("broken", 3.0, StatusCode=ua.StatusCode(ua.StatusCodes.BadSensorFailure))
    plan = [*points(["force"]), *points(["zones"], index=1), *points(["zones"]), *points(["broken"])]
    examination = await inspector(plc.port, plan).examine()
    assert examination.is_reached
    assert examination.round_trip_s is not None
    assert 0 < examination.round_trip_s < 1
    force, zone, whole, broken = examination.probes
    assert (force.raw, force.value, force.quality, force.source_us) == ("Double 1.5", 1.5, Quality.GOOD, source_us)
    assert (zone.raw, zone.value) == ("Double[2] [1.0, 2.0]", 2.0)
    assert whole.quality == Quality.BAD
    assert "BadSensorFailure" in broken.code
    assert [finding.severity for finding in about(examination, "press.zones")] == [Severity.ERROR]
    assert about(examination, "press.broken")[0].severity == Severity.WARNING
    facts = dict(examination.facts)
    assert facts["endpoints"] == "None"
    assert "urn:tezgah:test" in facts["namespaces"]
    assert "4 monitored items" in facts["subscription"]
    await eventually(lambda: not plc.sessions() and not plc.subscriptions())


async def test_server_times_are_told_where_they_are_kept(plc: Plc) -> None:
    learned = dt.datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=dt.UTC)
    for name in ("force", "rest"):
        await plc.put(name, 1.5, ServerTimestamp=learned)
    plan = [*points(["force"]), *points(["rest"], server_time=False)]
    kept, other = (await inspector(plc.port, plan, server_time=True).examine()).probes
    assert kept.server_us == round(learned.timestamp() * 1e6)
    assert other.server_us is None


async def test_a_wrong_node_leads_to_the_nearest_name(plc: Plc) -> None:
    await plc.put("Press.CycleCount", 1.0)
    examination = await inspector(plc.port, points(["Press.CycelCount", "ns=7;s=Press.CycleCount"])).examine()
    first, second = (finding.fix for finding in examination.findings if finding.severity is Severity.ERROR)
    assert first == second == 'did you mean node: "ns=2;s=Press.CycleCount"?'
    assert [probe.code.split()[0] for probe in examination.probes] == ["BadNodeIdUnknown"] * 2


async def test_a_queue_that_the_server_shortens_is_told_in_seconds(plc: Plc) -> None:
    await plc.put("force", 1.0)
    before, plc.server.iserver.max_monitored_item_queue_size = plc.server.iserver.max_monitored_item_queue_size, 5
    service = plc.server.iserver.subscription_service
    create = service.create_monitored_items

    async def short(params: ua.CreateMonitoredItemsParameters) -> object:
        results = await create(params)
        for result in results:
            result.RevisedQueueSize = 5
        return results

    service.create_monitored_items = short
    try:
        examination = await inspector(plc.port, points(["force"], every_s=1.0)).examine()
    finally:
        service.create_monitored_items = create
        plc.server.iserver.max_monitored_item_queue_size = before
    (finding,) = [finding for finding in examination.findings if "queue" in finding.message]
    assert "covers a cut of 5 s, not 60 s" in finding.message


async def test_a_server_of_a_known_kind_is_recognised_and_what_it_cannot_carry_is_told(plc: Plc) -> None:
    product = plc.server.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_BuildInfo_ProductName))
    before = await product.read_value()
    plan = points([f"absent_{n}" for n in range(1001)], every_s=1.0)
    await product.write_value("SIMATIC S7-1500")
    try:
        seen = await inspector(plc.port, plan).examine()
        overridden = await inspector(plc.port, plan, profile="generic").examine()
    finally:
        await product.write_value(before)
    assert dict(seen.facts)["profile"] == "s7-1500, by what it says of itself; 32 sessions for all its clients"
    assert any("1001 monitored items" in finding.message for finding in seen.findings)
    assert dict(overridden.facts)["profile"] == "generic, as configured"
    assert not any("monitored items, and" in finding.message for finding in overridden.findings)


async def test_nobody_there_is_a_finding_and_no_exception() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    examination = await inspector(port, points(["force"])).examine()
    assert not examination.is_reached
    assert [finding.severity for finding in examination.findings] == [Severity.ERROR]
    assert "plc: " in examination.findings[0].message


async def browsed(plc: Plc, where: str) -> list[Found]:
    return [found async for found in inspector(plc.port).browse(where, 10.0)]


async def test_the_tree_is_shown_with_what_a_tag_of_it_would_say(plc: Plc) -> None:
    await plc.put("force", 1.5)
    for where in ("", "Objects", "i=85"):
        (found,) = [found for found in await browsed(plc, where) if found.name == "force"]
        assert found.tag_options == {"node": "nsu=urn:tezgah:test;s=force"}
        assert (found.value, found.note) == ("1.5", "Double")
    names = ["/".join(found.path) for found in await browsed(plc, "")]
    assert "force" in names
    assert not [name for name in names if name.startswith("Server/")], "the server's own object has hundreds"


async def test_a_beginning_that_is_none_is_refused(plc: Plc) -> None:
    with pytest.raises(ConfigError, match="neither a path"):
        await browsed(plc, "ns=x;s=y;i=")
    with pytest.raises(DriverError, match="has no nsu="):
        await browsed(plc, "nsu=urn:nowhere;s=x")


async def test_looking_ends_in_time(plc: Plc) -> None:
    began = time.monotonic()
    assert [found async for found in inspector(plc.port).browse("Types", 0.05)]
    assert time.monotonic() - began < 60


def test_a_session_without_security_on_a_server_that_has_some_is_told() -> None:
    options = OpcUaConnection.model_validate({"opcua": "opc.tcp://plc"})
    assert security(options, ["None"]) == []
    (finding,) = security(options, ["None", "Basic256Sha256 with Sign", "Basic256Sha256 with SignAndEncrypt"])
    assert "policy: Basic256Sha256" in finding.fix


def test_clocks_that_differ_are_told_with_their_way() -> None:
    assert clocks(1_000_000, 0) == []
    assert "60 s behind" in clocks(0, 60_000_000)[0].message


def test_a_certificate_that_is_none_is_told() -> None:
    assert "unreadable" in certificate(b"x", 0)[0].message


def test_a_name_like_no_other_leads_to_browse() -> None:
    assert "tezgah-edge browse" in unknown_node("ns=2;s=Qqqq", ["ns=2;s=Force"])
