"""The tools as processes of their own, beside a daemon that runs and on machines that answer wrongly."""

import asyncio
import json
import os
import sys
import tarfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.buffer.file import divide
from edge.buffer.opening import open_store
from edge.buffer.refusing import Refusal
from tests.fakes.ports import free_port
from tests.fakes.readings import TAGS, numbered
from tests.integration.edge.daemon import TOKEN, HttpCloud, daemon, eventually
from tests.integration.edge.drivers.modbus.counterpart import Counterpart

PAGE_TOKEN = "the-page-token-of-this-test"


@pytest.fixture
async def line() -> AsyncIterator[Counterpart]:
    counterpart = Counterpart(1)
    await counterpart.start()
    counterpart.units[1].put(3, 0, ">f", 21.37)
    counterpart.units[1].put(3, 2, ">f", 48.29)
    yield counterpart
    await counterpart.stop()


@pytest.fixture
async def cloud() -> AsyncIterator[HttpCloud]:
    async with HttpCloud().serving() as served:
        yield served


def written(tmp_path: Path, cloud_url: str, port: int, *, byte_order: str = "big", broker: int | None = None) -> Path:
    path = tmp_path / "edge.yaml"
    extra = "" if broker is None else f'  broker: {{mqtt: "mqtt://127.0.0.1:{broker}", client_id: t, timeout: 20s}}\n'
    device = "" if broker is None else "  - {name: scale, on: broker, topic: a/b, tags: {w: {json: $.w}}}\n"
    path.write_text(
        f"""\
version: 1
gateway: {{id: hall-2}}
cloud: {{url: "{cloud_url}", token: "${{env:TOKEN}}"}}
buffer: {{path: state/buffer.db, max_size: 20 MB}}
health: {{listen: "127.0.0.1:0", token: "${{env:PAGE_TOKEN}}"}}
defaults: {{every: 50ms, publish: {{on: sample}}}}
connections:
  line: {{modbus: tcp, host: 127.0.0.1, port: {port}, timeout: 20s, retries: 0}}
{extra}devices:
  - name: oven
    on: line
    byte_order: {byte_order}
    tags:
      heat: {{register: holding 0, type: float32, scale: 2, unit: Cel, range: [0, 900]}}
      load: {{register: holding 2, type: float32}}
{device}""",
        encoding="utf-8",
    )
    return path


async def tezgah(*arguments: object) -> tuple[int, str, str]:
    """Run a command; returns its exit code and what it printed where."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "edge", *map(str, arguments)),
        env={**os.environ, "TOKEN": TOKEN, "PAGE_TOKEN": PAGE_TOKEN},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(60):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    assert b"Traceback" not in err, err.decode()
    return process.returncode, out.decode(), err.decode()


async def test_beside_a_running_daemon_every_tool_finds_its_way(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    config = written(tmp_path, cloud.url, line.port)
    async with daemon(config, PAGE_TOKEN=PAGE_TOKEN) as running:
        await eventually(lambda: cloud.memory.order)
        code, out, _ = await tezgah("tap", "heat", "--config", config, "--count", 2, "--json")
        rows = [json.loads(row) for row in out.splitlines()]
        assert code == 0
        assert {row["stage"]: row["value"] for row in rows} == {
            "read": pytest.approx(21.37),
            "kept": pytest.approx(42.74),
        }

        code, out, _ = await tezgah("top", "oven", "--config", config)
        assert code == 0
        assert "oven.heat" in out

        code, out, _ = await tezgah("doctor", config, "--json")
        found = json.loads(out)
        assert (code, found["counts"]["errors"]) == (0, 0), out
        sections = {section["name"]: section for section in found["sections"]}
        assert "running daemon" in sections["buffer"]["facts"]["held by"]
        assert sections["cloud"]["facts"]["token"] == "accepted"
        heat = sections["connection line (modbus)"]["devices"][0]["tags"][0]
        assert (heat["raw"], heat["decoded"], heat["value"], heat["unit"]) == ("41AA F5C3", "21.37", "42.74", "Cel")

        bundle = tmp_path / "bundle.tar.gz"
        code, _, err = await tezgah("support-bundle", config, "--output", bundle)
        assert code == 0, err
        assert running.process.returncode is None, running.log
    with tarfile.open(bundle) as archive:
        files = {entry.name.partition("/")[2]: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr]
    assert files.keys() >= {"edge.yaml", "versions.json", "doctor.json", "status.json", "metrics.txt", "log.txt"}
    assert b"tezgah_edge_info" in files["metrics.txt"]
    for name, content in files.items():
        assert TOKEN.encode() not in content, name
        assert PAGE_TOKEN.encode() not in content, name


async def test_a_running_daemons_buffer_is_seen_exported_and_its_quarantine_sent_again(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    config = written(tmp_path, cloud.url, line.port)
    path = tmp_path / "state" / "buffer.db"
    store, _ = open_store(path, divide(20_000_000), "hall-2", time.time_ns() // 1000)
    store.register(TAGS, 0)
    sealed = [store.write([numbered(n, 1)], [], 5, seal=True)[0] for n in (4711, 4712)]
    store.sweep([], [Refusal(lease.id, "422 too hot") for lease in sealed], 5)
    store.close(6)
    cloud.answers.clear()
    log = path.with_name("buffer.db-wal")
    async with daemon(config, PAGE_TOKEN=PAGE_TOKEN):
        # some commits, and the control port was open before the first of them
        await eventually(lambda: log.exists() and log.stat().st_size > 50_000)
        code, out, err = await tezgah("buffer", "export", config, "--format", "jsonl")
        rows = [json.loads(row) for row in out.splitlines()]
        assert (code, {row["tag"] for row in rows}) == (0, {"heat", "load"}), err
        assert f"{len(rows)} readings" in err
        code, out, _ = await tezgah("buffer", "stat", config, "--json")
        assert (code, json.loads(out)["quarantined"], json.loads(out)["gateway"]) == (0, 2, "hall-2")
        code, out, _ = await tezgah("buffer", "quarantine", "list", config)
        assert (code, out.count("422 too hot")) == (0, 2)
        code, out, _ = await tezgah("buffer", "quarantine", "retry", config, "1")
        assert (code, out) == (0, "1 readings of 1 entries will be sent again\n")
        code, out, _ = await tezgah("buffer", "quarantine", "drop", config, "2", "--yes")
        assert code == 0
        cloud.answers.set()
        await eventually(lambda: cloud.readings()["press-1", "force", 4711.0] == 1)
        await eventually(lambda: any("dropped from quarantine" in gap.detail for gap in cloud.gaps()))
        assert cloud.readings()["press-1", "force", 4712.0] == 0


async def test_a_wrong_byte_order_leads_to_the_line_to_write(
    tmp_path: Path, line: Counterpart, cloud: HttpCloud
) -> None:
    code, out, _ = await tezgah("doctor", written(tmp_path, cloud.url, line.port, byte_order="little-swap"))
    assert code == 1
    assert "✗ oven: " in out
    assert "byte_order: big" in out, out
    assert "[" in out, "the configured one is marked"


async def test_a_wrong_address_a_dead_broker_and_no_cloud_are_each_told(tmp_path: Path, line: Counterpart) -> None:
    config = written(tmp_path, "http://127.0.0.1:1", free_port(), broker=free_port())
    code, out, _ = await tezgah("doctor", config)
    assert code == 1
    assert "Connection refused" in out.partition("connection line")[2].partition("connection broker")[0]
    assert "cloud.url: 127.0.0.1 cannot be reached: Connection refused" in out
    code, _, _ = await tezgah("doctor", config, "--only", "line", "--json")
    assert code == 1


async def test_what_browse_finds_is_a_configuration_that_reads_it(tmp_path: Path, line: Counterpart) -> None:
    file = tmp_path / "found.yaml"
    url = f"modbus://127.0.0.1:{line.port}"
    code, out, err = await tezgah("browse", "--url", url, "1 holding 0-3", "--for", "5s", "--write", file)
    assert code == 0, err
    assert "export EDGE_TOKEN" in out
    again, _, err = await tezgah("browse", "--url", url, "1 holding 0-3", "--write", file)
    assert again == 1
    assert "--force" in err
    text = file.read_text(encoding="utf-8").replace("${env:EDGE_TOKEN}", "${env:TOKEN}")
    file.write_text(text, encoding="utf-8")
    code, out, _ = await tezgah("read", file, "--json")
    assert code == 0
    assert any(tag["raw"].startswith("41AA") for row in map(json.loads, out.splitlines()) for tag in row["tags"])
