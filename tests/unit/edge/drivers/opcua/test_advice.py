"""What `check` says of a plan before any server was asked."""

from edge.drivers.opcua.advice import advise, asked
from edge.drivers.opcua.config import OpcUaConnection, OpcUaDevice, OpcUaTag
from edge.drivers.opcua.profiles import Asked, ProfileName
from edge.drivers.spec import Point

DEVICE = OpcUaDevice(name="press", on="plc", tags={})


def point(every_s: float, **rest: object) -> Point:
    return Point("press", "force", every_s, DEVICE, OpcUaTag.model_validate({"node": "ns=2;s=force", **rest}))


PLAN = [point(0.05), point(1.0, queue=7), point(0.05, mode="read")]


def test_a_configured_profile_says_what_will_not_be_had() -> None:
    known = {"opcua": "opc.tcp://plc", "profile": ProfileName.S7_1500, "publishing_interval": "500ms"}
    (said,) = advise(OpcUaConnection.model_validate(known), PLAN)
    assert said.startswith("1 tags are to be sampled faster")
    assert said.endswith("; every: 100ms")
    assert list(advise(OpcUaConnection(opcua="opc.tcp://plc"), PLAN)) == [], "which server it is shows later"


def test_what_is_read_asks_for_no_item() -> None:
    assert asked(OpcUaConnection(opcua="opc.tcp://plc"), PLAN) == Asked((50.0, 1000.0), 250.0, 1200)
    assert asked(OpcUaConnection(opcua="opc.tcp://plc"), []) == Asked((), 250.0, 0)


def test_server_times_that_find_their_name_taken_are_told() -> None:
    def named(name: str, **rest: object) -> Point:
        return Point("press", name, 1.0, DEVICE, OpcUaTag.model_validate({"node": "ns=2;s=force", **rest}))

    plan = [named("force"), named("force_server_time", server_time=False), named("rest")]
    (said,) = advise(OpcUaConnection(opcua="opc.tcp://plc", server_time=True), plan)
    assert said == (
        "press: the server times of force are not kept, for another tag is called force_server_time; call that "
        "otherwise, or write `server_time: false` at force"
    )
    assert list(advise(OpcUaConnection(opcua="opc.tcp://plc"), plan)) == []
