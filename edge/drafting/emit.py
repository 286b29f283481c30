"""Values as YAML text, the way a person would write a configuration: short, on one line, plain where safe; pure."""

import re
from collections.abc import Mapping, Sequence

# a plain scalar that no reader of YAML, 1.1 or 1.2, takes for anything but this text; a name or an address
_PLAIN = re.compile(r"[A-Za-z_/][\w./@+-]*(?: [\w./@+-]+)*(?::[\w/.@+-]+)*|\d{1,3}(?:\.\d{1,3}){3}")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_WIDTH = 110


def scalar(value: object) -> str:
    """Write one value; a text that could be read as anything else is quoted."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case None:
            return "null"
        case _:
            text = str(value)
            is_plain = _PLAIN.fullmatch(text) is not None and text.lower() not in _WORDS
            return text if is_plain else f'"{"".join(map(_quoted, text))}"'


def flow(value: object) -> str:
    """Write a value on one line, as `{a: 1, b: [x, y]}`."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def block(value: Mapping[str, object], indent: int = 0) -> list[str]:
    """Write a mapping as lines, each entry on one if it fits."""
    lines = []
    for key, inner in value.items():
        start = f"{' ' * indent}{scalar(key)}:"
        line = f"{start} {flow(inner)}"
        if isinstance(inner, Mapping) and inner and ((indent == 0 and _is_nested(inner)) or len(line) > _WIDTH):
            lines += [start, *block(inner, indent + 2)]
        else:
            lines.append(line)
    return lines


def literal(value: object) -> object:
    """Keep texts from being read as references: `${` in what a machine says is not ours to look up."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, Mapping):
        return {literal(key): literal(inner) for key, inner in value.items()}
    if isinstance(value, Sequence):
        return [literal(inner) for inner in value]
    return value


def remark(text: str) -> str:
    """Write a text as what stands behind `#`, on one line; empty for none."""
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return f"   # {words[:100]}" if words else ""


def _quoted(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"


def _is_nested(value: Mapping[str, object]) -> bool:
    return any(isinstance(inner, Mapping) for inner in value.values())
