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


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("cannot reach postgresql://tezgah:hunter2hunter@db/tezgah", "hunter2hunter"),
        ("sent Authorization: Bearer abc.DEF-123_x", "abc.DEF-123_x"),
        ("GET /x?access_token=s3cr3tvalue&page=2", "s3cr3tvalue"),
        ("body was {'password': 'hunter2hunter'}", "hunter2hunter"),
        ('body was {"new_password": "hunter2hunter"}', "hunter2hunter"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("token tzg_7f3e9a.abcdef is unknown", "abcdef"),
        ("SECRET_KEY=0123456789abcdef0123", "0123456789abcdef0123"),
        ("Set-Cookie: session=abcdef123; Path=/", "abcdef123"),
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_a_secret_inside_a_text_is_blanked_too(form: Literal["json", "console"], text: str, secret: str):
    stream = io.StringIO()
    logs.configure(form, "INFO", stream)
    try:
        raise ValueError(text)
    except ValueError:
        logs.get("t").exception("failed", reason=text, deep={"list": [text]})
    assert secret not in stream.getvalue()
    assert logs.BLANK in stream.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "/auth/login",
        "the token has expired",
        "http://127.0.0.1:8000/api-docs",
        "token: none was sent",
        "2026-03-02T10:00Z",
    ],
)
def test_what_is_no_secret_stays(text: str):
    assert logs.scrub(text) == text


def test_with_a_file_the_stream_has_warnings_only():
    stream, kept = io.StringIO(), io.StringIO()
    logs.configure("console", "INFO", stream, file=logging.StreamHandler(kept))
    logs.get("t").info("quiet", password="p")
    logs.get("t").warning("loud")
    assert [line["event"] for line in lines(kept)] == ["quiet", "loud"]
    assert "quiet" not in stream.getvalue()
    assert "loud" in stream.getvalue()
