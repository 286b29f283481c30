"""Text from devices, made fit for the wire and for PostgreSQL; pure."""

import re

from shared.wire.batch import MAX_TEXT

_UNFIT = re.compile("[\0\ud800-\udfff]")


def clean(text: str) -> str:
    """Replace NUL and lone surrogates by U+FFFD, and cut to the bytes that a batch allows, between characters."""
    if text.isascii() and len(text) <= MAX_TEXT and "\0" not in text:
        return text
    encoded = _UNFIT.sub("\ufffd", text[:MAX_TEXT]).encode()
    return encoded[:MAX_TEXT].decode("utf-8", "ignore")


def words(text: str) -> str:
    """Make one line of at most 500 printable characters, as a gap's detail must be."""
    return "".join(character if character.isprintable() else " " for character in clean(text))[:500]
