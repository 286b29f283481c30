"""What a tag is called that a path with wildcards found."""

import pytest
from asyncua import ua

from edge.drivers.opcua.browsing import Place
from edge.drivers.opcua.config import Browse
from edge.drivers.opcua.discovery import tag_name


@pytest.mark.parametrize(
    ("path", "names", "tag"),
    [
        ("Objects/Press/Temps/*", ["2:Press", "2:Temps", "2:Oil"], "Oil"),
        ("Press/Temps/*", ["2:Press", "2:Temps", "2:Oil"], "Oil"),
        ("Objects/Press/Temps/**", ["2:Press", "2:Temps", "2:Zones", "2:A"], "Zones_A"),
        ("Objects/*/Temps/Oil", ["2:Press", "2:Temps", "2:Oil"], "Press_Temps_Oil"),
        ("Objects/**/Oil", ["2:Press", "3:Temps", "2:Oil"], "Press_Temps_Oil"),
        ("Objects/Press/Oil", ["2:Press", "2:Oil"], "Oil"),
        ("Objects/*", ["2:a:b"], "a:b"),
        ("Objects/*", ["2:two\nlines"], "two_lines"),
    ],
)
def test_a_found_tag_is_called_by_what_stands_below_the_wildcard(path: str, names: list[str], tag: str) -> None:
    place = Place(ua.NodeId("x", 2), tuple(names), is_variable=True, browse_name=names[-1].partition(":")[2])
    assert tag_name(place, Browse(path=path, prefix="")) == tag
    assert tag_name(place, Browse(path=path, prefix="p_")) == f"p_{tag}"


def test_a_name_is_cut_to_what_the_wire_takes() -> None:
    place = Place(ua.NodeId("x", 2), ("2:" + "x" * 500,), is_variable=True, browse_name="x")
    assert len(tag_name(place, Browse(path="Objects/*", prefix="p_"))) == 200
