"""The lines to the clouds, built from the settings: nothing connects yet."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge.remote.way import way
from edge.settings import Destination, Settings
from edge.sync.client import CloudClient
from edge.sync.fit import Fit
from edge.sync.https import HttpsUplink
from edge.sync.office import Office
from edge.sync.token import TokenStore


@dataclass(frozen=True, slots=True)
class Line:
    """The line to one cloud: the client, what sends batches over it, and what asks for everything else."""

    destination: Destination
    client: CloudClient
    uplink: HttpsUplink
    office: Office
    tokens: TokenStore
    fit: Fit


def lines_to_clouds(settings: Settings, state: Path) -> list[Line]:
    """Build them, the first destination's first; nothing connects yet.

    Raises:
        ConfigError: Its address, the token, a proxy or a certificate cannot be used.
    """
    return [_line(destination, settings.file.parent, state) for destination in settings.destinations]


def most_rows(lines: Sequence[Line]) -> int:
    """Return how many readings a batch may have: it is sealed once, so the thinnest line that works decides."""
    return min((line.fit.rows for line in lines if not line.fit.is_lost), default=lines[0].fit.rows)


def _line(destination: Destination, beside: Path, state: Path) -> Line:
    options = destination.options
    tokens = TokenStore(options.token.get_secret_value(), destination.token_file, state, destination.name)

    async def another_token() -> str | None:
        return await asyncio.to_thread(tokens.current)

    client = CloudClient(
        options.url, tokens.current(), way=way(options, beside), another_token=another_token, name=destination.name
    )
    fit = Fit()
    return Line(destination, client, HttpsUplink(client=client, fit=fit), Office(client), tokens, fit)
