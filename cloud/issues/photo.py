"""Owns what a photo is: its type by its first bytes, whatever it is called. Pure."""

import re
import unicodedata
from collections.abc import Mapping

MAX_BYTES = 10 * 1024 * 1024
"""A phone's photo at its best quality is 3 to 8 MB."""

MAX_NAME = 200

EXTENSIONS: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/webp": "webp",
    "image/heic": "heic",
}

# ISO 14496-12 4.3 and ISO 23008-12 B.4: what a box `ftyp` calls a still picture coded with HEVC
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1"})


def media_type(content: bytes) -> str | None:
    """Return the media type of a photo, or None when it is none of those that are taken.

    Args:
        content: The whole file, or its first 12 bytes at least.
    """
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        return "image/heic"
    return None


def called(filename: str | None) -> str | None:
    """Return a file's name as it can be stored and shown, or None when nothing of it can.

    Args:
        filename: As sent; of a path only the last part stays.
    """
    last = re.split(r"[/\\]", filename or "")[-1]
    kept = "".join(each for each in last if unicodedata.category(each)[0] != "C").strip()
    return kept[:MAX_NAME] or None
