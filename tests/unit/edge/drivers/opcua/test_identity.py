"""The gateway's own certificate: made once, kept, renewed in time, and refused with words where it cannot be used."""

import datetime as dt
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from edge.drivers.opcua import identity
from edge.errors import DriverRefused

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("own") / "deep" / "down"
    identity.own(directory, NOW)
    return directory


def test_the_first_run_makes_a_key_that_only_the_gateway_reads(kept: Path) -> None:
    assert stat.S_IMODE((kept / "gateway.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in kept.iterdir()) == ["gateway.der", "gateway.key"]


def test_the_certificate_has_what_opc_ua_servers_look_for(kept: Path) -> None:
    own = identity.own(kept, NOW)
    names = own.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [own.uri]
    assert own.uri.endswith(":tezgah:edge")
    assert names.get_values_for_type(x509.DNSName)
    usage = own.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    assert own.certificate.not_valid_after_utc > NOW + dt.timedelta(days=3000)


def test_a_second_run_takes_the_same(kept: Path) -> None:
    assert identity.own(kept, NOW).der == identity.own(kept, NOW + dt.timedelta(days=300)).der


def test_a_certificate_that_ends_soon_is_renewed_with_the_same_key_and_name(tmp_path: Path) -> None:
    first = identity.own(tmp_path, NOW)
    renewed = identity.own(tmp_path, NOW + identity.LIFETIME - dt.timedelta(days=30))
    assert renewed.der != first.der
    assert renewed.uri == first.uri
    assert renewed.certificate.public_key() == first.certificate.public_key()
    assert (tmp_path / "gateway.der").read_bytes() == renewed.der


def test_a_key_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "gateway.key").write_text("secret")
    with pytest.raises(DriverRefused, match=r"gateway\.key: no private key in PEM"):
        identity.own(tmp_path, NOW)
    assert (tmp_path / "gateway.key").read_text() == "secret", "what an engineer put there is not overwritten"


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DriverRefused, match="cannot be read or written"):
        identity.own(tmp_path / "file" / "own", NOW)


def test_a_certificate_of_another_key_is_refused(kept: Path) -> None:
    other = rsa.generate_private_key(65537, 2048)
    with pytest.raises(DriverRefused, match="is not of this private key"):
        identity.given((kept / "gateway.der").read_bytes(), other, "plc")


def test_a_key_of_another_kind_is_refused() -> None:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(*form)
    with pytest.raises(DriverRefused, match="not RSA"):
        identity.private_key(pem, "plc")


def test_without_a_directory_nothing_is_kept() -> None:
    assert identity.own(None, NOW).der != identity.own(None, NOW).der
