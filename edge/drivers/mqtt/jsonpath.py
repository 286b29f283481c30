"""The JSON path of a tag: parsed once from the configuration, walked once a message; pure.

Taken are the root, members and positions: `$`, `$.motor.temp`, `$.axes[0].load`, `$['odd.name']`.
Wildcards, slices and filters are refused: a tag has one value.
"""

import re

from edge.drivers.broker.rows import MISSING

Path = tuple[str | int, ...]


_STEP = re.compile(r"""\.([^.\[\]'"*\s]+)|\[(\d{1,9})\]|\['([^']+)'\]|\["([^"]+)"\]""")


def parse(text: str) -> Path:
    """Read a path as its steps: a name for a member, a number for a position in an array.

    Raises:
        ValueError: It is not a path of the kinds above.
    """
    steps: list[str | int] = []
    at = 1 if text.startswith("$") else 0
    while at and at < len(text):
        step = _STEP.match(text, at)
        if step is None:
            break
        name, position, *quoted = step.groups()
        steps.append(int(position) if position else name or next(filter(None, quoted)))
        at = step.end()
    if not at or at < len(text):
        raise ValueError(
            f"{text!r} is not a JSON path that is understood from position {at} on; write $ for the whole "
            "message, $.name for a member, $.list[0] for a position, $['odd name'] for other names"
        )
    return tuple(steps)


def walk(document: object, path: Path) -> object:
    """Return what stands at a path of a decoded JSON document, or `MISSING`."""
    node = document
    for step in path:
        if isinstance(step, str):
            node = node.get(step, MISSING) if isinstance(node, dict) else MISSING
        else:
            node = node[step] if isinstance(node, list) and step < len(node) else MISSING
    return node
