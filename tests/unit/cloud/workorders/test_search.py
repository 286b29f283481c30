"""What a search is to PostgreSQL."""

from cloud.workorders.search import any_part_of


def test_every_word_is_the_beginning_of_a_words_end():
    assert any_part_of("  izmir  kapak ") == "'izmir':* & 'kapak':*"


def test_what_a_query_would_take_for_itself_is_quoted():
    assert any_part_of("a'b\\c & !") == "'a''b\\\\c':* & '&':* & '!':*"


def test_nothing_asks_for_nothing():
    assert any_part_of(" \t") == ""
