"""Plain YAML scalars as YAML 1.2 reads them (core schema), so that `on` and `off` stay words."""

import re

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEAN = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# numbers with leading zeros stay text, so that a serial number keeps them; 40 digits are beyond every type we know
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,39})")
_RADIX = re.compile(r"0o[0-7]{1,40}|0x[0-9a-fA-F]{1,40}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")

Scalar = str | int | float | bool | None


def plain(text: str) -> Scalar:
    """Read a scalar that was written without quotes.

    Infinities and not-a-number stay text: no setting means them.
    """
    if text in _NULL:
        return None
    if text in _BOOLEAN:
        return _BOOLEAN[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _RADIX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def looked_up(text: str) -> str | int:
    """Read what a reference stands for: a whole number if it can be written back unchanged, else text.

    Everything else a setting may want (fractions, switches, durations) its model reads from text, and a
    password of digits with a leading zero stays what it is.
    """
    if _INTEGER.fullmatch(text) and str(int(text)) == text:
        return int(text)
    return text
