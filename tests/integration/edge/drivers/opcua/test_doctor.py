"""The doctor against an OPC UA server whose certificate nobody has accepted, and after it was."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.doctor.connections import examine
from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Severity
from edge.drivers.opcua import identity
from edge.drivers.opcua.identity import Identity
from edge.drivers.opcua.trust import fingerprint
from edge.settings import load
from tests.integration.edge.drivers.opcua.plc import Plc, booted


@pytest.fixture
def server(tmp_path: Path) -> Identity:
    return identity.own(tmp_path / "server", dt.datetime.now(dt.UTC))


@pytest.fixture
async def plc(server: Identity) -> AsyncIterator[Plc]:
    plc = await booted()
    await plc.secure(server.certificate, server.key, "Basic256Sha256_SignAndEncrypt")
    await plc.start()
    await plc.put("force", 820.5)
    yield plc
    await plc.stop()
    await plc.clear()
    await plc.secure(server.certificate, server.key)


async def look(tmp_path: Path, plc: Plc, security: str) -> Section:
    file = tmp_path / "edge.yaml"
    file.write_text(
        f"""version: 1
gateway: {{id: hall}}
cloud: {{url: "http://127.0.0.1:1", token: "${{env:TOKEN}}"}}
buffer: {{path: state/buffer.db}}
connections:
  plc: {{opcua: "opc.tcp://127.0.0.1:{plc.port}", timeout: 2s, security: {{policy: Basic256Sha256{security}}}}}
devices:
  - {{name: press, on: plc, tags: {{force: {{node: "ns=2;s=force", unit: kN}}}}}}
""",
        encoding="utf-8",
    )
    settings = load(file, {"TOKEN": "t"})
    (section,) = await examine(settings.connections, tmp_path / "state", SystemClock(), limit_s=30)
    return section


async def test_an_untrusted_certificate_leads_to_the_command_that_accepts_it(
    tmp_path: Path, plc: Plc, server: Identity
) -> None:
    section = await look(tmp_path, plc, "")
    assert section.worst is Severity.ERROR
    told = " ".join(f"{finding.message} {finding.fix}" for finding in section.findings)
    told += " ".join(text for _, text in section.facts)
    assert "tezgah-edge trust" in told
    assert fingerprint(server.der) in told
    assert section.tables == []


async def test_a_certificate_that_is_pinned_is_no_matter_any_more(tmp_path: Path, plc: Plc, server: Identity) -> None:
    section = await look(tmp_path, plc, f', trust: "{fingerprint(server.der)}"')
    assert [row.value for table in section.tables for row in table.rows] == ["820.5"]
    assert section.worst is not Severity.ERROR, section.findings
