"""The doctor's look at the machine's clock, and whether anything keeps it right."""

import ctypes
import os
import sys
from collections.abc import Callable

from edge.doctor.diagnosis import Section
from edge.drivers.inspection import Finding, Severity

# adjtimex(2): the status bit, and what it returns when the clock is not synchronised
_STA_UNSYNC = 0x0040
_TIME_ERROR = 5


class _Timex(ctypes.Structure):
    """The beginning of `struct timex`; the kernel writes some 200 bytes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_clock() -> tuple[bool, float] | None:
    """Return whether Linux calls its clock synchronised and its largest error, seconds; None if it cannot be asked."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        told = _Timex()
        state = libc.adjtimex(ctypes.byref(told))
    except (OSError, AttributeError):
        return None
    if state < 0:
        return None
    return state != _TIME_ERROR and not told.status & _STA_UNSYNC, told.maxerror / 1e6


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
