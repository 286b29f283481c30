"""Rebirth requests: each node now and then, never all at once, and none after the birth."""

from edge.drivers.sparkplug.asking import Asking
from edge.drivers.sparkplug.nodes import Source

A, B = Source("g", "a"), Source("g", "b")


def test_a_node_is_asked_at_once_and_then_not_before_its_time() -> None:
    asking = Asking(30.0, 0.1)
    asking.want(A, 100.0)
    assert asking.due(100.0) == A
    asking.want(A, 101.0)
    assert asking.due(101.0) is None
    assert asking.due_in_s(101.0) == 29.0
    assert asking.due(130.0) == A, "it never answered"
    asking.born(A)
    assert (asking.due(200.0), asking.due_in_s(200.0)) == (None, None)
    asking.want(A, 131.0)
    assert asking.due_in_s(131.0) == 29.0, "a node that loses messages all the time is not asked all the time"


def test_many_nodes_are_asked_one_after_the_other() -> None:
    asking = Asking(30.0, 0.1)
    asking.want(A, 0.0)
    asking.want(B, 0.0)
    assert asking.due(0.0) == A
    assert asking.due(0.05) is None
    assert asking.due(0.1) == B
    asking.forget()
    assert asking.due_in_s(0.1) is None
