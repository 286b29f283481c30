"""What Linux says of its own clock: whether somebody keeps it right."""

import ctypes
import sys

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


def is_synchronised() -> bool:
    """Tell whether somebody is known to keep this machine's clock right."""
    told = kernel_clock()
    return told is not None and told[0]
