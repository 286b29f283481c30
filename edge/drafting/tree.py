"""What was found on a connection, shown as a tree; pure."""

from collections import Counter
from collections.abc import Iterable

from rich.text import Text
from rich.tree import Tree

from edge.drivers.inspection import Found


def tree(name: str, found: Iterable[Found]) -> Tree:
    """Return a tree of everything found; what could become a tag shows its value and what it is."""
    root = Tree(Text(name, style="bold"), guide_style="dim")
    branches: dict[tuple[str, ...], Tree] = {(): root}
    items = list(found)
    shared = Counter(tuple(item.path) for item in items)
    for item in items:
        path = tuple(item.path)
        if shared[path] > 1:
            # several values in one place, such as the fields of a message
            path = (*path, item.name)
        for depth in range(1, len(path)):
            part = path[:depth]
            if part not in branches:
                branches[part] = branches[part[:-1]].add(Text(part[-1]))
        label = _label(item, path[-1] if path else item.name)
        if path in branches:
            branches[path].label = label
        else:
            branches[path] = branches[path[:-1]].add(label)
    return root


def _label(item: Found, name: str) -> Text:
    text = Text(name)
    if item.value:
        text.append(f"  {item.value}", style="green")
    if item.tag_options:
        where = ", ".join(f"{key}: {value}" for key, value in item.tag_options.items())
        text.append(f"  {where}", style="cyan")
    if item.note:
        text.append(f"  {item.note}", style="dim")
    return text
