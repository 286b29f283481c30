"""Asking a running gateway's health page, from the command line."""

from typing import Any

import httpx

from shared.errors import AppError

# it answers from memory
_TIMEOUT_S = 5.0


class NotAnswering(AppError):
    """No gateway answers there."""

    code = "NOT_ANSWERING"


def ask(url: str) -> dict[str, Any]:
    """Return the health page's document.

    Args:
        url: Of the page's server, such as http://127.0.0.1:9108.

    Raises:
        NotAnswering: Nobody answers, or it is not a gateway.
    """
    try:
        # no proxy stands between a command and its own machine
        answer = httpx.get(f"{url.rstrip('/')}/health", timeout=_TIMEOUT_S, trust_env=False)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        document["status"], document["connections"], document["buffer"], document["sync"]
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAnswering(
            f"no gateway answers at {url} ({error}); is it running, and is this its health.listen?"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotAnswering(
            f"what answers at {url} is not a gateway; look up health.listen in its configuration"
        ) from error
    return document
