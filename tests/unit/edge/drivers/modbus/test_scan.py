"""A place on a line is understood as people write it, and looked at block by block."""

import pytest

from edge.drivers.modbus.plan import Table
from edge.drivers.modbus.scan import USUAL, Area, areas, blocks, halves
from edge.errors import ConfigError


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("1-10 holding 0-199", [Area(range(1, 11), Table.HOLDING, range(200))]),
        (" 3 coil 7 ", [Area(range(3, 4), Table.COIL, range(7, 8))]),
        (
            "1 input 0-9, 2 discrete 65535",
            [Area(range(1, 2), Table.INPUT, range(10)), Area(range(2, 3), Table.DISCRETE, range(65535, 65536))],
        ),
        ("", areas(USUAL)),
    ],
)
def test_units_tables_and_ranges_are_read(where: str, expected: list[Area]) -> None:
    assert areas(where) == expected


@pytest.mark.parametrize(
    "where", ["everything", "1-10", "1 holdings 0-9", "10-1 holding 0", "1 holding 9-0", "256 coil 1", "1 input 70000"]
)
def test_another_form_is_refused_with_an_example(where: str) -> None:
    with pytest.raises(ConfigError, match=r"holding 0-199|expected units"):
        areas(where)


def test_an_area_is_asked_for_in_blocks_and_a_refused_block_in_halves() -> None:
    (area,) = areas("1 holding 10-129")
    assert list(blocks(area)) == [range(10, 60), range(60, 110), range(110, 130)]
    assert halves(range(10, 15)) == [range(10, 12), range(12, 15)]
    assert halves(range(10, 11)) == []
