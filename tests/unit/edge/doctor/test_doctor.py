"""The doctor's round as a whole, over scripted inspectors and a cloud that is not there."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.doctor.doctor import diagnose
from edge.drivers.inspection import Examination, Severity
from edge.drivers.spec import Point
from edge.inquiry import Daemon
from edge.settings import Settings, load
from edge.state import StateDirectory
from tests.fakes.inspector import ScriptedInspector, specs

CONFIG = """\
version: 1
gateway: {id: hall}
cloud: {url: "http://127.0.0.1:1", token: "${env:TOKEN}"}
buffer: {path: state/buffer.db, max_size: 10 MB}
connections: {a: {modbus: tcp, host: h}, b: {modbus: tcp, host: h}}
devices: [{name: d, on: a, tags: {x: {coil: 1}}}, {name: e, on: b, tags: {x: {coil: 1}}}]
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    path = tmp_path / "edge.yaml"
    path.write_text(CONFIG, encoding="utf-8")

    def make(name: str, points: Sequence[Point]) -> ScriptedInspector:
        return ScriptedInspector(Examination(name == "a"))

    return load(path, {"TOKEN": "t"}, specs(make))


async def test_everything_is_looked_at_and_nothing_is_made(settings: Settings, tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    found = await diagnose(settings, state, SystemClock(), {"TOKEN": "t"})
    assert [section.name for section in found.sections] == [
        "connection a (modbus)",
        "connection b (modbus)",
        "cloud",
        "disk",
        "buffer",
        "clock",
        "secrets",
    ]
    assert not found.is_sound
    assert not state.path.exists()


async def test_one_connection_alone_may_be_asked_for(settings: Settings, tmp_path: Path) -> None:
    found = await diagnose(
        settings, StateDirectory(tmp_path), SystemClock(), {"TOKEN": "t"}, only=settings.connections[:1]
    )
    assert [section.name for section in found.sections] == ["connection a (modbus)"]
    assert found.count(Severity.ERROR) == 0


async def test_the_port_that_a_killed_daemon_left_is_not_believed(settings: Settings, tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "state")
    gateway = Daemon("http://127.0.0.1:1")
    found = await diagnose(settings, state, SystemClock(), {"TOKEN": "t"}, gateway=gateway)
    (buffer,) = [section for section in found.sections if section.name == "buffer"]
    assert "not made yet" in dict(buffer.facts)["state"]
