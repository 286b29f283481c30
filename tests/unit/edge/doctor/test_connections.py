"""The look at connections: each inspector's trouble is a finding, and none holds up the others."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.doctor.connections import examine
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Examination, Finding, Probe, Severity
from edge.drivers.spec import Point
from edge.errors import ConfigError, DriverError
from edge.settings import Connection, known_drivers
from shared.reading import Quality
from tests.fakes.driver import points
from tests.fakes.inspector import ScriptedInspector, specs


async def look(tmp_path: Path, *examinations: Examination | Exception | None, limit_s: float = 5.0) -> list[Section]:
    def make(name: str, points: Sequence[Point]) -> ScriptedInspector:
        return ScriptedInspector(examinations[int(name)])

    spec = specs(make)["modbus"]
    options = spec.connection.model_validate({"modbus": "tcp", "host": "h"})
    connections = [
        Connection(str(at), spec, options, tuple(points("a", "b", device=f"d{at}"))) for at in range(len(examinations))
    ]
    return await examine(connections, tmp_path, SystemClock(), limit_s=limit_s)


async def test_what_an_inspector_finds_becomes_a_section(tmp_path: Path) -> None:
    found = Examination(True, 0.0042, [("plan", "2 requests")], [Probe(0, "0015", 21.0, Quality.GOOD)])
    (section,) = await look(tmp_path, found)
    assert section.name == "connection 0 (modbus)"
    assert list(section.facts) == [("round trip", "4.2 ms"), ("plan", "2 requests")]
    assert [(table.device, [row.value for row in table.rows]) for table in section.tables] == [("d0", ["21"])]
    assert section.worst is None


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Examination(False), "nobody answered"),
        (Examination(False, findings=[Finding(Severity.ERROR, "", "refused", "plug it in")]), "refused"),
        (DriverError("line: broken"), "line: broken"),
        (ConfigError("no such word"), "no such word"),
        (RuntimeError("boom"), "the inspector failed: RuntimeError: boom"),
        (None, "no result within"),
    ],
)
async def test_trouble_is_a_finding_and_the_others_are_seen(
    tmp_path: Path, outcome: Examination | Exception | None, words: str
) -> None:
    first, second = await look(tmp_path, outcome, Examination(True), limit_s=0.2)
    assert [words in finding.message for finding in first.findings] == [True]
    assert first.worst is Severity.ERROR
    assert second.worst is None


async def test_a_protocol_without_an_inspector_is_left_out_with_a_note(tmp_path: Path) -> None:
    spec = known_drivers()["modbus"]
    bare = type(spec)(spec.protocol, spec.connection, spec.device, spec.factory)
    options = spec.connection.model_validate({"modbus": "tcp", "host": "h"})
    (section,) = await examine([Connection("line", bare, options, tuple(points("a")))], tmp_path, SystemClock())
    assert section.worst is Severity.NOTE
    assert "has no inspector" in section.findings[0].message


async def test_every_inspector_is_built_before_one_is_asked(tmp_path: Path) -> None:
    """What a library costs to import would else pass for the slowness of a machine."""
    order: list[str] = []

    class Told(ScriptedInspector):
        async def examine(self) -> Examination:
            order.append("asked")
            return Examination(True)

    def make(name: str, points: Sequence[Point]) -> ScriptedInspector:
        order.append("built")
        if name == "1":
            raise RuntimeError("no such library")
        return Told()

    spec = specs(make)["modbus"]
    options = spec.connection.model_validate({"modbus": "tcp", "host": "h"})
    sections = await examine([Connection(name, spec, options, ()) for name in "012"], tmp_path, SystemClock())
    assert order == ["built"] * 3 + ["asked"] * 2
    assert [finding.message for finding in sections[1].findings] == [
        "the inspector failed: RuntimeError: no such library"
    ]


async def test_commands_of_findings_name_this_file_and_this_connection(tmp_path: Path) -> None:
    seen = Examination(
        True,
        findings=[
            Finding(
                Severity.ERROR,
                "",
                "see `tezgah-edge trust CONFIG plc --accept sha256:00`",
                "tezgah-edge browse CONFIG CONNECTION",
            )
        ],
    )
    spec = specs(lambda *_: ScriptedInspector(seen))["modbus"]
    options = spec.connection.model_validate({"modbus": "tcp", "host": "h"})
    line = Connection("line a", spec, options, ())
    (section,) = await examine([line], tmp_path, SystemClock(), config="my plant.yaml")
    (finding,) = section.findings
    assert finding.message == "see `tezgah-edge trust 'my plant.yaml' plc --accept sha256:00`"
    assert finding.fix == "tezgah-edge browse 'my plant.yaml' 'line a'"
