"""The page at /api-docs."""

import re

import httpx
from fastapi import FastAPI

from cloud import docs_page


async def test_the_page_and_all_that_it_loads_come_from_this_service():
    app = FastAPI(docs_url=None)
    docs_page.mount(app)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://t") as client:
        page = (await client.get("/api-docs")).text
        loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(loaded) == 3
        for address in [*loaded, *re.findall(r'"?url"?: ["\']([^"\']+)', page)]:
            assert address.startswith("/"), address
            assert (await client.get(address)).status_code == 200, address
