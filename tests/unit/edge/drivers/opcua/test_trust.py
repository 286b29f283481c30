"""Whom the gateway takes for genuine: what is pinned, what lies in the directory, and nobody else."""

import datetime as dt
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from edge.drivers.opcua import identity
from edge.drivers.opcua.identity import Identity
from edge.drivers.opcua.trust import Trust, fingerprint, first_of, subject
from edge.errors import DriverRefused

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def server() -> Identity:
    return identity.own(None, NOW)


def test_nobody_is_trusted_by_default(server: Identity, tmp_path: Path) -> None:
    for trust in (Trust((), None), Trust((), tmp_path), Trust((), tmp_path / "absent")):
        with pytest.raises(DriverRefused, match=f"--accept {fingerprint(server.der)}"):
            trust.check("plc", "opc.tcp://plc:4840", server.der)


def test_a_pinned_certificate_is_trusted(server: Identity) -> None:
    Trust((fingerprint(server.der),), None).check("plc", "opc.tcp://plc", server.der)


def test_an_accepted_certificate_is_trusted_from_then_on(server: Identity, tmp_path: Path) -> None:
    trust = Trust((), tmp_path / "opcua" / "trusted")
    file = trust.accept(server.der)
    assert file.read_bytes() == server.der
    trust.check("plc", "opc.tcp://plc", server.der)


@pytest.mark.parametrize("name", ["plc.pem", "PLC.CRT"])
def test_a_file_that_an_engineer_put_there_counts_in_either_form(server: Identity, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(server.certificate.public_bytes(serialization.Encoding.PEM))
    Trust((), tmp_path).check("plc", "opc.tcp://plc", server.der)


def test_what_is_no_certificate_trusts_nobody_and_stops_nothing(server: Identity, tmp_path: Path) -> None:
    (tmp_path / "a.der").write_bytes(b"nonsense")
    (tmp_path / "notes.txt").write_text(fingerprint(server.der))
    with pytest.raises(DriverRefused):
        Trust((), tmp_path).check("plc", "opc.tcp://plc", server.der)
    (tmp_path / "b.der").write_bytes(server.der)
    Trust((), tmp_path).check("plc", "opc.tcp://plc", server.der)


def test_accepting_without_a_place_says_so(server: Identity) -> None:
    with pytest.raises(DriverRefused, match="--state-dir"):
        Trust((), None).accept(server.der)


def test_of_a_chain_the_first_certificate_is_the_servers(server: Identity) -> None:
    assert first_of(server.der + identity.own(None, NOW).der) == server.der
    assert first_of(b"") == b""


def test_a_certificate_is_shown_with_its_end(server: Identity) -> None:
    assert "until 2036-11-1" in subject(server.der)
    assert "unreadable" in subject(b"x")
