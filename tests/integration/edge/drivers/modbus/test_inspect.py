"""What an engineer gets wrong is found by one look at the line, with the line of configuration that mends it."""

import math
from collections.abc import AsyncIterator, Sequence

import pytest
from pymodbus.constants import ExcCodes

from edge.clock import SystemClock
from edge.drivers.inspection import Examination, Finding, Found, Inspector, Severity
from edge.drivers.modbus import SPEC
from edge.drivers.modbus.frames import Rtu
from edge.drivers.spec import Point
from edge.errors import ConfigError, DriverError
from tests.fakes.ports import free_port
from tests.integration.edge.drivers.modbus.counterpart import Counterpart, points
from tests.integration.edge.drivers.modbus.lines import Slave, on_a_cable

VOLTS = {f"v{n}": {"register": f"input {2 * n}", "type": "float32"} for n in range(4)}


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    """A server with units 1 and 2; unit 1 measures."""
    served = Counterpart(1, 2)
    served.units[1].put(4, 0, ">ffff", 230.5, 231.25, 229.75, 50.02)
    await served.start()
    yield served
    await served.stop()


def inspector(port: int, of: Sequence[Point] = (), **options: object) -> Inspector:
    connection = {"modbus": "tcp", "host": "127.0.0.1", "port": port, "timeout": "100ms", **options}
    return SPEC.inspect("line", SPEC.connection.model_validate(connection), of, SystemClock())


async def findings(line: Counterpart, of: Sequence[Point]) -> list[Finding]:
    return list((await inspector(line.port, of).examine()).findings)


async def test_a_line_in_order_is_shown_with_its_words_and_its_bus_time(line: Counterpart) -> None:
    line.units[1].bits[1][7] = True
    line.units[1].put(4, 20, ">8s", b"SDM630\0\0")
    more = {"door": {"coil": 7}, "name": {"register": "input 20", "type": "string", "length": 4}}
    seen = await inspector(line.port, points("meter-1", {**VOLTS, **more}, every_s=1.0)).examine()
    assert seen.is_reached
    assert seen.round_trip_s is not None
    assert seen.findings == []
    assert [(probe.raw, probe.value) for probe in seen.probes] == [
        ("4366 8000", 230.5),
        ("4367 4000", 231.25),
        ("4365 C000", 229.75),
        ("4248 147B", pytest.approx(50.02)),
        ("1", 1.0),
        ("5344 4D36 3330 0000", "SDM630"),
    ]
    assert all(it.label == "big" for it in seen.probes[0].alternatives if it.is_plausible and it.is_configured)
    assert dict(seen.facts)["planned requests"] == "3"


async def test_a_wrong_byte_order_is_found(line: Counterpart) -> None:
    (finding,) = await findings(line, points("meter-1", VOLTS, byte_order="little-swap"))
    assert (finding.severity, finding.about, finding.fix) == (Severity.ERROR, "meter-1", "byte_order: big")
    assert "make no sense in byte order `little-swap`" in finding.message


@pytest.mark.parametrize(("shift", "base", "fix"), [(1, 0, "address_base: 1"), (-1, 1, "address_base: 0")])
async def test_numbers_that_are_off_by_one_are_found(line: Counterpart, shift: int, base: int, fix: str) -> None:
    """The meter's manual counts from the other base than the configuration."""
    line.units[1].registers[4] = [0, 0, *line.units[1].registers[4][:-2]]
    tags = {
        name: {**tag, "register": f"input {2 * n + 2 + shift + base}"} for n, (name, tag) in enumerate(VOLTS.items())
    }
    (finding,) = await findings(line, points("meter-1", tags, address_base=base))
    assert (finding.severity, finding.about) == (Severity.ERROR, "meter-1")
    assert fix in finding.fix.split("; or ")


async def test_where_two_mistakes_explain_a_device_equally_both_are_told(line: Counterpart) -> None:
    """Numbers everywhere: beside each there is another one, so no edge tells registers swapped from one beside."""
    line.units[1].put(4, 0, ">ffffff", 230.5, 231.5, 229.5, 232.5, 228.5, 233.5)
    tags = {f"v{n}": {"register": f"input {2 * n + 3}", "type": "float32"} for n in range(3)}
    (finding,) = await findings(line, points("meter-1", tags))
    assert finding.fix == "byte_order: little-swap; or address_base: 1"
    assert "compare one with the device's display" in finding.message


async def test_numbers_off_by_one_in_another_byte_order_are_found(line: Counterpart) -> None:
    line.units[1].put(4, 0, "<ffff", 230.5, 231.25, 229.75, 50.02)
    tags = {name: {**tag, "register": f"input {2 * n + 1}"} for n, (name, tag) in enumerate(VOLTS.items())}
    (finding,) = await findings(line, points("meter-1", tags))
    assert finding.fix in {"address_base: 1, and byte_order: little", "byte_order: big-swap"}


async def test_a_register_of_the_other_table_is_found(line: Counterpart) -> None:
    line.units[1].illegal = {(3, n) for n in range(10)}
    tags = {"volts": {"register": "holding 0", "type": "float32"}}
    (finding,) = await findings(line, points("meter-1", tags))
    assert (finding.about, finding.fix) == ("meter-1.volts", "register: input 0")
    assert "holding 0 is refused (exception 2, illegal address), but input 0 can be read" in finding.message


async def test_a_register_that_is_not_there_is_told_with_its_readable_neighbours(line: Counterpart) -> None:
    line.units[1].illegal = {(4, 100), (3, 100), (4, 101)}
    (finding,) = await findings(line, points("meter-1", {**VOLTS, "far": {"register": "input 100"}}))
    assert finding.about == "meter-1.far"
    assert "nearest that can be read: input 98, 99, 102" in finding.message
    assert finding.fix == "compare the number with the manual; if that counts from 1, `address_base: 1`"


async def test_a_unit_that_is_silent_is_told_and_does_not_hide_the_others(line: Counterpart) -> None:
    line.units[2].is_mute = True
    seen = await inspector(
        line.port, [*points("meter-2", VOLTS, unit=2), *points("meter-1", VOLTS)], timeout="50ms"
    ).examine()
    (finding,) = seen.findings
    assert (finding.about, finding.message) == ("meter-2", "unit 2 does not answer")
    assert "check its supply" in finding.fix
    assert [probe.value for probe in seen.probes][4:7] == [230.5, 231.25, 229.75]
    assert {probe.code for probe in seen.probes[:4]} == {"timeout"}
    assert [asked.unit for asked in line.asked].count(2) == 2, "a unit that is silent is asked twice and no more"


async def test_a_server_that_refuses_for_a_unit_it_does_not_have_leads_to_the_units_that_are_there(
    line: Counterpart,
) -> None:
    line.units[2].refusal = ExcCodes.DEVICE_FAILURE
    line.units[2].illegal |= {(4, address) for address in range(100)}
    found = await findings(line, [*points("meter-1", VOLTS), *points("meter-2", {"a": VOLTS["v0"]}, unit=2)])
    (finding,) = found
    assert "exception 4" in finding.message
    assert "is `unit: 2` right?" in finding.fix
    assert 'tezgah-edge browse CONFIG CONNECTION "1-10 holding 0-9"' in finding.fix


async def test_one_register_that_is_mute_is_told_as_such(line: Counterpart) -> None:
    line.units[1].mute_at = {(4, 50)}
    found = await findings(line, points("meter-1", {**VOLTS, "odd": {"register": "input 50"}}))
    assert [finding.message for finding in found] == [
        "input 50 is not answered (timeout), while its unit answers others"
    ]


async def test_a_plan_that_the_real_devices_cannot_keep_is_told(line: Counterpart) -> None:
    of = points("meter-1", VOLTS, every_s=0.01)
    (finding,) = (await inspector(line.port, of, turnaround="20ms", when_overloaded="stretch").examine()).findings
    assert finding.severity is Severity.ERROR
    assert "s of bus time every second" in finding.message


async def test_nobody_there_is_a_finding_and_no_error() -> None:
    seen = await inspector(free_port(), points("meter-1", VOLTS)).examine()
    assert not seen.is_reached
    assert "no Modbus server takes connections" in seen.findings[0].message
    assert seen.probes == []


async def test_an_echo_on_a_serial_line_is_told() -> None:
    slave = Slave(Rtu(), 1)
    slave.mangle = lambda request, answer: request + answer
    async with on_a_cable(slave) as cable:
        options = {"modbus": "rtu", "port": str(cable.near), "timeout": "150ms"}
        of = points("meter-1", {"a": {"register": "holding 3"}}, every_s=1.0)
        seen = await SPEC.inspect("line", SPEC.connection.model_validate(options), of, SystemClock()).examine()
    assert [probe.value for probe in seen.probes] == [1003.0]
    assert [(finding.severity, finding.message) for finding in seen.findings] == [
        (Severity.NOTE, "the adapter echoes what is sent (1 times); that does no harm here")
    ]


async def scanned(of: Inspector, where: str) -> list[Found]:
    return [found async for found in of.browse(where, 20.0)]


async def test_a_scan_finds_the_units_and_what_can_be_read_of_them(line: Counterpart) -> None:
    line.units[1].illegal = {(4, 5), (4, 6)}
    found = await scanned(inspector(line.port, timeout="50ms"), "1-3 input 0-9, 1 coil 0-2")
    folders = [it for it in found if it.tag_options is None]
    assert [it.path for it in folders] == [["unit 1"], ["unit 2"], ["unit 1"]]
    first = [it for it in found if it.tag_options and it.device == "unit-1"]
    assert [it.tag_options for it in first] == [
        *({"register": f"input {n}"} for n in (0, 1, 2, 3, 4, 7, 8, 9)),
        *({"coil": n} for n in range(3)),
    ]
    assert first[0].note.endswith("with the next: float32 230.5 (big)")
    assert (first[0].value, first[0].name, first[0].device_options) == ("17254", "input_0", {"unit": 1})
    assert line.most_at_once == 1
    tags = {it.name: it.tag_options for it in first}
    assert points("unit-1", tags, **(first[0].device_options or {})), "what is found can be configured"  # type: ignore[arg-type]


async def test_a_scan_ends_when_its_time_is_over(line: Counterpart) -> None:
    assert [it.path async for it in inspector(line.port).browse("1 holding 0-99", 0.0)] == [["unit 1"]]


async def test_a_scan_of_another_form_or_of_nobody_is_an_error(line: Counterpart) -> None:
    with pytest.raises(ConfigError, match="is not a place on a Modbus line"):
        await scanned(inspector(line.port), "all of it")
    with pytest.raises(DriverError, match="no Modbus server"):
        await scanned(inspector(free_port()), "1 holding 0")


def test_an_examination_has_no_numbers_that_json_lacks() -> None:
    assert not math.isnan(Examination(False).round_trip_s or 0.0)
