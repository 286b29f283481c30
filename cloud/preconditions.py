"""Owns conditional requests: which version of a resource somebody saw (`ETag`), and whether it is still that one.

`api.mount` gives every single resource its `ETag`, the same on both faces, and answers a GET whose
`If-None-Match` names it with 304. A slice refuses to change what its caller has not seen:

    @router.patch("/{wo_id}")
    async def change(session: Session, caller: CurrentCaller, wo_id: RowId, given: Patch, seen: IfMatch) -> OrderOut:
        return await service.change(session, caller, wo_id, given, seen)

    # in the service, with the row locked (`with_for_update`), so that nobody changes it in between
    seen.require(_shown(row))

where what is required is the same schema that GET answers, or its part that does not change by itself: a
schema names the other members in a class variable `volatile`. A tag is a hash of that, so a table needs no
column for it, and what a resource derives from others (an order's status) counts as a part of it.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header
from pydantic import BaseModel

from cloud import messages
from cloud.errors import PreconditionFailed

# RFC 9110, 8.8.3; W/ is taken too: a proxy that compresses makes tags weak, and the resource is the same
_TAG = re.compile(r'(?:W/)?("[^"]*")')
ANY = "*"
# 96 bits: nobody meets another version's tag by chance
_TAG_BYTES = 12


def volatile(shown: BaseModel) -> frozenset[str]:
    """Return the members of a resource that change by themselves, which nobody's change has to have seen."""
    names: frozenset[str] = getattr(shown, "volatile", frozenset())
    return names


def tag_of(shown: BaseModel) -> str:
    """Return the entity tag of a resource as it is shown, by all but its volatile members."""
    content = shown.model_dump_json(exclude=set(volatile(shown)) or None)
    digest = hashlib.sha256(content.encode()).digest()[:_TAG_BYTES]
    return f'"{base64.urlsafe_b64encode(digest).decode()}"'


@dataclass(frozen=True, slots=True)
class Seen:
    """Which versions of a resource a caller goes by; without tags, whichever there is."""

    tags: frozenset[str] | None = None

    def require(self, current: BaseModel) -> None:
        """Refuse to go on unless the caller has seen the resource as it is now.

        Raises:
            PreconditionFailed: Somebody changed it since; carries the current tag.
        """
        tag = tag_of(current)
        if self.tags is None or ANY in self.tags or tag in self.tags:
            return
        raise PreconditionFailed(messages.CHANGED_MEANWHILE, etag=tag)


WHICHEVER = Seen()


def tags_in(header: str | None) -> frozenset[str] | None:
    """Return the tags that an `If-Match` or `If-None-Match` lists, or None when there is no such header."""
    if header is None:
        return None
    return frozenset({ANY}) if header.strip() == ANY else frozenset(_TAG.findall(header))


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Return whether an `If-None-Match` lists this tag."""
    tags = tags_in(if_none_match)
    return tags is not None and (ANY in tags or tag in tags)


async def _if_match(
    if_match: Annotated[
        str | None, Header(max_length=1000, description="The ETag that was read; another version is left alone (412)")
    ] = None,
) -> Seen:
    return Seen(tags_in(if_match))


IfMatch = Annotated[Seen, Depends(_if_match)]
