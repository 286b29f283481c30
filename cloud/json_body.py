"""Owns how a JSON body is read: as RFC 8259 hopes for, each name once, and not so deep or long that Python gives up.

The standard parser takes the last of two equal names without a word. Two programs that read the same body would then
believe different things: what a proxy checked is not what is stored.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from cloud import messages, problem
from cloud.errors import UnsupportedType


class JsonRoute(APIRoute):
    """A route whose JSON body is read strictly."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        """Return the handler, over a request that reads strictly."""
        handle = super().get_route_handler()

        async def handler(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive, request._send))  # noqa: SLF001

        return handler


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            encoding = self.headers.get("content-encoding", "identity")
            if encoding.lower() != "identity":
                # not an error of ours: FastAPI lets only this kind through while it reads a body
                refused = UnsupportedType(messages.BODY_COMPRESSED, path=self.url.path, encoding=encoding)
                raise problem.Refused(refused, {"Accept-Encoding": "identity"})
            self._json = read(await self.body())
        return self._json


def read(body: bytes) -> Any:
    """Return what a body says.

    Raises:
        JSONDecodeError: It is not JSON, names something twice, or goes too deep; UnicodeDecodeError: it is no text.
    """
    try:
        return json.loads(body, object_pairs_hook=_each_once)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deeply", "", 0) from error
    except _Twice as error:
        raise json.JSONDecodeError(f"the name {error.args[0]!a:.100} is given twice", "", 0) from error
    except UnicodeDecodeError:
        raise
    except ValueError as error:
        # an integer of thousands of digits, which would take Python a long time
        raise json.JSONDecodeError("a number with too many digits", "", 0) from error


class _Twice(Exception):
    pass


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        # `add` returns nothing: the first name that was seen before
        raise _Twice(next(name for name, _ in pairs if name in seen or seen.add(name)))  # type: ignore[func-returns-value]
    return found
