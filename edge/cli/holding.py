"""How the command line shows people what the buffer holds; pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

_MOST_TAGS = 5


def stat_lines(found: dict[str, Any], now_us: int) -> Iterator[str]:
    """Yield what `buffer stat` says, line by line."""
    yield f"gateway      {found['gateway'] or 'not known yet'}, epoch {found['epoch'] or 'not known yet'}"
    yield (
        f"waiting      {found['readings']} readings in {found['batches']} batches, {found['bytes'] / 1e6:.1f} MB; "
        f"{found['unsealed_commits']} commits not sealed yet"
    )
    for name, lane in found["lanes"].items():
        if lane["batches"]:
            yield f"  {name:<10} {lane['readings']} readings in {lane['batches']} batches, {lane['bytes'] / 1e6:.1f} MB"
    told = found.get("destinations", {})
    for name, owed in told.items() if len(told) > 1 else ():
        since = "" if owed["oldest_us"] is None else f", the oldest of {_time(owed['oldest_us'])}"
        yield f"  for {name}: {owed['readings']} readings in {owed['batches']} batches{since}"
    if found["oldest_us"] is not None:
        yield f"oldest       {_time(found['oldest_us'])}, {_span((now_us - found['oldest_us']) / 1e6)} ago"
    if found["alive_us"]:
        yield f"last alive   {_time(found['alive_us'])}"
    since = f", the first since {_time(found['quarantined_since_us'])}" if found["quarantined"] else ""
    yield f"quarantine   {found['quarantined']} entries{since}"


def entry_lines(entry: dict[str, Any]) -> Iterator[str]:
    """Yield what `buffer quarantine list` says of an entry, line by line."""
    yield f"{entry['n']}  {_time(entry['set_us'])}  {entry['reason']}"
    if "unreadable" in entry:
        yield f"    {entry['bytes']} bytes that cannot be read: {entry['unreadable']}"
        return
    tags = entry["tags"]
    more = f" and {len(tags) - _MOST_TAGS} more" if len(tags) > _MOST_TAGS else ""
    what = f"{entry['readings']} readings" + (f", {entry['gaps']} gaps" if entry["gaps"] else "")
    span = f"{_time(entry['oldest_us'])} .. {_time(entry['newest_us'])}"
    yield f"    {what}  {span}  {', '.join(tags[:_MOST_TAGS])}{more}"


def _time(us: int) -> str:
    return datetime.fromtimestamp(us / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{max(0.0, seconds):.0f} s"
