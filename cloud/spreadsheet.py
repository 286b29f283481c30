"""Owns what a CSV file may hold: nothing that a spreadsheet would take for a formula."""

# OWASP, CSV injection: with these a cell begins to compute; a number is one, sign and all
_BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")


def harmless(value: object) -> object:
    """Return a cell's value so that no spreadsheet computes it; numbers stay numbers."""
    if not isinstance(value, str) or len(value) < 2 or not value.startswith(_BEGINNINGS):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value
