"""Owns compressing long answers, on the paths that have them; streams and what is small stay as they are."""

from starlette.datastructures import MutableHeaders
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# below this the head is most of it
LEAST_BYTES = 1024
# a dashboard of 400 KB becomes 40 KB at 6 too, in twice the time
LEVEL = 4


class Compression:
    """Compresses answers below some paths, for whoever takes gzip.

    An `ETag` is made weak there (RFC 9110, 8.8.1): the bytes are others, the content is the same, and a conditional
    request means the content.
    """

    def __init__(self, app: ASGIApp, below: tuple[str, ...]) -> None:
        """Stand before an application.

        Args:
            app: What answers.
            below: Beginnings of the paths.
        """
        self._app = app
        self._packing = GZipMiddleware(app, minimum_size=LEAST_BYTES, compresslevel=LEVEL)
        self._below = below

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(self._below):
            await self._app(scope, receive, send)
            return

        async def weakened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                tag = headers.get("etag", "W/")
                if "content-encoding" in headers and not tag.startswith("W/"):
                    headers["etag"] = f"W/{tag}"
            await send(message)

        await self._packing(scope, receive, weakened)
