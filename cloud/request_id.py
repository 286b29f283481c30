"""Owns the id of the request being served: taken from the caller or made, and known everywhere below."""

import re
import uuid
from contextvars import ContextVar

HEADER = "X-Request-ID"
# what may come from outside into a log line and a header: nothing that breaks either
_ACCEPTABLE = re.compile(r"[A-Za-z0-9._~+/=-]{1,128}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the id of the request being served, empty outside of one."""
    return _current.get()


def begin(offered: str | None) -> str:
    """Take the caller's id when it is safe to repeat, else make one; it holds for this task."""
    request_id = offered if offered and _ACCEPTABLE.fullmatch(offered) else uuid.uuid4().hex
    _current.set(request_id)
    return request_id
