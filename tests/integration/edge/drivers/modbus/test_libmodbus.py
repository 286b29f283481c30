"""A slave built on libmodbus, whose encoders and checks are not ours, is read over TCP and over a serial line."""

import math
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.drivers.modbus import SPEC
from edge.drivers.modbus.answer import Status
from edge.drivers.spec import Point
from shared.reading import Quality
from tests.integration.edge.drivers.modbus.counterpart import points, rows
from tests.integration.edge.drivers.modbus.libmodbus import FORMS, UNIT, built, serving
from tests.integration.edge.drivers.modbus.test_driver import first, good, opened


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("libmodbus"))


async def read(binary: Path, form: str, of: list[Point], samples: int) -> dict[int, tuple[float, int, int]]:
    """Return what the first samples say of each point."""
    async with serving(binary, form) as keys:
        options = SPEC.connection.model_validate({"timeout": "1s", "retries": 0, **keys})
        async with opened(SPEC.build("line", options, of, SystemClock())) as taken:  # type: ignore[arg-type]
            return await first(taken, samples)


def meter(tags: Mapping[str, Mapping[str, object]], **options: object) -> list[Point]:
    return points("meter", tags, unit=UNIT, **options)


@pytest.mark.parametrize("form", FORMS)
async def test_what_its_encoders_wrote_is_what_is_read(binary: Path, form: str) -> None:
    tags = {
        "abcd": {"register": "holding 0", "type": "float32"},
        "dcba": {"register": "holding 2", "type": "float32", "byte_order": "little"},
        "badc": {"register": "holding 4", "type": "float32", "byte_order": "big-swap"},
        "cdab": {"register": "holding 6", "type": "float32", "byte_order": "little-swap"},
        "i32": {"register": "holding 8", "type": "int32"},
        "i64": {"register": "holding 10", "type": "int64"},
        "i16": {"register": "holding 14", "type": "int16"},
        "bcd": {"register": "holding 15", "type": "bcd16"},
        "high": {"register": "holding 15", "type": "int8-high"},
        "low": {"register": "holding 15", "type": "uint8-low"},
        "text": {"register": "holding 16", "type": "string", "length": 4},
        "input": {"register": "input 249"},
    }
    seen = await read(binary, form, meter(tags), 2)
    assert [seen[n] for n in range(10)] == [
        *(good(value) for value in (230.5, 231.5, 232.5, 233.5)),
        *(good(value) for value in (-123456, -1234567890123, -42, 1234, 0x12, 0x34)),
    ]
    assert math.isnan(seen[10][0])
    assert seen[11] == good(5249)


@pytest.mark.parametrize("form", FORMS)
async def test_the_largest_blocks_are_read_whole(binary: Path, form: str) -> None:
    """125 registers, of which 120 are floats, and 2,000 coils: one request each."""
    floats = {f"f{n}": {"register": f"holding {100 + 2 * n}", "type": "float32"} for n in range(60)}
    edge = {"first": {"register": "holding 96"}, "last": {"register": "holding 220"}}
    bits = {f"c{n}": {"coil": n} for n in (0, 1, 1001, 1998, 1999)}
    more = {f"d{n}": {"discrete": n} for n in (0, 1, 1001, 1995, 1999)}
    of = meter({**floats, **edge, **bits, **more}, read={"max_gap": 124})
    seen = await read(binary, form, of, 3)
    assert [seen[n] for n in range(60)] == [good(1000 + n / 2) for n in range(60)]
    assert seen[60] == good(96)
    assert [seen[n][0] for n in range(62, 67)] == [1, 0, 0, 1, 0]
    assert [seen[n][0] for n in range(67, 72)] == [1, 0, 1, 1, 0]


@pytest.mark.parametrize("form", FORMS)
async def test_every_exception_keeps_its_code(binary: Path, form: str) -> None:
    codes = [1, 2, 3, 4, 5, 6, 7, 8]
    of = meter({f"e{code}": {"register": f"holding {240 + code}"} for code in codes}, read={"max_registers": 1})
    seen = await read(binary, form, of, len(codes))
    assert [seen[n][1:] for n in range(len(codes))] == [(Quality.BAD, code) for code in codes]


@pytest.mark.parametrize("form", FORMS)
async def test_what_is_beyond_its_map_is_read_around(binary: Path, form: str) -> None:
    of = meter({f"r{n}": {"register": f"input {n}"} for n in range(245, 255)})
    async with serving(binary, form) as keys:
        options = SPEC.connection.model_validate({"timeout": "1s", "retries": 0, **keys})
        async with opened(SPEC.build("line", options, of, SystemClock())) as taken:  # type: ignore[arg-type]
            seen: dict[int, tuple[float, int, int]] = {}
            while len(seen) < len(of):
                seen.update(rows(await anext(taken)))
    assert [seen[n] for n in range(5)] == [good(5245 + n) for n in range(5)]
    assert {seen[n][1:] for n in range(5, 10)} == {(Quality.BAD, Status.ILLEGAL_ADDRESS)}


@pytest.mark.parametrize("form", FORMS)
async def test_one_look_finds_its_byte_order(binary: Path, form: str) -> None:
    of = meter(
        {f"f{n}": {"register": f"holding {100 + 2 * n}", "type": "float32"} for n in range(20)},
        every_s=1.0,
        byte_order="little-swap",
    )
    async with serving(binary, form) as keys:
        options = SPEC.connection.model_validate({"timeout": "1s", "retries": 0, **keys})
        seen = await SPEC.inspect("line", options, of, SystemClock()).examine()
    (finding,) = seen.findings
    assert finding.fix.split("; or ")[0] == "byte_order: big"
