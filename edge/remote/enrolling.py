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
from edge.config.options import CloudOptions, GatewayOptions
from edge.config.yamlfile import read
from edge.errors import ConfigError, EnrolmentRefused
from edge.remote.way import way
from edge.settings import token_file
from edge.sync.client import CloudClient
from edge.sync.office import Office
from edge.sync.token import Replacement

_GATEWAY: Loc = ("gateway",)
_CLOUD: Loc = ("cloud",)
_TOKEN: Loc = ("cloud", "token")


@dataclass(frozen=True, slots=True)
class Candidate:
    """What of a configuration matters before there is a token: the rest of it need not be sound yet."""

    gateway: str
    cloud: CloudOptions
    beside: Path
    token_file: Path


def candidate(config: Path, environ: Mapping[str, str], into: Path | None) -> Candidate:
    """Read who is to be enrolled, and where.

    Args:
        config: The configuration's file.
        environ: What `${env:NAME}` refers to.
        into: Where the token is to be written, if not where the configuration refers to.

    Raises:
        ConfigError: Its sections `gateway` and `cloud` are wrong, or name no file for the token.
    """
    document = read(config, environ)
    _leave_token_open(document)
    gateway = _section(document, GatewayOptions, _GATEWAY)
    cloud = _section(document, CloudOptions, _CLOUD)
    document.raise_mistakes()
    assert isinstance(gateway, GatewayOptions) and isinstance(cloud, CloudOptions)  # noqa: S101, PT018 - else mistakes
    place = into if into is not None else token_file(document)
    if place is None:
        raise ConfigError(
            f"{config}: cloud.token refers to no file that the token could be written to; write "
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


def _leave_token_open(document: Document) -> None:
    """Let the token's reference lead nowhere: that is what enrolment mends."""
    cloud = document.root.get("cloud")
    if _TOKEN in document.dead and isinstance(cloud, dict):
        document.dead.discard(_TOKEN)
        cloud["token"] = "to-be-enrolled"  # noqa: S105 - a placeholder, so that the section can be judged
        document.whole.add(_TOKEN)
        document.mistakes[:] = [mistake for mistake in document.mistakes if mistake.path != "cloud.token"]


def _section(document: Document, model: Any, loc: Loc) -> Any:
    """Judge one section; what is wrong elsewhere in the file is none of enrolment's business."""
    document.mistakes[:] = [mistake for mistake in document.mistakes if _is_within(mistake.path)]
    return validate(model, document.root.get(loc[0], {}), document, lambda inner: (*loc, *inner))


def _is_within(path: str) -> bool:
    return path.split(".", maxsplit=1)[0] in {"gateway", "cloud"}
