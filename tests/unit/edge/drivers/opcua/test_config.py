"""What an OPC UA connection and tag accept, and how they refuse."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.drivers.opcua.config import OpcUaConnection, OpcUaDevice, OpcUaTag, endpoint


def test_the_shortest_connection_has_sound_defaults() -> None:
    connection = OpcUaConnection.model_validate({"opcua": "opc.tcp://10.2.0.70"})
    assert connection.opcua == "opc.tcp://10.2.0.70:4840"
    assert (connection.timeout, connection.publishing_interval) == (4.0, 0.25)


def test_a_connection_reads_durations_with_their_units() -> None:
    connection = OpcUaConnection.model_validate(
        {"opcua": "opc.tcp://plc:4841/UA/Server", "timeout": "500ms", "publishing_interval": "1s"}
    )
    assert (connection.opcua, connection.timeout, connection.publishing_interval) == (
        "opc.tcp://plc:4841/UA/Server",
        0.5,
        1.0,
    )


@pytest.mark.parametrize("url", ["", "10.2.0.70:4840", "http://plc:4840", "opc.tcp://", "opc.tcp://plc:http"])
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        OpcUaConnection.model_validate({"opcua": url})


def test_a_password_in_the_endpoint_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="write it as `user:") as refused:
        endpoint("opc.tcp://mes:s3cret@plc:4840")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("security", [{}, {"security": {"policy": "None"}}])
def test_a_user_over_no_security_is_refused(security: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"add `security: \{policy: Basic256Sha256\}`"):
        OpcUaConnection.model_validate({"opcua": "opc.tcp://plc", "user": {"name": "mes", "password": "x"}, **security})


def test_security_and_user_are_read() -> None:
    connection = OpcUaConnection.model_validate(
        {
            "opcua": "opc.tcp://plc",
            "security": {"policy": "Aes256_Sha256_RsaPss", "mode": "Sign", "trust": "SHA256:" + "AB:" * 31 + "AB"},
            "user": {"name": "mes", "password": "x"},
            "survive_outage": "2min",
            "backfill": "history",
        }
    )
    assert connection.security is not None
    assert (connection.security.policy, connection.security.mode) == ("Aes256_Sha256_RsaPss", "Sign")
    assert connection.security.trust == ("sha256:" + "ab" * 32,)
    assert (connection.survive_outage, connection.backfill) == (120.0, "history")


@pytest.mark.parametrize("zero", [{"timeout": "0s"}, {"publishing_interval": "0s"}])
def test_a_time_of_nothing_is_refused(zero: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        OpcUaConnection.model_validate({"opcua": "opc.tcp://plc", **zero})


@pytest.mark.parametrize(
    "text",
    [
        "i=2258",
        "ns=3;s=Press.CycleCount",
        'ns=3;s="DB_Press"."Force"[1]',
        "ns=2;s=a;b=c",
        "ns=4;i=1001",
        "ns=4;g=09087e75-8e5e-499b-954f-f2a9603db28a",
        "ns=4;b=M/RbKBsRVkePCePcx24oRA==",
        "nsu=http://acme.com/press;s=Force",
        "s=Çevrim süresi",
    ],
)
def test_every_form_of_a_node_id_is_taken_as_it_is(text: str) -> None:
    assert OpcUaTag.model_validate({"node": text}).node == text


@pytest.mark.parametrize("text", ["", "Press.Force", "ns=3,s=Force", "ns=x;s=Force", "ns=3;s=", "i=abc", "ns=3;g=12"])
def test_what_is_no_node_id_is_refused_with_how_one_looks(text: str) -> None:
    with pytest.raises(ValidationError, match="ns=<index>;s=<name>"):
        OpcUaTag.model_validate({"node": text})


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_any_printable_name_is_a_node_id(name: str) -> None:
    assert OpcUaTag.model_validate({"node": f"ns=3;s={name}"}).node == f"ns=3;s={name}"


def test_a_device_knows_its_tags_options() -> None:
    device = OpcUaDevice.model_validate(
        {"name": "press-07", "on": "plc-7", "tags": {"force": {"node": "i=85", "queue": 50, "trigger": "timestamp"}}}
    )
    assert (device.tags["force"].queue, device.tags["force"].trigger) == (50, "timestamp")
    with pytest.raises(ValidationError, match="queue"):
        OpcUaTag.model_validate({"node": "i=85", "queue": 0})


def test_the_declaration_is_read_without_loading_the_protocols_library() -> None:
    code = "import sys; from edge.drivers.opcua import SPEC; print(SPEC.protocol, 'asyncua' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == ["opcua", "False"]
