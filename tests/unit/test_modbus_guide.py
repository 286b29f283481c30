"""The examples of the Modbus guide are configurations that load, and its figures are those of the plan."""

import re
from pathlib import Path

import pytest
import yaml

from edge.drivers.modbus import SPEC
from edge.drivers.modbus.answer import Status
from edge.drivers.modbus.budget import budget_of, judge
from edge.drivers.modbus.connection import ModbusConnection
from edge.drivers.modbus.order import ByteOrder
from edge.drivers.spec import Point

GUIDE = (Path(__file__).parents[2] / "docs" / "integration" / "modbus.md").read_text(encoding="utf-8")
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)]
TEMPLATES = {name: template for example in EXAMPLES for name, template in example.get("templates", {}).items()}


def points(template: str, units: int) -> list[Point]:
    found = []
    options = {key: value for key, value in TEMPLATES[template].items() if key != "protocol"}
    for unit in range(1, units + 1):
        device = SPEC.device.model_validate({"name": f"meter-{unit}", "on": "line", "unit": unit, **options})
        found += [Point(device.name, name, tag.every or 1.0, device, tag) for name, tag in device.tags.items()]
    return found


def test_every_connection_and_template_is_sound() -> None:
    connections = [keys for example in EXAMPLES for keys in example.get("connections", {}).values()]
    assert len(connections) >= 6
    assert {ModbusConnection.model_validate(keys).modbus for keys in connections} >= {"rtu", "tcp", "tls", "ascii"}
    assert TEMPLATES.keys() == {"sdm630", "em24"}
    assert all(points(name, 1) for name in TEMPLATES)


def test_as_many_meters_fit_as_it_says() -> None:
    (said,) = re.findall(r"with the figures: (\d+) fit", GUIDE)
    line = ModbusConnection.model_validate(EXAMPLES[1]["connections"]["line-a"])
    assert not list(judge(line, points("sdm630", int(said))))
    assert list(judge(line, points("sdm630", int(said) + 1)))


@pytest.mark.parametrize(("registers", "row"), [(60, "one request, 10 ms turnaround"), (1, "one register alone")])
def test_the_costs_are_those_of_the_plan(registers: int, row: str) -> None:
    (cells,) = re.findall(rf"^\| {row} \| (\d+) ms \| (\d+) ms \| (\d+) ms", GUIDE, re.MULTILINE)
    tags = {f"r{n}": {"register": f"input {n}"} for n in range(registers)}
    device = SPEC.device.model_validate({"name": "m", "on": "line", "tags": tags})
    of = [Point("m", name, 1.0, device, tag) for name, tag in device.tags.items()]
    for cell, baud in zip(cells, (9600, 19200, 115200), strict=True):
        line = ModbusConnection.model_validate({"modbus": "rtu", "port": "/dev/ttyUSB0", "baud": baud})
        assert budget_of(line, of).needs[0].exchange_s * 1000 == pytest.approx(float(cell), abs=0.5)


def test_every_code_and_order_that_is_named_is_real() -> None:
    for name, code in re.findall(r"`([a-z_]+)` \((\d{3})\)", GUIDE):
        assert Status[name.upper()] == int(code)
    for order, lies in re.findall(r"^\| `([a-z-]+)` \| `[0-9A-F ]+` \(([A-D]+)\)", GUIDE, re.MULTILINE):
        assert "".join("ABCD"[place] for place in ByteOrder(order).places(2)) == lies or order in {"big", "little"}
