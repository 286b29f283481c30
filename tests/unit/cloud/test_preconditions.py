"""Which version of a resource somebody saw."""

import pytest
from pydantic import BaseModel

from cloud import preconditions
from cloud.errors import PreconditionFailed
from cloud.preconditions import Seen, tag_of, tags_in


class Thing(BaseModel):
    id: int
    note: str = ""


def test_a_tag_is_of_what_is_shown_and_changes_with_it():
    assert tag_of(Thing(id=1)) == tag_of(Thing(id=1, note=""))
    assert tag_of(Thing(id=1)) != tag_of(Thing(id=1, note="x"))
    assert tag_of(Thing(id=1)).startswith('"')
    assert tag_of(Thing(id=1)).endswith('"')


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        (None, None),
        ("*", {"*"}),
        (' "a" , "b"', {'"a"', '"b"'}),
        ('W/"a"', {'"a"'}),
        ("nonsense", set()),
    ],
)
def test_a_header_lists_tags(header, tags):
    assert tags_in(header) == tags


def test_who_saw_the_current_version_or_named_none_goes_on():
    thing = Thing(id=1)
    for seen in (preconditions.WHICHEVER, Seen(tags_in(tag_of(thing))), Seen(tags_in("*"))):
        seen.require(thing)


def test_who_saw_another_version_is_stopped_and_told_the_current_tag():
    with pytest.raises(PreconditionFailed) as caught:
        Seen(tags_in(tag_of(Thing(id=1)))).require(Thing(id=1, note="changed"))
    assert caught.value.headers["ETag"] == tag_of(Thing(id=1, note="changed"))
    assert caught.value.status == 412


def test_a_header_that_names_no_tag_is_met_by_nothing():
    with pytest.raises(PreconditionFailed):
        Seen(tags_in("nonsense")).require(Thing(id=1))
