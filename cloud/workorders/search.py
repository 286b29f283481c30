"""Owns how a search for any part of a code is said to PostgreSQL. Pure.

The column holds every end of every word, so whatever begins one of them is a part of a word: a prefix search, which
an index answers. Letters are folded by the database's `search_fold`, on both sides: i, ı, İ and I are one.
"""


def any_part_of(text: str) -> str:
    """Return the tsquery for rows of which some word holds each word of the text; empty for a text without words.

    Args:
        text: As typed; words are separated by white space.
    """
    return " & ".join(f"{_quoted(word)}:*" for word in text.split())


def _quoted(word: str) -> str:
    # a tsquery's own quoting (PostgreSQL, 8.11.2): quotes and backslashes are doubled
    return "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
