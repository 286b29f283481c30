"""The HTTPS uplink keeps the promises of the Uplink port, against a real socket."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge.sync.https import HttpsUplink
from tests.conformance.uplink_suite import ASKED_S, Manner, UplinkHarness, UplinkSuite
from tests.fakes.http_cloud import HttpCloud, Request, problem

TOKEN = "gateway-token-of-the-tests"


class HttpHarness(UplinkHarness):
    def __init__(self, server: HttpCloud, uplink: HttpsUplink) -> None:
        self.server = server
        self.cloud = server.cloud
        self.uplink = uplink

    def behave(self, manner: Manner) -> None:
        self.server.behave = None
        match manner:
            case Manner.REFUSES:
                self.server.says(problem("422 Unprocessable Content", "VALIDATION_ERROR", "a tag has no name"))
            case Manner.KNOWS_US_NOT:
                self.server.says(problem("401 Unauthorized", "UNAUTHORIZED", "unknown token"))
            case Manner.BUSY:
                self.server.says(problem("503 Busy", "DATABASE_UNAVAILABLE", "later", Retry_After=f"{ASKED_S:.0f}"))
            case Manner.SILENT:
                self.server.behave = silence
            case Manner.LOSES_ANSWERS:
                self.server.behave = self.server.store_and_hang_up


async def silence(request: Request, writer: asyncio.StreamWriter) -> None:
    """Keep the connection, and say nothing."""


class TestHttpsUplink(UplinkSuite):
    @pytest.fixture
    async def harness(self) -> AsyncIterator[HttpHarness]:
        async with HttpCloud().serving() as server, HttpsUplink(server.url, TOKEN, timeout_s=1.0) as uplink:
            yield HttpHarness(server, uplink)
