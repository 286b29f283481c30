"""What `top` shows: a gateway on one screen of a terminal, from what its page's server says; pure."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

_STYLES = {
    "ok": "green",
    "up": "green",
    "good": "green",
    "degraded": "yellow",
    "connecting": "yellow",
    "stopping": "yellow",
    "uncertain": "yellow",
    "silent": "yellow",
}
_PROBLEMS = 3
# of what is left of the screen, devices get at most half
_HEAD_LINES, _TABLE_HEADS = 3, 3
Document = dict[str, Any]


def screen(status: Document, tags: Document, width: int, height: int) -> RenderableType:
    """Return one screen.

    Args:
        status: Of /api/status.
        tags: Of /api/tags; as many as there is room for are shown.
        width: Columns of the terminal.
        height: Its lines; nothing returned is longer.
    """
    problems = [Text(f"! {problem}", "yellow", no_wrap=True) for problem in status["problems"][:_PROBLEMS]]
    room = max(0, height - _HEAD_LINES - _TABLE_HEADS - len(problems) - 1)
    devices = [(connection, device) for connection in status["connections"] for device in connection["devices"]]
    shown = devices[: max(room // 2, room - len(tags["tags"]))]
    parts: list[RenderableType] = [_title(status), *_figures(status), *problems, _devices(shown, len(devices), width)]
    rest = tags["tags"][: room - len(shown)]
    if rest:
        parts.append(_tags(rest, tags, width))
    parts.append(Text("q quits, ↑ ↓ scroll tags" if width >= 30 else "q quits", "dim", no_wrap=True))
    return Group(*parts)


def span(seconds: float | None) -> str:
    """Write how long something is."""
    if seconds is None:
        return "never"
    for limit, unit, name in ((10, 1, "s"), (120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.1f} {name}" if limit == 10 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:.0f} d"


def value(tag: Document) -> str:
    """Write a tag's value."""
    number, text = tag["value"], tag["text"]
    if text is not None:
        return str(text)
    if number is None:
        return "-"
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 2**53 else f"{number:.7g}"


def _title(status: Document) -> Text:
    word = status["status"]
    return Text.assemble(
        (str(status["gateway"]), "bold"),
        f"  {status['site']}" if status["site"] else "",
        "  ",
        (word, _STYLES.get(word, "red")),
        f"  up {span(status['uptime_s'])}  {status['version']}",
        no_wrap=True,
    )


def _figures(status: Document) -> list[Text]:
    buffer, sync, rates = status["buffer"], status["sync"], status["rates"]
    read, kept, sent = (
        ("-", "-", "-") if rates is None else (f"{rates[key]:,.0f}" for key in ("taken", "buffered", "settled"))
    )
    drain = status["drain_s"]
    share = buffer["bytes"] / buffer["max_bytes"] if buffer["max_bytes"] else 0
    waiting = f"waiting {buffer['rows']:,}"
    if buffer["rows"]:
        waiting += f", oldest {span(buffer['oldest_age_s'])}, "
        waiting += "growing" if drain is None and rates is not None else f"empty in {span(drain)}" if drain else "sent"
    return [
        Text(f"read {read}/s  kept {kept}/s  sent {sent}/s", no_wrap=True),
        Text.assemble(
            "cloud ",
            (str(sync["state"]), _STYLES.get(sync["state"], "red")),
            f"  {waiting}  buffer {share:.1%}{_holds(buffer)}",
            no_wrap=True,
        ),
        *_destinations(status),
    ]


def _destinations(status: Document) -> Iterator[Text]:
    told = status.get("destinations", [])
    for each in told if len(told) > 1 else []:
        state = (str(each["state"]), _STYLES.get(each["state"], "red"))
        oldest = (
            f", oldest {span(each['oldest_age_s'])}" if each["waiting"] and each["oldest_age_s"] is not None else ""
        )
        yield Text.assemble(f"to {each['name']} ", state, f"  waiting {each['waiting']:,}{oldest}", no_wrap=True)


def _holds(buffer: Document) -> str:
    hours = buffer.get("left_h")
    # without the cloud, and short: a line of eighty columns holds it
    return "" if hours is None else f", room for {span(hours * 3600)}"


def _devices(shown: list[tuple[Document, Document]], total: int, width: int) -> Table:
    more = "" if len(shown) == total else f" ({len(shown)} of {total})"
    table = Table(f"device{more}", "connection", "state", box=None, pad_edge=False, width=width, header_style="bold")
    for name in ("good", "bad", "silent", "age"):
        table.add_column(name, justify="right")
    for connection, device in shown:
        silent = device["tags"] - device["good"] - device["uncertain"] - device["bad"]
        state = Text(str(connection["state"]), _STYLES.get(connection["state"], "red"))
        bad, still = Text(str(device["bad"] or ""), "red"), Text(str(silent or ""), "yellow")
        names = (_cut(device["name"]), _cut(connection["name"]))
        table.add_row(*names, state, str(device["good"] + device["uncertain"]), bad, still, span(device["age_s"]))
    return table


def _tags(shown: list[Document], tags: Document, width: int) -> Table:
    first = tags["offset"] + 1
    head = f"tag ({first}-{first + len(shown) - 1} of {tags['total']})"
    table = Table(head, box=None, pad_edge=False, width=width, header_style="bold")
    table.add_column("value", justify="right")
    for column in ("unit", "quality"):
        table.add_column(column)
    table.add_column("age", justify="right")
    for tag in shown:
        quality = Text(tag["quality"], _STYLES.get(tag["quality"], "red"), no_wrap=True, overflow="ellipsis")
        name, unit = _cut(f"{tag['device']}.{tag['tag']}"), _cut(tag["unit"])
        table.add_row(name, _cut(value(tag)), unit, quality, span(tag["age_s"]))
    return table


def _cut(text: str) -> Text:
    return Text(text, no_wrap=True, overflow="ellipsis")
