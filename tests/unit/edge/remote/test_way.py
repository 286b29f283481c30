"""What a configuration says of the way to the cloud."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.config.options import CloudOptions
from edge.remote.way import way
from edge.sync.client import Way

HERE = Path("/etc/tezgah")


def options(**more: Any) -> CloudOptions:
    return CloudOptions.model_validate({"url": "https://cloud.example.com", "token": "t", **more})


def test_without_a_word_the_environment_is_asked() -> None:
    assert way(options(), HERE) == Way(proxy=None)


def test_none_asks_nobody() -> None:
    assert way(options(proxy="none"), HERE).proxy == ""


def test_name_and_password_of_a_proxy_go_into_its_address_whatever_they_hold() -> None:
    told = options(proxy="http://proxy.plant:3128", proxy_user={"name": "a@b", "password": "p:/@#?"})
    assert way(told, HERE).proxy == "http://a%40b:p%3A%2F%40%23%3F@proxy.plant:3128"


def test_files_are_relative_to_the_configuration() -> None:
    told = options(tls={"ca": "ca.pem", "certificate": "/run/a.pem", "key": "keys/a.pem"})
    assert way(told, HERE) == Way(None, HERE / "ca.pem", Path("/run/a.pem"), HERE / "keys/a.pem")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"proxy": "proxy.plant:3128"}, "http://proxy.example.com:3128"),
        ({"proxy": "ftp://proxy.plant"}, "http://proxy.example.com:3128"),
        ({"proxy": "http://user:secret@proxy.plant:3128"}, "cloud.proxy_user"),
        ({"proxy_user": {"name": "a", "password": "p"}}, "needs a `proxy`"),
        ({"proxy": "none", "proxy_user": {"name": "a", "password": "p"}}, "needs a `proxy`"),
        ({"tls": {"certificate": "a.pem"}}, "go together"),
        ({"tls": {"key": "a.pem"}}, "go together"),
    ],
)
def test_what_cannot_be_is_said(more: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        options(**more)
    assert words in str(refusal.value)
