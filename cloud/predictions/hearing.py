"""Owns whether a model still hears of a machine what it learned from, at an instant: silence is not calm.

Stops, alarms, counts, telemetry and job logs come by imports or by gateways. Of a machine that told of alarms in March
and tells of nothing since, a model would take it that it has none; and of one whose gateway died the last state goes on
for ever. By which time anything was heard is read from what was told, with when, and not from what is known of gateways
today: whoever asks as of then gets the same answer for good.
"""

import uuid
from collections.abc import Collection, Mapping

from cloud.predictions.history import HOUR

# a weekend, or an import every night of which one failed
HOURS = 48
# by which kind of rows each group of features is told
KINDS: Mapping[str, str] = {
    "alarms": "alarms",
    "work": "work",
    "quality": "work",
    "telemetry": "telemetry",
    "jobs": "jobs",
    "operators": "jobs",
}

Heard = Mapping[str, Mapping[uuid.UUID, int]]
"""By kind and machine until when it was heard, microseconds; a machine that never told of it is left out."""


def is_silent(heard: Heard, machine_id: uuid.UUID, at: int) -> bool:
    """Whether nobody tells any more when a machine stood: whatever is said of it is what it once was."""
    return _is_over(heard, "stops", machine_id, at)


def is_blind(heard: Heard, machine_id: uuid.UUID, groups: Collection[str], at: int) -> bool:
    """Whether a model that looks at these groups of features hears no more of one that a machine told of."""
    kinds = {KINDS[each] for each in groups if each in KINDS}
    return any(_is_over(heard, kind, machine_id, at) for kind in kinds)


def latest(*heard: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, int]:
    """Return until when each machine was heard, by whichever way."""
    found: dict[uuid.UUID, int] = {}
    for way in heard:
        for machine_id, until in way.items():
            found[machine_id] = max(until, found.get(machine_id, until))
    return found


def _is_over(heard: Heard, kind: str, machine_id: uuid.UUID, at: int) -> bool:
    return at - heard.get(kind, {}).get(machine_id, at) > HOURS * HOUR
