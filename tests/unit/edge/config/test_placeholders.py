from hypothesis import given
from hypothesis import strategies as st

from edge.config.placeholders import fill, placeholders

words = st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True)
pieces = st.one_of(st.text("ab {}/$.0", max_size=6), words.map(lambda word: f"{{{word}}}"))
texts = st.lists(pieces, max_size=5).map("".join)
trees = st.recursive(texts | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(words, inner), max_leaves=8)


@given(trees, st.dictionaries(words, st.text("xy", max_size=3)))
def test_every_word_with_a_value_is_filled_and_every_other_stays(tree: object, values: dict[str, str]) -> None:
    filled = fill(tree, values)
    assert placeholders(filled) == placeholders(tree) - values.keys()
    assert fill(tree, {}) == tree


def test_what_is_no_word_in_braces_is_left_alone() -> None:
    for text in ("scale-{2}", "$.a{}", "${env:NAME}", "{", "}{", "{two words}"):
        assert fill(text, {"2": "x", "": "x", "env": "x", "two words": "x"}) == text
        assert placeholders(text) == set()


def test_a_value_is_not_filled_again() -> None:
    assert fill("{a}{b}", {"a": "{b}", "b": "{a}"}) == "{b}{a}"
