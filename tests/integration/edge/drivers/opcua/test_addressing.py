"""Every way to a value: paths and wildcards, elements and fields, words of enumerations, and reading by time."""

import enum
from collections.abc import AsyncIterator

import pytest
from asyncua import ua
from asyncua.common.structures104 import new_enum, new_struct, new_struct_field
from structlog.testing import capture_logs

from edge.drivers.opcua.config import Browse, OpcUaDevice
from edge.drivers.opcua.items import RETRY_S
from edge.drivers.opcua.link import LOOK_S
from edge.drivers.spec import Point, Surroundings
from shared.reading import Quality
from tests.integration.edge.drivers.opcua.plc import Later, Plc, Taker, driver, points, taking

DEVICE = OpcUaDevice(name="press", on="plc")


def families(*paths: str, **options: object) -> Surroundings:
    browse = [Browse.model_validate({"path": path, **options}) for path in paths]
    return Surroundings(families=[Point("press", each.path, 0.05, DEVICE, each) for each in browse])


def found(taker: Taker) -> list[str]:
    return [point.name for sample in taker.samples for point in sample.points]


@pytest.fixture
async def tree(plc: Plc) -> AsyncIterator[Plc]:
    """Objects/Press/Temps/{Oil,Zones/{A,B}}, each 20 and more."""
    index = plc.namespace
    press = await plc.server.nodes.objects.add_object(ua.NodeId("Press", index), f"{index}:Press")
    temps = await press.add_folder(ua.NodeId("Temps", index), f"{index}:Temps")
    zones = await temps.add_folder(ua.NodeId("Zones", index), f"{index}:Zones")
    for at, (parent, name) in enumerate([(temps, "Oil"), (zones, "A"), (zones, "B")]):
        await parent.add_variable(ua.NodeId(f"T.{name}", index), f"{index}:{name}", 20.0 + at)
    yield plc
    await plc.server.delete_nodes([press], recursive=True)


async def test_one_level_of_a_wildcard_is_what_lies_right_below(tree: Plc) -> None:
    async with taking(driver(tree.port, [], around=families("Objects/Press/Temps/*", prefix="temp_"))) as taker:
        await taker.until(lambda: taker.values(0) == [20.0])
    assert found(taker) == ["temp_Oil"]


async def test_any_depth_of_a_wildcard_is_all_below_each_once(tree: Plc) -> None:
    around = families("Objects/Press/Temps/**", prefix="temp_")
    async with taking(driver(tree.port, [], around=around)) as taker:
        await taker.until(lambda: len(taker.rows()) == 3)
    assert sorted(found(taker)) == ["temp_Oil", "temp_Zones_A", "temp_Zones_B"]
    assert sorted(row[2] for row in taker.rows()) == [20.0, 21.0, 22.0]


async def test_a_node_that_appears_becomes_a_tag_when_the_server_says_so(tree: Plc) -> None:
    built = driver(tree.port, [], around=families("Objects/Press/Temps/*"))
    async with taking(built) as taker:
        await taker.until(lambda: found(taker) == ["Oil"])
        temps = tree.server.get_node(ua.NodeId("Temps", tree.namespace))
        await temps.add_variable(ua.NodeId("T.Water", tree.namespace), f"{tree.namespace}:Water", 33.0)
        generator = await tree.server.get_event_generator(ua.ObjectIds.GeneralModelChangeEventType)
        await generator.trigger()
        await taker.until(lambda: 33.0 in taker.values(1))
    assert found(taker) == ["Oil", "Water"]


async def test_a_node_that_appears_unsaid_is_found_at_the_next_look(tree: Plc) -> None:
    clock = Later()
    async with taking(driver(tree.port, [], clock, around=families("Objects/Press/Temps/*"))) as taker:
        await taker.until(lambda: found(taker) == ["Oil"])
        temps = tree.server.get_node(ua.NodeId("Temps", tree.namespace))
        await temps.add_variable(ua.NodeId("T.Late", tree.namespace), f"{tree.namespace}:Late", 34.0)
        clock.ahead_s = LOOK_S + RETRY_S
        await taker.until(lambda: 34.0 in taker.values(1))


async def test_what_was_found_keeps_its_place_over_sessions(tree: Plc) -> None:
    built = driver(tree.port, [], around=families("Objects/Press/Temps/**"))
    async with taking(built) as first:
        await first.until(lambda: len(first.rows()) == 3)
    async with taking(built) as second:
        await second.until(lambda: len(second.rows()) == 3)
    assert found(second) == []
    assert {row[0]: row[2] for row in first.rows()} == {row[0]: row[2] for row in second.rows()}


async def test_a_path_leads_to_a_node_whatever_its_namespace(tree: Plc) -> None:
    async with taking(driver(tree.port, points(["", "", ""], node=None, path="Objects/Press/Temps/Zones/B"))) as taker:
        await taker.until(lambda: len(taker.rows()) == 3)
    assert taker.values(2) == [22.0]


async def test_a_path_to_nowhere_is_bad_and_stops_nothing(tree: Plc) -> None:
    plan = [*points(["x"], node=None, path="Objects/Press/Nowhere"), *points(["T.Oil"])]
    async with taking(driver(tree.port, plan)) as taker:
        await taker.until(lambda: len(taker.rows()) == 2)
    assert (taker.values(0), taker.values(1)) == (["NaN"], [20.0])


async def test_an_element_of_an_array_is_a_reading(plc: Plc) -> None:
    await plc.put("zones", [10.5, 11.5, 12.5])
    plan = [*points(["zones"], index=2), *points(["zones"], index=0), *points(["zones"], index=9), *points(["zones"])]
    with capture_logs() as logs:
        async with taking(driver(plc.port, plan)) as taker:
            await taker.until(lambda: len(taker.rows()) == 4)
            await plc.put("zones", [1.0, 2.0, 3.0])
            await taker.until(lambda: taker.values(0) == [12.5, 3.0])
    assert taker.values(1) == [10.5, 1.0]
    assert taker.values(2)[0] == taker.values(3)[0] == "NaN"
    told = {log["why"] for log in logs if log["log_level"] == "error"}
    assert told == {
        "the array has 3 elements; `index` counts from 0",
        "arrays are no reading; say which element by `index`, or read one by a node of its own",
    }


async def test_a_scalar_has_no_elements(plc: Plc) -> None:
    await plc.put("force", 1.0)
    async with taking(driver(plc.port, points(["force"], index=0))) as taker:
        await taker.until(taker.rows)
    assert taker.values(0) == ["NaN"]


async def test_fields_of_a_structure_are_readings_also_of_structures_within_and_of_arrays_of_them(plc: Plc) -> None:
    index = plc.namespace
    axis, _ = await new_struct(
        plc.server,
        index,
        "Axis",
        [new_struct_field("Position", ua.VariantType.Double), new_struct_field("Name", ua.VariantType.String)],
    )
    custom = await plc.server.load_data_type_definitions()
    press, _ = await new_struct(
        plc.server,
        index,
        "PressData",
        [
            new_struct_field("Cycles", ua.VariantType.UInt64),
            new_struct_field("Main", axis),
            new_struct_field("Forces", ua.VariantType.Float, array=True),
        ],
    )
    custom |= await plc.server.load_data_type_definitions()
    value = custom["PressData"]()
    value.Cycles, value.Forces = 2**60 + 1, [1.5, 2.5]
    value.Main = custom["Axis"](Position=7.25, Name="X")
    await plc.put("data", ua.Variant(value, ua.VariantType.ExtensionObject))
    node = plc.server.get_node(plc.node("data"))
    await node.write_attribute(ua.AttributeIds.DataType, ua.DataValue(ua.Variant(press.nodeid)))
    fields = ["Cycles", "Main.Position", "Main.Name", "Forces[1]", "Absent"]
    plan = [point for field in fields for point in points(["data"], field=field)]
    async with taking(driver(plc.port, plan)) as taker:
        await taker.until(lambda: len(taker.rows()) == len(fields))
    assert [taker.values(at)[0] for at in range(5)] == [str(2**60 + 1), 7.25, "X", 2.5, "NaN"]


async def test_numbers_of_an_enumeration_come_with_their_words(plc: Plc) -> None:
    class Mode(enum.IntEnum):
        OFF = 0
        SETUP = 1
        RUN = 5

    kind = await new_enum(plc.server, plc.namespace, "Mode", [mode.name for mode in Mode])
    await plc.put("mode", ua.Variant(1, ua.VariantType.Int32))
    node = plc.server.get_node(plc.node("mode"))
    await node.write_attribute(ua.AttributeIds.DataType, ua.DataValue(ua.Variant(kind.nodeid)))
    async with taking(driver(plc.port, points(["mode"]))) as taker:
        await taker.until(taker.rows)
    (block,) = [sample.readings for sample in taker.samples if len(sample.readings)]
    assert (block.value.tolist(), block.text) == ([1.0], {0: "SETUP"})


async def test_values_are_read_by_time_without_a_subscription(plc: Plc) -> None:
    source_us = await plc.put("force", 1.0)
    await plc.put("name", "press")
    plan = points(["force", "name", "absent"], every_s=0.02, mode="read")
    async with taking(driver(plc.port, plan)) as taker:
        assert plc.subscriptions() == []
        await taker.until(lambda: len(taker.values(0)) >= 3)
        await plc.put("force", 2.0)
        await taker.until(lambda: 2.0 in taker.values(0))
        built = taker._driver
        built.finish()
        await taker.until(lambda: taker.ended)
    assert taker.error is None
    assert taker.rows()[0][1] in (0, source_us)
    assert set(taker.values(1)) == {"press"}
    assert {row[4] for row in taker.rows() if row[0] == 2} == {ua.StatusCodes.BadNodeIdUnknown}


async def test_timed_reads_and_a_subscription_share_a_session(plc: Plc) -> None:
    await plc.put("fast", 1.0)
    await plc.put("slow", 10.0)
    plan = [*points(["fast"]), *points(["slow"], every_s=0.02, mode="read")]
    async with taking(driver(plc.port, plan)) as taker:
        await taker.until(lambda: len(taker.values(1)) >= 5)
        await plc.put("fast", 2.0)
        await taker.until(lambda: taker.values(0) == [1.0, 2.0])
        assert len(plc.sessions()) == 1


async def test_a_server_without_subscriptions_is_read(plc: Plc) -> None:
    await plc.put("force", 1.0)
    service = plc.server.iserver.subscription_service
    create = service.create_subscription

    async def refuse(*_: object, **__: object) -> object:
        raise ua.uaerrors.BadServiceUnsupported

    service.create_subscription = refuse
    try:
        async with taking(driver(plc.port, points(["force"], every_s=0.02))) as taker:
            await taker.until(lambda: len(taker.values()) >= 2)
    finally:
        service.create_subscription = create


async def test_items_for_which_the_server_has_no_room_are_read_and_the_rest_is_watched(plc: Plc) -> None:
    for name in ("a", "b"):
        await plc.put(name, 1.0)
    service = plc.server.iserver.subscription_service
    create = service.create_monitored_items

    async def full(params: ua.CreateMonitoredItemsParameters) -> object:
        results = await create(params)
        for request, result in zip(params.ItemsToCreate, results, strict=True):
            if request.RequestedParameters.ClientHandle == 1:
                result.StatusCode = ua.StatusCode(ua.StatusCodes.BadTooManyMonitoredItems)
        return results

    service.create_monitored_items = full
    try:
        async with taking(driver(plc.port, points(["a", "b"]))) as taker:
            await taker.until(lambda: len([row for row in taker.rows() if row[0] == 1]) >= 3)
            assert taker.values(0) == [1.0]
    finally:
        service.create_monitored_items = create
    assert all(row[3] == Quality.GOOD for row in taker.rows())


async def test_namespaces_with_other_indexes_are_noticed_and_nodes_asked_for_anew(plc: Plc) -> None:
    await plc.put("force", 1.0)
    built = driver(plc.port, points([f"nsu=urn:tezgah:test;s={name}" for name in ("force",)]))
    array = plc.server.get_node(ua.NodeId(ua.ObjectIds.Server_NamespaceArray))
    before = await array.read_value()
    try:
        async with taking(built) as taker:
            await taker.until(lambda: taker.values() == [1.0])
            await array.write_value([before[0], "urn:new", *before[1:]])
            await taker.until(lambda: taker.error)
        assert taker.error is not None
        assert "changed its namespaces" in taker.error.message
    finally:
        await array.write_value(before)
    async with taking(built) as again:
        await again.until(lambda: again.values() == [1.0])
