"""What an answer of the cloud's means: each status named by what follows from it; pure.

Only the cloud's own word sets a batch aside, so a refusal counts only with its error body: a proxy that answers 413
by itself does not speak for the cloud. An answer that concerns every batch alike (404, 415) is "not now".
"""

from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from edge.errors import BatchRefused, Outdated, Unauthorized, Unreachable

# what is wrong with this batch, and would be wrong with it for ever
_REFUSED = {400, 409, 413, 422}


def named(response: httpx.Response, body: bytes) -> BatchRefused | Outdated | Unauthorized | Unreachable:
    """Return the failure that an answer other than the wanted one is."""
    status = response.status_code
    code, detail = problem(response, body)
    words = f"the cloud answered {status} {code or response.reason_phrase}: {detail}"
    if status in {401, 403}:
        return Unauthorized(f"{words}; check cloud.token, or enrol this gateway again (tezgah-edge enrol)")
    if status in _REFUSED and code is not None:
        return BatchRefused(words, is_whole=status == httpx.codes.CONFLICT)
    if status == httpx.codes.UPGRADE_REQUIRED and code is not None:
        return Outdated(f"{words}; bring cloud and gateway to matching versions, the cloud first")
    if response.is_redirect:
        words = f"{words}; it points to {response.headers.get('location', 'nowhere')!r}: correct cloud.url"
    elif status < 500 and status not in {408, 425, 429}:
        words = f"{words}; check cloud.url and that cloud and gateway are of matching versions"
    return Unreachable(words, retry_after_s=_retry_after_s(response.headers))


def problem(response: httpx.Response, body: bytes) -> tuple[str | None, str]:
    """Return the code and the words of the cloud's error body; no code if it is not the cloud's."""
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        with suppress(msgspec.MsgspecError):
            told = msgspec.json.decode(body, type=dict[str, Any])
            if isinstance(told.get("error_code"), str):
                return told["error_code"][:100], str(told.get("detail", ""))[:300]
    return None, "not an answer of a Tezgah cloud"


def _retry_after_s(headers: httpx.Headers) -> float | None:
    asked = headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    with suppress(ValueError, TypeError):
        # the other form is a time; taken by the cloud's own clock
        return max(0.0, (parsedate_to_datetime(asked) - parsedate_to_datetime(headers.get("date", ""))).total_seconds())
    return None
