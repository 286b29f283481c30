"""Enrolment: a one-time code of the cloud's is traded for a token, which is written where the configuration expects it.

The place is tried before the code is spent: a token that cannot be written is a token lost, and its code with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.check import validate
from edge.config.document import Document
from edge.config.mistakes import Loc
from edge.config.options import CloudOptions, DestinationOptions, GatewayOptions
from edge.config.spelling import one_of
from edge.config.yamlfile import read
from edge.errors import ConfigError, EnrolmentRefused
from edge.ports import FIRST
from edge.remote.way import way
from edge.settings import token_file
from edge.sync.client import CloudClient
from edge.sync.office import Office
from edge.sync.token import Replacement

_GATEWAY: Loc = ("gateway",)
_CLOUD: Loc = ("cloud",)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a configuration matters before there is a token: the rest of it need not be sound yet."""

    gateway: str
    cloud: DestinationOptions
    beside: Path
    token_file: Path


def candidate(config: Path, environ: Mapping[str, str], into: Path | None, destination: str = FIRST) -> Candidate:
    """Read who is to be enrolled, and where.

    Args:
        config: The configuration's file.
        environ: What `${env:NAME}` refers to.
        into: Where the token is to be written, if not where the configuration refers to.
        destination: At which cloud.

    Raises:
        ConfigError: Its section `gateway` or the destination's is wrong, or names no file for the token, or there is no
            such destination.
    """
    document = read(config, environ)
    where: Loc = _CLOUD if destination == FIRST else ("destinations", destination)
    if destination != FIRST and _at(document, where) is None:
        known = _at(document, where[:1])
        raise ConfigError(
            f'{config}: there is no destination "{destination}"; {one_of(destination, [FIRST, *map(str, known or ())])}'
        )
    _leave_token_open(document, where)
    gateway = _section(document, GatewayOptions, _GATEWAY, where[0])
    cloud = _section(document, CloudOptions if destination == FIRST else DestinationOptions, where, where[0])
    document.raise_mistakes()
    assert isinstance(gateway, GatewayOptions) and isinstance(cloud, DestinationOptions)  # noqa: S101, PT018 - else mistakes
    place = into if into is not None else token_file(document, where)
    if place is None:
        raise ConfigError(
            f"{config}: {'.'.join(map(str, where))}.token refers to no file that the token could be written to; write "
            "token: ${file:edge-token}, or name a file with --token-file"
        )
    return Candidate(gateway.id, cloud, config.parent, place)


async def enrol(who: Candidate, code: str) -> Path:
    """Trade a code for a token and write that down; returns where.

    Raises:
        ConfigError: The token's file cannot be written; the code was not used.
        EnrolmentRefused: The code is wrong, used or too old, or another gateway's.
        UplinkError: The cloud gave no answer that counts.
    """
    try:
        replacement = Replacement(who.token_file)
    except OSError as error:
        raise ConfigError(
            f"{who.token_file} cannot be written ({error.strerror}), so the code was not used; enrol as a user who may "
            "write there, or name another file with --token-file"
        ) from error
    client = CloudClient(who.cloud.url, None, way=way(who.cloud, who.beside))
    try:
        issued = await Office(client).enrol(code.strip())
        if issued.gateway != who.gateway:
            raise EnrolmentRefused(
                f"the code was for gateway {issued.gateway!r}, the configuration is of {who.gateway!r}; the code is "
                "used up, so correct gateway.id if that is wrong, and ask whoever runs the cloud for another code"
            )
        replacement.put(f"{issued.token}\n".encode())
    except OSError as error:
        raise ConfigError(
            f"{who.token_file} could not be written ({error.strerror}), and the code is used up; mend that, and ask "
            "for another code"
        ) from error
    finally:
        replacement.leave()
        await client.close()
    return who.token_file


def _leave_token_open(document: Document, where: Loc) -> None:
    """Let the token's reference lead nowhere, or to what is no token: that is what enrolment mends."""
    cloud, token = _at(document, where), (*where, "token")
    if token in document.dead | document.whole and isinstance(cloud, dict):
        document.dead.discard(token)
        cloud["token"] = "to-be-enrolled"  # noqa: S105 - a placeholder, so that the section can be judged
        document.whole.add(token)
        path = ".".join(map(str, token))
        document.mistakes[:] = [mistake for mistake in document.mistakes if mistake.path != path]


def _section(document: Document, model: Any, loc: Loc, section: Any) -> Any:
    """Judge one section; what is wrong elsewhere in the file is none of enrolment's business."""
    document.mistakes[:] = [
        mistake for mistake in document.mistakes if mistake.path.split(".", maxsplit=1)[0] in {"gateway", section}
    ]
    found = _at(document, loc)
    return validate(model, {} if found is None else found, document, lambda inner: (*loc, *inner))


def _at(document: Document, loc: Loc) -> Any:
    found = document.root
    for key in loc:
        found = found.get(key) if isinstance(found, dict) else None
    return found
