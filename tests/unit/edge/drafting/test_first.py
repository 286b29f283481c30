"""The first configuration is one that the gateway takes, whatever was answered."""

from pathlib import Path

import pytest

from edge.drafting import address, first, keep
from edge.drafting.first import Answers
from edge.errors import ConfigError


@pytest.mark.parametrize("url", [None, "opc.tcp://h:4840", "mqtt://h", "modbus://h"])
def test_every_protocol_gives_a_sound_file(url: str | None, tmp_path: Path) -> None:
    connection = None if url is None else address.connection(url, "hall: 2")
    text = first.text(Answers("hall: 2", "", "Europe/Istanbul", "https://cloud.example.com", "${env:T}", connection))
    settings = keep.checked(text, tmp_path, {"T": "t"})
    assert settings.gateway.id == "hall: 2"
    assert len(settings.unused) == (url is not None)


@pytest.mark.parametrize("url", ["opc.tcp://h:4840", "mqtt://h", "modbus://h"])
def test_the_device_in_the_comment_is_sound_too(url: str, tmp_path: Path) -> None:
    text = first.text(Answers("hall", "Izmir", "", "http://h", "${env:T}", address.connection(url, "hall")))
    head, _, sample = text.partition("devices: []\n")
    device = "\n".join(line.removeprefix("# ") for line in sample.splitlines())
    settings = keep.checked(f"{head}devices:\n{device}\n", tmp_path, {"T": "t"})
    assert len(settings.connections[0].points) == 1


def test_a_token_is_in_one_place() -> None:
    assert first.reference(None, "TOKEN") == "${env:TOKEN}"
    assert first.reference("/run/token", None) == "${file:/run/token}"
    assert first.reference(None, None) == "${file:edge-token}"
    with pytest.raises(ConfigError, match="not both"):
        first.reference("a", "B")
