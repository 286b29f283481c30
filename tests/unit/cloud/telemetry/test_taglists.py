"""The lists of tags that are remembered."""

import msgspec
import pytest

from cloud.telemetry.taglists import TagLists
from shared.reading import Tag


def section(*names: str) -> bytes:
    return msgspec.json.encode([Tag("press", name) for name in names])


def test_the_same_bytes_give_the_very_same_list_and_others_another():
    lists = TagLists()
    first = lists.read(section("a", "b"))
    assert first == [Tag("press", "a"), Tag("press", "b")]
    assert lists.read(section("a", "b")) is first
    assert lists.read(section("a")) == [Tag("press", "a")]


def test_what_was_used_longest_ago_is_forgotten_first():
    lists = TagLists(max_bytes=2 * len(section("a")))
    a, b = lists.read(section("a")), lists.read(section("b"))
    assert lists.read(section("a")) is a
    lists.read(section("c"))
    assert lists.read(section("a")) is a
    assert lists.read(section("b")) is not b


def test_a_list_larger_than_the_memory_is_read_all_the_same():
    lists = TagLists(max_bytes=1)
    assert lists.read(section("a")) == lists.read(section("a")) == [Tag("press", "a")]


def test_what_is_no_list_is_refused_each_time():
    lists = TagLists()
    for _ in range(2):
        with pytest.raises(msgspec.ValidationError):
            lists.read(b'[{"device": 7}]')
