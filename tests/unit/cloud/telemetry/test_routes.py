"""The body of a batch: whole and in time, or not at all."""

import asyncio

import pytest
from starlette.requests import Request

from cloud.errors import Unavailable
from cloud.telemetry.routes import body_of


def request(*parts: dict[str, object]) -> Request:
    """Return a request whose body comes in these parts, and then no more."""
    coming = iter(parts)

    async def receive() -> dict[str, object]:
        part = next(coming, None)
        if part is None:
            await asyncio.Event().wait()
        return {"type": "http.request", "more_body": True} | part

    return Request({"type": "http", "method": "POST", "headers": []}, receive)


async def test_a_body_is_all_its_parts():
    assert await body_of(request({"body": b"a"}, {"body": b"b", "more_body": False})) == b"ab"


async def test_a_body_that_only_drips_is_given_up():
    with pytest.raises(Unavailable, match=r"longer than 0\.01 s") as refused:
        await body_of(request({"body": b"a"}), within_s=0.01)
    assert refused.value.headers["Retry-After"] == "1"


async def test_a_connection_that_ends_too_early_is_nobodys_mistake():
    with pytest.raises(Unavailable, match="ended before"):
        await body_of(request({"body": b"a"}, {"type": "http.disconnect"}))
