"""What a log line looks like."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from shared import logs


@pytest.fixture(autouse=True)
def _root_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_names_event_level_logger_and_time_in_utc():
    stream = io.StringIO()
    logs.configure("json", "INFO", stream)
    logs.get("cloud.test").info("batch_stored", rows=12)
    (line,) = lines(stream)
    assert line["event"] == "batch_stored"
    assert line["rows"] == 12
    assert line["level"] == "info"
    assert line["logger"] == "cloud.test"
    assert line["timestamp"].endswith("Z")


def test_secrets_are_blanked_at_any_depth():
    stream = io.StringIO()
    logs.configure("json", "INFO", stream)
    headers = {"Authorization": "Bearer abc", "Accept": "text/plain"}
    logs.get("t").info("x", password="p", gateway_token="t", request={"headers": [headers]}, token=None)
    (line,) = lines(stream)
    assert line["password"] == line["gateway_token"] == logs.BLANK
    assert line["request"]["headers"][0] == {"Authorization": logs.BLANK, "Accept": "text/plain"}
    assert line["token"] is None


def test_a_librarys_lines_take_the_same_form():
    stream = io.StringIO()
    logs.configure("json", "INFO", stream)
    logging.getLogger("some.library").warning("lost %s", "it")
    assert lines(stream)[0]["event"] == "lost it"


def test_a_quiet_library_tells_its_warnings_only():
    stream = io.StringIO()
    logs.configure("json", "INFO", stream, quiet=["chatty.library"])
    logging.getLogger("chatty.library").info("step 1")
    logging.getLogger("chatty.library").warning("stumbled")
    assert [line["event"] for line in lines(stream)] == ["stumbled"]


def test_an_exception_is_in_its_line_with_its_trace():
    stream = io.StringIO()
    logs.configure("json", "INFO", stream)
    try:
        raise ValueError("seven")
    except ValueError:
        logs.get("t").exception("failed")
    assert "seven" in json.dumps(lines(stream)[0])


def test_the_console_form_is_for_people():
    stream = io.StringIO()
    logs.configure("console", "INFO", stream)
    logs.get("t").info("started", port=8000)
    assert "started" in stream.getvalue()
    assert "port=8000" in stream.getvalue()


@pytest.mark.parametrize("format", ["json", "console"])
def test_a_trace_shows_no_local_variable_for_one_may_be_a_password(format: Literal["json", "console"]):
    def log_in(password: str) -> None:
        raise ValueError(f"refused after {len(password)} characters")

    stream = io.StringIO()
    logs.configure(format, "INFO", stream)
    try:
        # the trace quotes this line, which must not hold the word itself
        log_in(f"hunter-{len('ab')}")
    except ValueError:
        logs.get("t").exception("failed")
    assert "log_in" in stream.getvalue()
    assert "hunter-2" not in stream.getvalue()
