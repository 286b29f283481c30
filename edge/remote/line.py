"""The line to the cloud, built from the settings: nothing connects yet."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from edge.remote.way import way
from edge.settings import Settings
from edge.sync.client import CloudClient
from edge.sync.fit import Fit
from edge.sync.https import HttpsUplink
from edge.sync.office import Office
from edge.sync.token import TokenStore


@dataclass(frozen=True, slots=True)
class Line:
    """The line to the cloud: the client, what sends batches over it, and what asks for everything else."""

    client: CloudClient
    uplink: HttpsUplink
    office: Office
    tokens: TokenStore
    fit: Fit


def line_to_cloud(settings: Settings, state: Path) -> Line:
    """Build it; nothing connects yet.

    Raises:
        ConfigError: Its address, the token, a proxy or a certificate cannot be used.
    """
    tokens = TokenStore(settings.cloud.token.get_secret_value(), settings.token_file, state)

    async def another_token() -> str | None:
        return await asyncio.to_thread(tokens.current)

    client = CloudClient(
        settings.cloud.url,
        tokens.current(),
        way=way(settings.cloud, settings.file.parent),
        another_token=another_token,
    )
    fit = Fit()
    return Line(client, HttpsUplink(client=client, fit=fit), Office(client), tokens, fit)
