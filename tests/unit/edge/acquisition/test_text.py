from hypothesis import given
from hypothesis import strategies as st

from edge.acquisition.text import clean, words
from shared.wire.batch import MAX_TEXT

anything = st.text(st.characters(exclude_categories=()) | st.sampled_from("\0\ud800é€😀"), max_size=50)


@given(anything, st.integers(1, 3000))
def test_clean_text_fits_the_wire_and_postgresql(text: str, times: int) -> None:
    cleaned = clean(text * times)
    assert len(cleaned.encode("utf-8")) <= MAX_TEXT
    assert "\0" not in cleaned


@given(st.text(max_size=50).filter(lambda text: "\0" not in text))
def test_sound_text_stays_as_it_is(text: str) -> None:
    assert clean(text) == text


def test_a_cut_falls_between_characters() -> None:
    assert clean("é" * MAX_TEXT) == "é" * (MAX_TEXT // 2)
    assert clean("x" + "€" * MAX_TEXT).endswith("€")


def test_nul_and_lone_surrogates_leave_a_mark() -> None:
    assert clean("a\0b\udc80") == "a\ufffdb\ufffd"


@given(anything)
def test_words_are_one_printable_line(text: str) -> None:
    line = words(text * 20)
    assert len(line) <= 500
    assert line.isprintable()
