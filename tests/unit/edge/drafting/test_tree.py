from rich.console import Console

from edge.drafting.tree import tree
from edge.drivers.inspection import Found


def test_what_was_found_hangs_where_it_is() -> None:
    console = Console(width=100, color_system=None)
    items = [
        Found(["Objects", "Press", "Force"], "force", "press", {}, {"node": "ns=2;s=F"}, "820.5", "Double"),
        Found(["Objects", "Press"], note="a [folder]"),
    ]
    with console.capture() as capture:
        console.print(tree("plc (opcua)", items))
    lines = [line.lstrip(" │├└─") for line in capture.get().splitlines()]
    assert lines == ["plc (opcua)", "Objects", "Press  a [folder]", "Force  820.5  node: ns=2;s=F  Double"]


def test_several_values_of_one_place_are_all_shown() -> None:
    console = Console(width=100, color_system=None)
    items = [
        Found(["plant", "data"], name, "packer", {"topic": "plant/data"}, {"json": f"$.{name}"}, value)
        for name, value in (("state", "2"), ("power", "1.5"))
    ]
    with console.capture() as capture:
        console.print(tree("broker", items))
    lines = [line.lstrip(" │├└─") for line in capture.get().splitlines()]
    assert lines == ["broker", "plant", "data", "state  2  json: $.state", "power  1.5  json: $.power"]
