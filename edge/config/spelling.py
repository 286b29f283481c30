"""What the author probably meant: the nearest of the words that stand to choice; pure."""

from collections.abc import Iterable
from difflib import get_close_matches

# beyond this many words a list of them explains nothing
_LISTED = 16


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the word most like `word`, or None if none is near."""
    by_lower = {known.lower(): known for known in words}
    # 0.6: one or two slips in a short key, and no guess for a word of another kind
    matches = get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[matches[0]] if matches else None


def one_of(word: str, words: Iterable[str]) -> str:
    """Return how a message about an unknown word goes on: with the nearest one, or with all if they are few."""
    known = sorted(set(words))
    meant = nearest(word, known)
    if meant is not None:
        return f'did you mean "{meant}"?'
    if not known:
        return "there are none"
    if len(known) > _LISTED:
        return f"expected one of {', '.join(known[:_LISTED])}, .."
    return f"expected {'one of ' if len(known) > 1 else ''}{', '.join(known)}"
