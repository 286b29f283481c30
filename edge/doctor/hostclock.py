"""The doctor's look at the machine's clock, and whether anything keeps it right."""

import os
from collections.abc import Callable

from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Finding, Severity
from edge.kernelclock import kernel_clock


def examine(ask: Callable[[], tuple[bool, float] | None] = kernel_clock) -> Section:
    """Look at the clock; changes nothing."""
    told = ask()
    if told is None:
        return Section("clock", [], [("synchronised", f"cannot be asked here ({os.name})")])
    is_synchronised, error_s = told
    if is_synchronised:
        return Section("clock", [], [("synchronised", f"yes, to {error_s * 1e3:.0f} ms at most")])
    message = (
        "nothing keeps this machine's clock: it drifts by seconds a day, and with it the time of every Modbus reading"
    )
    fix = "install chrony (or enable systemd-timesyncd) and give it the plant's NTP server; `timedatectl` then says so"
    return Section("clock", [Finding(Severity.WARNING, "clock", message, fix)], [("synchronised", "no")])
