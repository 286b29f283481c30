"""Owns how a request finds its route: by its method and its path's first word, and not by asking each of hundreds.

The framework holds a request against every route in the order in which they were made, which with both faces of every
slice is most of a small request's price. Here it is held against those alone that can be meant, in the same order.
"""

from collections import defaultdict
from collections.abc import Iterable

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud.api import PREFIX

_FACE = PREFIX.strip("/").split("/")
Corner = tuple[str, bool, str]


class Signpost:
    """Stands before a router; what it knows no way for is the router's: other methods, paths that are not there."""

    def __init__(self, router: APIRouter) -> None:
        """Read the router's routes, to which none may be added afterwards."""
        self._router = router
        self._ways = _ways(router.routes)
        self._otherwise: ASGIApp = router.app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        way = self.way(scope) if scope["type"] == "http" else None
        if way is None:
            await self._otherwise(scope, receive, send)
            return
        route, found = way
        scope.setdefault("router", self._router)
        scope.update(found)
        await route.handle(scope, receive, send)

    def way(self, scope: Scope) -> tuple[APIRoute, Scope] | None:
        """Return the route of a request, and what it adds to its scope; None where the router must say why not."""
        for route in self._ways.get(_corner(scope["method"], scope["path"]), ()):
            match, found = route.matches(scope)
            if match is Match.FULL:
                return route, found
        return None


def put_before(router: APIRouter) -> None:
    """Let a router that is complete be asked by way of a signpost."""
    router.middleware_stack = Signpost(router)


def _ways(routes: Iterable[BaseRoute]) -> dict[Corner, list[APIRoute]]:
    ways: dict[Corner, list[APIRoute]] = defaultdict(list)
    for route in routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                ways[_corner(method, route.path)].append(route)
    return dict(ways)


def _corner(method: str, path: str) -> Corner:
    words = path.split("/", 4)[1:]
    is_enveloped = words[:2] == _FACE
    words = words[2:] if is_enveloped else words
    return method, is_enveloped, words[0] if words else ""
