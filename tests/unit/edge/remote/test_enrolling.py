"""Who is enrolled: what of a configuration matters before there is a token, or while there is a wrong one."""

from pathlib import Path

import pytest

from edge.errors import ConfigError
from edge.remote.enrolling import candidate

CONFIG = """\
version: 1
gateway: {id: hall-2}
cloud: {url: "https://cloud", token: "${file:token}"}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edge.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.parametrize("present", [None, "", "two words", "tzg_good\n"])
def test_whatever_stands_for_a_token_now_is_no_hindrance(config: Path, present: str | None) -> None:
    if present is not None:
        config.with_name("token").write_text(present, encoding="utf-8")
    who = candidate(config, {}, None)
    assert (who.gateway, who.cloud.url, who.token_file) == ("hall-2", "https://cloud", config.with_name("token"))


def test_a_token_that_stands_in_the_file_itself_is_refused(config: Path) -> None:
    config.write_text(CONFIG.replace("${file:token}", "tzg_inline"), encoding="utf-8")
    with pytest.raises(ConfigError, match="a secret does not belong in this file"):
        candidate(config, {}, None)
