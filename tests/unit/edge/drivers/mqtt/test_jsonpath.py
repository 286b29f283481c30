"""JSON paths: what they parse to, what they find, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.drivers.broker.rows import MISSING
from edge.drivers.mqtt.jsonpath import parse, walk

names = st.text(min_size=1).filter(lambda name: not set(name) & set("'\"[]") and name.isprintable())
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$", ()),
        ("$.w", ("w",)),
        ("$.a.b[0].c", ("a", "b", 0, "c")),
        ("$[2][10]", (2, 10)),
        ("$.oil-temp_1.°C", ("oil-temp_1", "°C")),
        ("$['odd.name'].x", ("odd.name", "x")),
        ('$["with space"][0]', ("with space", 0)),
        ("$['7']", ("7",)),
    ],
)
def test_a_path_is_read_as_its_steps(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize(
    "text", ["", "a", ".a", "$a", "$.", "$..a", "$.*", "$[*]", "$[-1]", "$[1:2]", "$[?(@.a)]", "$.a b", "$['']", "$.a["]
)
def test_what_is_no_path_to_one_value_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"write \$ for the whole message"):
        parse(text)


@settings(deadline=None)
@given(st.lists(names | st.integers(0, 99)))
def test_any_names_and_positions_can_be_written(path: list[str | int]) -> None:
    text = "$" + "".join(f"[{step}]" if isinstance(step, int) else f"['{step}']" for step in path)
    assert parse(text) == tuple(path)


@settings(deadline=None)
@given(st.text())
def test_no_text_crashes_the_parser(text: str) -> None:
    try:
        parse(text)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$.motor.temp", 71.5),
        ("$.axes[1].load", 0.4),
        ("$.axes[2].load", MISSING),
        ("$.motor[0]", MISSING),
        ("$.axes.load", MISSING),
        ("$.note", None),
        ("$.note.deeper", MISSING),
        ("$['a.b']", 1),
        ("$.motor.temp.deeper", MISSING),
    ],
)
def test_a_path_finds_its_value_or_says_that_there_is_none(path: str, found: object) -> None:
    document = {"motor": {"temp": 71.5}, "axes": [{"load": 0.3}, {"load": 0.4}], "note": None, "a.b": 1}
    assert walk(document, parse(path)) is found or walk(document, parse(path)) == found


@settings(deadline=None)
@given(documents, st.lists(st.text(max_size=3) | st.integers(0, 3), max_size=4))
def test_walking_never_fails(document: object, path: list[str | int]) -> None:
    walk(document, tuple(path))
