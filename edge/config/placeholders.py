"""Placeholders of templates: `{word}` within a text, and what takes its place for one device; pure."""

import re
from collections.abc import Mapping
from typing import Any

# {1} and {2} are a driver's own, such as the captures of a topic
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")


def fill(value: Any, values: Mapping[str, str]) -> Any:
    """Put values where a template names them, in any text within `value`; a word without a value stays as it is."""
    if isinstance(value, str):
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), value) if "{" in value else value
    if isinstance(value, dict):
        return {key: fill(inner, values) for key, inner in value.items()}
    return [fill(inner, values) for inner in value] if isinstance(value, list) else value


def placeholders(value: Any) -> set[str]:
    """Return the words that stand in braces in any text within `value`."""
    if isinstance(value, str):
        return set(_PLACEHOLDER.findall(value))
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {word for part in inner for word in placeholders(part)}
