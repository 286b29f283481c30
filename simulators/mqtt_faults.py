"""What faults do to the messages of simulated MQTT machines before they go out; pure."""

import json
import math
from collections.abc import Collection, Mapping

from simulators.faults import Fault

# messages of QoS 0 that a machine adds to each of its own in a storm
STORM = 200
# what a clock that lost its battery counts from: 2000-01-01, milliseconds since 1970
_RESET_MS = 946_684_800_000
# of a message that is cut short, this many bytes arrive
_CUT = 20
# faults in which what is said is not what the machine shows, so that nothing may be entered in the ledger
_LIES = frozenset({Fault.STALL, Fault.WRONG_TYPE, Fault.NAN, Fault.MALFORMED, Fault.CLOCK_RESET})


def is_truthful(faults: Collection[Fault]) -> bool:
    """Tell whether what a machine says under these faults is what it shows."""
    return not _LIES.intersection(faults)


def messages(t_ms: int, values: Mapping[str, float | int], faults: Collection[Fault]) -> list[tuple[bytes, int]]:
    """Return what goes out instead of one message, payload and quality of service, the message itself first.

    Args:
        t_ms: Its time, milliseconds since 1970.
        values: Name to number; floats are those that may be NaN.
        faults: What holds for the machine.
    """
    if Fault.STALL in faults:
        return []
    if Fault.CLOCK_RESET in faults:
        t_ms = _RESET_MS + t_ms % 86_400_000
    said: dict[str, object] = dict(values)
    if Fault.NAN in faults:
        said |= {name: math.nan for name, value in values.items() if isinstance(value, float)}
    if Fault.WRONG_TYPE in faults:
        said = {name: {"value": value} for name, value in said.items()}
    payload = json.dumps({"t": t_ms, **said}).encode()
    if Fault.MALFORMED in faults:
        payload = payload[:_CUT]
    copies = [(payload, 1)] * (2 if Fault.DUPLICATE in faults else 1)
    return copies + [(payload, 0)] * (STORM if Fault.STORM in faults else 0)
