"""Owns when a login has failed too often, or a refresh token was used too late: on numbers and times only."""

from datetime import datetime, timedelta

# ten guesses in a quarter of an hour leave a password of eight letters safe for millennia (NIST SP 800-63B, 5.2.2)
ACCOUNT_LIMIT = 10
# a plant's users share one address
ADDRESS_LIMIT = 100
WINDOW = timedelta(minutes=15)


def wait_s(failures: int, since: datetime, limit: int, now: datetime) -> float:
    """Return how long an account or address must wait, 0 when it may try.

    Args:
        failures: Failed logins since the window began.
        since: When the window began, UTC.
        limit: Failures it may have in one window.
        now: UTC.
    """
    if failures < limit:
        return 0.0
    return max(0.0, (since + WINDOW - now).total_seconds())


# an answer lost on the way is asked for again within seconds; a thief comes later (RFC 9700, 4.14.2)
REFRESH_GRACE = timedelta(seconds=10)


def is_repeat(used_at: datetime, now: datetime) -> bool:
    """Return whether a refresh token that was used already comes again because its answer was lost."""
    return now - used_at <= REFRESH_GRACE
