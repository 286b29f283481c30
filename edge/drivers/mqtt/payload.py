"""From a payload to what JSON paths can walk: a list of documents, whatever the payload is written in; pure.

JSON gives one document, or one for each element of an array of points; CSV one for each line, a list of its cells or
a mapping by its header; plain text one, the number or text that it is.
"""

import json
import re
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from edge.drivers.broker.rows import MISSING
from edge.drivers.mqtt.jsonpath import Path, walk

_JSON = msgspec.json.Decoder()
# lines of a CSV payload, elements of an array: more than that in one message is not meant for a gateway
MOST = 100_000
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?")
_WHOLE = re.compile(r"[+-]?\d{1,300}")
# devices that say how they are in words instead of JSON's true
_WORDS = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "true": True, "false": False}

Documents = Callable[[bytes], "Sequence[object] | None"]


class Form(StrEnum):
    """What a payload is written in."""

    JSON = "json"
    CSV = "csv"
    TEXT = "text"


def parse(payload: bytes) -> object:
    """Decode JSON; NaN, infinities, a byte order mark and UTF-16 are taken too, as devices write them.

    Raises:
        ValueError: It is none.
    """
    try:
        return _JSON.decode(payload)
    except (ValueError, RecursionError):
        pass
    try:
        return json.loads(payload)
    except RecursionError as error:
        raise ValueError("nested too deep") from error


def elements(document: object, path: Path) -> Sequence[object] | None:
    """Return the elements of the array at a path; None if there is none, or too many of them."""
    found = walk(document, path)
    if isinstance(found, list) and len(found) <= MOST:
        return found
    return None


def text(payload: bytes, decimal: str = ".") -> Sequence[object] | None:
    """Read a payload that is a value itself; None if it is no UTF-8."""
    try:
        return [scalar(payload.decode("utf-8-sig").strip(), decimal)]
    except UnicodeDecodeError:
        return None


def table(payload: bytes, delimiter: str, decimal: str, *, header: bool) -> Sequence[object] | None:
    """Read lines of cells; None if it is no UTF-8, has too many lines, or no line of names where one is promised."""
    try:
        lines = [line for line in payload.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        return None
    if len(lines) > MOST or (header and not lines):
        return None
    rows = [[cell.strip() for cell in _cells(line, delimiter)] for line in lines]
    if not header:
        return [[scalar(cell, decimal) for cell in row] for row in rows]
    return [{name: scalar(cell, decimal) for name, cell in zip(rows[0], row, strict=False)} for row in rows[1:]]


def _cells(line: str, delimiter: str) -> list[str]:
    """Split a line; a cell in double quotes may hold the delimiter, and a doubled quote for a quote (RFC 4180)."""
    if '"' not in line:
        return line.split(delimiter)
    cells, cell, is_quoted, at = [], "", False, 0
    while at < len(line):
        char = line[at]
        if char == '"' and is_quoted and line[at + 1 : at + 2] == '"':
            cell, at = cell + char, at + 1
        elif char == '"':
            is_quoted = not is_quoted
        elif char == delimiter and not is_quoted:
            cells.append(cell)
            cell = ""
        else:
            cell += char
        at += 1
    return [*cells, cell]


def scalar(written: str, decimal: str = ".") -> object:
    """Return the number that a text says, the text if it says none, `MISSING` if it is empty."""
    if not written:
        return MISSING
    if _WHOLE.fullmatch(written):
        return int(written)
    number = written.replace(decimal, ".") if decimal != "." and "." not in written else written
    if _NUMBER.fullmatch(number):
        return float(number)
    return _WORDS.get(written.lower(), written)
