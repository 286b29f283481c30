"""A plan that its line cannot keep is found before the first request, with figures that can be checked by hand."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.config.mistakes import ConfigMistakes
from edge.drivers.modbus import SPEC
from edge.drivers.modbus.budget import CAPACITY, budget, budget_of, judge, stretched
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.plan import Span, Table, plan
from edge.drivers.spec import Point
from edge.settings import load

RTU = {"modbus": "rtu", "port": "/dev/ttyUSB0", "baud": 9600, "turnaround": "20ms", "timeout": "1s"}


def line(**options: object) -> ModbusConnection:
    return ModbusConnection.model_validate({**RTU, **options})


def meters(count: int, every_s: float, registers: int = 80, **options: object) -> list[Point]:
    points = []
    for unit in range(1, count + 1):
        tags = {f"r{n}": {"register": f"input {n}"} for n in range(registers)}
        device = SPEC.device.model_validate(
            {"name": f"meter-{unit}", "on": "line-a", "unit": unit, "tags": tags, **options}
        )
        points += [Point(device.name, name, every_s, device, tag) for name, tag in device.tags.items()]
    return points


def objections(options: Mapping[str, object], points: list[Point]) -> dict[tuple[str | int, ...], str]:
    return dict(judge(line(**options), points))


def test_the_time_of_a_request_is_that_of_its_characters_its_silences_and_its_device() -> None:
    (need,) = budget_of(line(), meters(1, 1.0)).needs
    # 8 out, 5 + 160 back, 11 bits each, and twice 3.5 characters of silence
    assert need.exchange_s == pytest.approx((8 + 165 + 7) * 11 / 9600 + 0.020)
    assert need.load == need.exchange_s


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ({"baud": 115200}, 173 * 11 / 115200 + 2 * 0.00175 + 0.020),
        ({"parity": "none"}, (173 * 10 + 7 * 11) / 9600 + 0.020),
        ({"parity": "none", "stop_bits": 2}, 180 * 11 / 9600 + 0.020),
        ({"modbus": "ascii"}, (17 + 11 + 320) * 10 / 9600 + 0.020),
        ({"modbus": "rtu", "turnaround": None}, 180 * 11 / 9600 + 0.010),
    ],
)
def test_baud_parity_and_framing_count(options: dict[str, object], seconds: float) -> None:
    (need,) = budget_of(line(**options), meters(1, 1.0)).needs
    assert need.exchange_s == pytest.approx(seconds)


def test_a_network_costs_what_its_device_takes() -> None:
    for more, seconds in (({}, 0.0002), ({"turnaround": "5ms"}, 0.005)):
        server = ModbusConnection.model_validate({"modbus": "tcp", "host": "plc", **more})
        assert budget_of(server, meters(1, 1.0)).load == pytest.approx(seconds)
    behind = ModbusConnection.model_validate({"modbus": "rtu-over-tcp", "host": "plc", "baud": 9600})
    assert budget_of(behind, meters(1, 1.0)).load == pytest.approx(180 * 11 / 9600 + 0.010)


def test_bits_travel_eight_in_a_byte() -> None:
    (request,) = plan([Span(0, 1, Table.COIL, 0, 1, 1.0), Span(1, 1, Table.COIL, 99, 1, 1.0)])
    assert budget(line(), [request], {}).load == pytest.approx((8 + 5 + 13 + 7) * 11 / 9600 + 0.020)


def test_a_plan_that_fits_is_not_objected_to() -> None:
    assert objections({}, meters(4, 1.0)) == {}
    assert objections({}, []) == {}
    assert budget_of(line(), []).factor == 1.0


def test_an_impossible_plan_is_refused_with_the_figures_and_what_would_do() -> None:
    found = objections({}, meters(8, 1.0))
    assert found[()] == (
        "the plan needs 1.81 s of bus time every second, 95% of it can be had; 8 requests, the greediest "
        "meter-1: input 0 to 79 (226 ms every 1 s, 22.6%), meter-2: input 0 to 79 (226 ms every 1 s, 22.6%), "
        "meter-3: input 0 to 79 (226 ms every 1 s, 22.6%); "
        "give `every` at least 2s, ask a faster line for less, or write `when_overloaded: stretch`"
    )
    assert objections({}, meters(8, 2.0)) == {}, "what is proposed must do"


def test_what_is_proposed_is_enough_for_any_number_of_devices() -> None:
    for count in range(5, 40):
        (message,) = objections({}, meters(count, 1.0)).values()
        proposed = float(message.partition("at least ")[2].partition("s,")[0])
        assert objections({}, meters(count, proposed)) == {}


def test_a_stretched_plan_fills_the_line_and_no_more() -> None:
    points = meters(8, 1.0)
    found = budget_of(line(), points)
    spans = stretched([Span(0, unit, Table.INPUT, 0, 80, 1.0) for unit in range(1, 9)], found.factor)
    assert budget(line(), plan(spans), {}).load == pytest.approx(CAPACITY)
    assert objections({"when_overloaded": "stretch"}, points) == {}


def test_a_unit_that_rests_too_long_is_refused_though_the_line_is_free() -> None:
    found = objections({"baud": 115200}, meters(1, 0.1, registers=2, read={"pause": "90ms"}))
    assert found[()].startswith(
        "unit 1 cannot be asked as often as it is, with its read.pause; 1 request: meter-1: input"
    )
    assert objections({"baud": 115200}, meters(2, 0.2, registers=2, read={"pause": "90ms"})) == {}


def test_a_time_limit_that_no_answer_can_keep_is_refused() -> None:
    found = objections({"timeout": "200ms"}, meters(1, 10.0))
    assert list(found) == [("timeout",)]
    assert "meter-1: input 0 to 79 takes 226 ms at 9600 baud (206 ms on the wire, 20 ms until" in found["timeout",]


def test_what_a_dead_device_costs_once_is_told() -> None:
    assert budget_of(line(timeout="300ms", retries=1), meters(1, 1.0)).stall_s == pytest.approx(0.9)


def test_the_refusal_stands_at_the_line_of_the_connection(tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    path.write_text(
        "version: 1\ngateway: {id: hall}\ncloud: {url: 'https://c', token: '${env:T}'}\nbuffer: {path: b.db}\n"
        "connections:\n  line-a: {modbus: rtu, port: /dev/ttyUSB0, baud: 1200}\n"
        "devices:\n  - {name: m, on: line-a, tags: {p: {register: input 0, every: 20ms}}}\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigMistakes) as caught:
        load(path, {"T": "t"})
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.path) == (6, "connections.line-a")
    assert "m.p: input 0 (" in mistake.message
