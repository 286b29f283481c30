"""The look at the buffer's file: what it holds, whose it is, whether it is whole; and it stays as it was."""

from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.doctor import bufferfile
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Severity
from tests.fakes.readings import TAGS, numbered
from tests.fakes.sqlite import GATEWAY, crashed, running

MOST = 50_000_000


def look(path: Path, gateway: str = GATEWAY) -> Section:
    return bufferfile.of_file(path, MOST, gateway)


def listed(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A buffer that was closed in order and holds a batch of seven readings."""
    path = tmp_path / "closed" / "buffer.db"
    async with running(path, SystemClock()) as buffer:
        buffer.register(TAGS)
        await (await buffer.append(numbered(0, 7)))
    return path


def test_a_closed_buffer_is_read_and_nothing_is_left_behind(path: Path) -> None:
    before = listed(path.parent)
    section = look(path)
    facts = dict(section.facts)
    assert section.worst is None
    assert facts["waiting"].startswith("7 readings in 1 batches")
    assert facts["checksums"] == "1 of 1 verified, 0 wrong"
    assert "ended in order" in facts["last alive"]
    assert listed(path.parent) == before


async def test_a_killed_gateways_buffer_is_read_with_its_log_and_stays_as_it_was(tmp_path: Path) -> None:
    async with running(tmp_path / "live" / "buffer.db", SystemClock()) as buffer:
        buffer.register(TAGS)
        await (await buffer.append(numbered(0, 7)))
        copy = crashed(tmp_path / "live" / "buffer.db", tmp_path / "crashed")
    before = listed(copy.parent)
    section = look(copy)
    assert "1 commits not sealed" in dict(section.facts)["waiting"]
    assert "by a kill" in dict(section.facts)["last alive"]
    assert listed(copy.parent) == before


async def test_a_buffer_that_somebody_holds_is_said_to_be_held(tmp_path: Path) -> None:
    async with running(tmp_path / "buffer.db", SystemClock()) as buffer:
        buffer.register(TAGS)
        await (await buffer.append(numbered(0, 7)))
        (found,) = look(tmp_path / "buffer.db").findings
    assert "another process" in found.message
    assert found.severity is Severity.WARNING


def test_no_buffer_yet_is_fine(tmp_path: Path) -> None:
    assert look(tmp_path / "buffer.db").worst is None
    assert not (tmp_path / "buffer.db").exists()


def test_another_gateways_buffer_is_an_error(path: Path) -> None:
    (found,) = look(path, "other").findings
    assert found.severity is Severity.ERROR
    assert "'test-gateway', the configuration says 'other'" in found.message


def test_a_flipped_byte_in_a_batch_is_found(path: Path) -> None:
    content = bytearray(path.read_bytes())
    # a page that was freed may hold a copy of it
    at = -1
    while (at := content.find(b"TZGH", at + 1)) >= 0:
        content[at + 80] ^= 1
    path.write_bytes(content)
    section = look(path)
    assert section.worst is Severity.ERROR
    assert "1 of 1 rows do not match" in section.findings[0].message


def test_a_file_that_is_no_database_is_told_with_what_will_happen(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)
    (found,) = look(path).findings
    assert found.severity is Severity.ERROR
    assert "set aside" in found.fix


def test_a_running_daemons_own_word_is_taken() -> None:
    buffer = {
        "rows": 5,
        "batches": 1,
        "bytes": 95,
        "max_bytes": 100,
        "quarantined": 2,
        "failure": "disk full",
    }
    section = bufferfile.of_daemon({"buffer": buffer, "pid": 7})
    words = " ".join(finding.message for finding in section.findings)
    assert section.worst is Severity.ERROR
    assert "quarantine" in words
    assert "95% full" in words
    assert "disk full" in words
