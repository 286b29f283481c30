"""The integration guides are true: their examples load, and every protocol has one."""

import re
from pathlib import Path

import pytest

from edge.settings import known_drivers, load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "machine_integration.md").read_text(encoding="utf-8")
GUIDES = tuple((ROOT / "docs" / "integration").glob("*.md"))
FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
HEAD = """\
version: 1
gateway: {id: hall}
cloud: {url: "https://cloud", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db}
connections: {line-a: {modbus: tcp, host: h}}
"""


def test_its_example_of_machines_that_are_alike_loads(tmp_path: Path) -> None:
    (example,) = (block for kind, block in FENCE.findall(PAGE) if kind == "yaml")
    (sheet,) = (block for kind, block in FENCE.findall(PAGE) if kind == "csv")
    (tmp_path / "presses.csv").write_text(sheet, encoding="utf-8")
    (tmp_path / "edge.yaml").write_text(HEAD + example, encoding="utf-8")
    (line,) = load(tmp_path / "edge.yaml", {"TOKEN": "t"}).connections
    assert [point.device for point in line.points] == ["press-01"] * 3 + ["press-02"] * 3


@pytest.mark.parametrize("guide", sorted(GUIDES), ids=lambda path: path.stem)
def test_the_worked_examples_of_a_guide_load(tmp_path: Path, guide: Path) -> None:
    head = HEAD[: HEAD.index("connections")]
    text = guide.read_text(encoding="utf-8")
    examples: list[str] = []
    for block in (block for kind, block in FENCE.findall(text) if kind == "yaml"):
        if block.startswith(("  - ", "devices:")):
            # it goes on where the one before ends
            examples[-1] += block
        else:
            examples.append(block)
    assert examples
    for example in examples:
        (tmp_path / "edge.yaml").write_text(head + example, encoding="utf-8")
        assert load(tmp_path / "edge.yaml", dict.fromkeys(["TOKEN", *re.findall(r"env:(\w+)", example)], "t"))


def test_every_protocol_has_its_guide_and_is_led_to() -> None:
    assert {path.stem for path in GUIDES} == set(known_drivers())
    for name in known_drivers():
        assert f"(integration/{name}.md)" in PAGE


def test_every_key_whose_cost_is_told_is_one() -> None:
    keys = (ROOT / "docs" / "edge.md").read_text(encoding="utf-8")
    costs = PAGE[PAGE.index("## What each setting costs") : PAGE.index("## How to write a driver")]
    for row in costs.splitlines():
        if row.startswith("| ") and "`" in row.split("|")[1]:
            for key in re.findall(r"`(\w+)", row.split("|")[1]):
                assert f"`{key}" in keys, key
