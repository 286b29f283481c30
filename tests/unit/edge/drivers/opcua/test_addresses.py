"""What a configured address means on a server, and back."""

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.opcua.addresses import lasting, resolve
from edge.drivers.opcua.config import node_id

BASE = "http://opcfoundation.org/UA/"
URIS = st.lists(
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=["Cc"]), min_size=1, max_size=30),
    min_size=1,
    max_size=5,
    unique=True,
).filter(lambda uris: BASE not in uris)
NAMES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_categories=["Cc"]), min_size=1)


@pytest.mark.parametrize(
    "text", ["i=2258", "ns=3;s=Press.Force", "ns=2;i=7", "ns=1;g=09087e75-8e5e-499b-954f-f2a9603db28a"]
)
def test_an_index_means_itself_whatever_the_namespaces(text: str) -> None:
    assert resolve(text, []) == resolve(text, [BASE, "urn:x"]) == ua.NodeId.from_string(text)


def test_a_uri_is_found_at_whichever_index_and_nowhere_if_the_server_has_none() -> None:
    text = "nsu=urn:plant:press;s=Force"
    assert resolve(text, [BASE, "urn:plant:press"]) == ua.NodeId("Force", 1)
    assert resolve(text, [BASE, "urn:new", "urn:plant:press"]) == ua.NodeId("Force", 2)
    assert resolve(text, [BASE, "urn:plant:press:2"]) is None


def test_a_semicolon_or_equals_sign_in_a_name_is_part_of_it() -> None:
    node = resolve('nsu=urn:s7;s="Press"."a;b=c"', [BASE, "urn:s7"])
    assert node == ua.NodeId('"Press"."a;b=c"', 1)


@given(URIS, NAMES, st.data())
def test_what_browse_writes_leads_back_to_the_node_also_after_the_namespaces_moved(
    uris: list[str], name: str, data: st.DataObject
) -> None:
    namespaces = [BASE, *uris]
    node = ua.NodeId(name, data.draw(st.integers(1, len(uris))))
    text = lasting(node, namespaces)
    assert node_id(text) == text, "the configuration takes it"
    assert resolve(text, namespaces) == node
    moved = [BASE, "urn:moved:in:between", *uris]
    assert resolve(text, moved) == ua.NodeId(name, node.NamespaceIndex + 1)


def test_a_node_of_the_protocol_or_of_an_index_without_a_uri_keeps_its_index() -> None:
    assert lasting(ua.NodeId(2258, 0), [BASE]) == "i=2258"
    assert lasting(ua.NodeId("x", 7), [BASE]) == "ns=7;s=x"
