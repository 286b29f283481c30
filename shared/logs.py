"""Owns how a log line looks: structured, one event a line, the same on both sides, secrets blanked.

Everything goes through the standard library's root logger, so a library's lines come out in the
same form as ours: `json` for a collector, `console` for people.
"""

import functools
import logging
import re
import sys
from collections.abc import Sequence
from typing import Literal, TextIO

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, Processor, WrappedLogger

Format = Literal["console", "json"]

BLANK = "[redacted]"
# a key that holds one of these words never shows its value
SECRET_WORDS = ("password", "passwd", "token", "secret", "authorization", "cookie", "api_key", "private_key")
# what secrets look like inside a text, an error's or a library's: in addresses, headers, queries, settings, tokens
_SECRETS = re.compile(
    r"(?P<before>://[^/\s:@\"']*:)[^@\s\"']+(?=@)"
    r"|(?P<scheme>\b(?:bearer|basic)\s+)[\w~+/.=-]{6,}"
    r"|(?P<header>\b(?:set-)?cookie:\s+)[^\\\"'\r\n]+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
    r"|\btzg_[\w.~-]+"
    r"|(?P<name>\b[\w-]*(?:password|passwd|token|secret|authorization|cookie|api_?key)[\w-]*"
    r"(?:=|\\?[\"']?\s*:\s*\\?[\"']))(?!\[redacted)[^&\s\"'\\,;}]+",
    re.IGNORECASE,
)


def configure(
    format: Format = "console",
    level: str = "INFO",
    stream: TextIO | None = None,
    quiet: Sequence[str] = (),
    file: logging.Handler | None = None,
) -> None:
    """Send every log line of this process, ours and the libraries', to one place in one form.

    Args:
        format: `console` for people, `json` for a log collector (one object a line, UTC times).
        level: Name of the lowest level shown, in any case.
        stream: Where lines go; standard error by default, for standard output belongs to results.
        quiet: Loggers of libraries whose news is not ours; only their warnings are shown.
        file: Takes every line as JSON; the stream then only has what is a warning or worse.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    target = stream or sys.stderr
    handlers: list[logging.Handler] = [logging.StreamHandler(target)]
    handlers[0].setFormatter(_formatter(shared, _rendering(format, target)))
    if file is not None:
        handlers[0].setLevel(logging.WARNING)
        file.setFormatter(_formatter(shared, _rendering("json", target)))
        handlers.append(file)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level.upper())
    for name in quiet:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def get(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger of a module; call with `__name__`."""
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Blank the values of keys that name a secret, at any depth of dictionaries and lists."""
    return {key: _blanked(key, value) for key, value in event.items()}


def scrub(text: str) -> str:
    """Blank what looks like a secret in a text: a redacted key cannot help where the secret is in a sentence."""
    return _SECRETS.sub(_without, text)


def _without(found: re.Match[str]) -> str:
    return "".join(part for part in (found["before"], found["scheme"], found["header"], found["name"]) if part) + BLANK


def _scrubbed(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    # the last of the chain: what comes here is the line itself
    return scrub(str(line))  # type: ignore[return-value]


def _formatter(shared: Sequence[Processor], rendering: Sequence[Processor]) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendering, _scrubbed],
    )


@functools.lru_cache(1024)
def _names_a_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


def _blanked(key: str, value: object) -> object:
    if value is not None and _names_a_secret(key):
        return BLANK
    match value:
        case dict():
            return {inner: _blanked(str(inner), item) for inner, item in value.items()}
        case list() | tuple():
            return [_blanked("", item) for item in value]
        case _:
            return value


def _rendering(format: Format, stream: TextIO) -> list[Processor]:
    # structlog's own defaults print every frame's local variables, passwords and tokens among them
    if format == "json":
        trace = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
        return [trace, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return [structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)]
