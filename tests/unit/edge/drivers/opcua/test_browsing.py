"""Levels of a path, and which names a pattern fits."""

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.browsing import Place, fits, split

LEVELS = st.lists(st.text(min_size=1, max_size=10), max_size=6)


def place(name: str, index: int = 2) -> Place:
    return Place(ua.NodeId(name, index), ("2:Press", f"{index}:{name}"), is_variable=True, browse_name=name)


@given(LEVELS)
def test_a_path_is_split_where_it_was_joined_whatever_the_names_hold(levels: list[str]) -> None:
    path = "/".join(level.replace("&", "&&").replace("/", "&/") for level in levels)
    assert split(path) == levels


@pytest.mark.parametrize("path", ["", "/", "//", "&"])
def test_a_path_without_names_has_no_levels(path: str) -> None:
    assert split(path) == []


@pytest.mark.parametrize(
    ("name", "level", "does"),
    [
        ("Oil", "Oil", True),
        ("Oil", "oil", False),
        ("Oil", "*", True),
        ("Oil", "O*", True),
        ("Oil", "?il", True),
        ("Oil", "?l", False),
        ("Oil", "2:Oil", True),
        ("Oil", "3:Oil", False),
        ("Oil", "2:*", True),
        ("Oil", "2:", False),
        ("a:b", "a:b", True),
        ("Zones[1]", "Zones[1]", True),
        ("Zones[1]", "Zones[*]", True),
        ("Zones1", "Zones[1]", False),
        ("T.1", "T.?", True),
        ("TX1", "T.1", False),
        ("two\nlines", "two*", True),
    ],
)
def test_a_name_fits_a_pattern_letter_by_letter_but_for_its_wildcards(name: str, level: str, does: bool) -> None:
    assert fits(place(name), level) is does


@given(st.text(min_size=1).filter(lambda name: not set(name) & set("*?:")))
def test_every_name_fits_itself(name: str) -> None:
    assert fits(place(name), name)
