"""The support bundle: what somebody far away needs to help, in one file, with every secret blanked.

A secret is known by where it stands: what a reference of the configuration leads to, and what a key like `password`
holds. Wherever such a value turns up - in a log line, in an error, in a library's message - it is blanked too.
Comments of the configuration are left out, for nobody knows what stands in them.
"""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import yaml

from edge.config.document import Document
from edge.drafting.emit import block
from shared.logs import BLANK, SECRET_WORDS

# shorter ones stand in every other word
_SHORTEST = 4


def secrets_of(document: Document) -> set[str]:
    """Return every value that must not leave this machine, as the configuration refers to it or holds it."""
    found = {value for parts in document.references.values() for _, value in parts}
    found |= set(_held(document.root))
    # each line of a key in a file, for a log may show one of them
    return {part for value in found for part in (value, *value.splitlines()) if len(part.strip()) >= _SHORTEST}


def blanked(text: str, secrets: Iterable[str]) -> str:
    """Blank secrets wherever they stand, the longest first; also as JSON, Python and addresses write them."""
    for secret in sorted(secrets, key=len, reverse=True):
        shown = {secret, repr(secret)[1:-1], quote(secret, safe="")}
        shown |= {json.dumps(secret, ensure_ascii=is_ascii)[1:-1] for is_ascii in (True, False)}
        for form in shown:
            text = text.replace(form, BLANK)
    return text


def configuration(text: str) -> str:
    """Return a configuration without its comments, and with blanks for what its keys call a secret."""
    try:
        # texts only: references stay as they stand
        root = yaml.load(text, yaml.BaseLoader)  # noqa: S506
    except yaml.YAMLError as error:
        return f"# not YAML, so it is left out: {getattr(error, 'problem', error)}\n"
    if not isinstance(root, dict):
        return "# no keys and values, so it is left out\n"
    return "\n".join([*block(_blank_keys(root)), ""])


def pack(files: Mapping[str, str], secrets: Iterable[str], made: datetime, name: str) -> bytes:
    """Return a gzipped tar of texts under one directory, every secret blanked."""
    known, out = set(secrets), io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path, text in files.items():
            data = blanked(text, known).encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mtime, entry.mode = len(data), int(made.timestamp()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def _held(value: Any, key: str = "") -> Iterable[str]:
    if isinstance(value, dict):
        for inner_key, inner in value.items():
            yield from _held(inner, str(inner_key))
    elif isinstance(value, list):
        for inner in value:
            yield from _held(inner, key)
    elif isinstance(value, str) and any(word in key.lower() for word in SECRET_WORDS):
        yield value


def _blank_keys(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {inner_key: _blank_keys(inner, str(inner_key)) for inner_key, inner in value.items()}
    if isinstance(value, list):
        return [_blank_keys(inner, key) for inner in value]
    is_reference = isinstance(value, str) and value.startswith("${")
    return BLANK if any(word in key.lower() for word in SECRET_WORDS) and not is_reference else value
