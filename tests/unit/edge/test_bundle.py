"""The support bundle: whole, and without a secret in whatever form it turns up."""

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import yaml

from edge import bundle
from edge.config.yamlfile import read

MADE = datetime(2027, 1, 15, tzinfo=UTC)
SECRETS = {"t0p-of-the-cloud", 'pa"ss\\word-ü', "-----BEGIN KEY-----", "MIIEvQIBADANBgkqh"}
CONFIG = """\
version: 1   # the old password was hunter2-in-a-comment
cloud: {url: "http://h", token: "${file:token}"}
connections:
  broker: {mqtt: "mqtt://h", username: edge, password: "${env:PASSWORD}"}
  plc: {opcua: "opc.tcp://h", key: "${file:key}", user: {name: mes, password: written-here-by-mistake}}
"""


def files(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return {entry.name: archive.extractfile(entry).read().decode() for entry in archive}  # type: ignore[union-attr]


def document(tmp_path: Path):
    (tmp_path / "token").write_text("t0p-of-the-cloud\n", encoding="utf-8")
    (tmp_path / "key").write_text("-----BEGIN KEY-----\nMIIEvQIBADANBgkqh\n", encoding="utf-8")
    (tmp_path / "edge.yaml").write_text(CONFIG, encoding="utf-8")
    return read(tmp_path / "edge.yaml", {"PASSWORD": 'pa"ss\\word-ü'})


def test_every_secret_of_a_configuration_is_known(tmp_path: Path) -> None:
    assert bundle.secrets_of(document(tmp_path)) >= SECRETS | {"written-here-by-mistake"}


def test_no_secret_is_in_the_bundle_in_whatever_form(tmp_path: Path) -> None:
    secrets = bundle.secrets_of(document(tmp_path))
    log = "\n".join(f"failed with {secret} and {secret!r}" for secret in secrets)
    as_json = "".join(json.dumps({"x": secret}) for secret in secrets)
    data = bundle.pack(
        {"log.txt": log, "a/b.json": as_json, "edge.yaml": bundle.configuration(CONFIG)}, secrets, MADE, "n"
    )
    found = files(data)
    assert found.keys() == {"n/log.txt", "n/a/b.json", "n/edge.yaml"}
    for text in found.values():
        for secret in secrets:
            assert secret not in text
            assert json.dumps(secret)[1:-1] not in text
    assert "hunter2" not in found["n/edge.yaml"], "nobody knows what stands in comments"


def test_the_configuration_stays_readable() -> None:
    shown = yaml.safe_load(bundle.configuration(CONFIG))
    assert shown["cloud"]["token"] == "${file:token}"
    assert shown["connections"]["broker"]["password"] == "${env:PASSWORD}"
    assert shown["connections"]["plc"]["user"] == {"name": "mes", "password": "[redacted]"}


def test_a_configuration_that_cannot_be_read_is_left_out() -> None:
    assert "left out" in bundle.configuration("a: [1, s3cret")
    assert "left out" in bundle.configuration("just words")


def test_short_values_are_not_blanked_out_of_every_other_word(tmp_path: Path) -> None:
    (tmp_path / "edge.yaml").write_text("version: 1\nport: '${env:PORT}'\n", encoding="utf-8")
    assert bundle.secrets_of(read(tmp_path / "edge.yaml", {"PORT": "502"})) == set()
