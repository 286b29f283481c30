"""What is known of nodes: births and aliases, holes, deaths, and what is asked again."""

from edge.drivers.sparkplug import nodes as module
from edge.drivers.sparkplug.nodes import Kind, Nodes, Outcome, Source
from edge.drivers.sparkplug.payload import DataType, Metric, Payload

NODE = Source("g", "n")
DEVICE = Source("g", "n", "d")


class Wire:
    """One node's messages, numbered as it would."""

    def __init__(self) -> None:
        self.nodes = Nodes()
        self.seq = 0
        self.now = 1000

    def send(
        self, kind: Kind, source: Source, *metrics: Metric, bd: int | None = None, seq: int | None = -1
    ) -> Outcome:
        said = [*metrics, *([] if bd is None else [Metric(name="bdSeq", datatype=4, value=bd)])]
        if kind is Kind.NBIRTH:
            self.seq = 0
        number = None if kind is Kind.NDEATH else self.seq if seq == -1 else seq
        self.seq = (self.seq + 1) % 256
        self.now += 10
        return self.nodes.hear(kind, source, Payload(5, number, said), self.now)

    def birth(self, bd: int = 0) -> Outcome:
        return self.send(Kind.NBIRTH, NODE, Metric("m", 1, datatype=DataType.INT8, value=7), bd=bd)

    def device_birth(self) -> Outcome:
        return self.send(Kind.DBIRTH, DEVICE, Metric("x", 2, datatype=DataType.FLOAT, value=1.5))


def names(outcome: Outcome) -> list[str]:
    return [said.definition.name for said in outcome.said]


def test_aliases_mean_what_the_birth_said_until_the_next_birth() -> None:
    wire = Wire()
    assert names(wire.birth()) == ["m", "bdSeq"]
    assert names(wire.device_birth()) == ["x"]
    heard = wire.send(Kind.NDATA, NODE, Metric(alias=1, value=8), Metric(name="m", value=9))
    assert names(heard) == ["m", "m"]
    assert heard.said[0].definition.datatype == DataType.INT8
    assert heard.said[0].timestamp_ms == 5, "the payload's, where the metric has none"
    assert names(wire.send(Kind.DDATA, DEVICE, Metric(alias=2, value=2.5))) == ["x"]
    unknown = wire.send(Kind.NDATA, NODE, Metric(alias=99, value=1), Metric(alias=1, value=1))
    assert (names(unknown), unknown.wants_birth) == (["m"], True)


def test_data_before_a_birth_is_not_understood_asked_for_and_missing_until_the_birth() -> None:
    wire = Wire()
    heard = wire.send(Kind.NDATA, NODE, Metric(alias=1, value=8))
    assert (heard.is_understood, heard.wants_birth, heard.said) == (False, True, [])
    wire.send(Kind.DDATA, DEVICE, Metric(alias=2, value=8))
    (missing,) = wire.birth().missing
    assert (missing.source, missing.since_us) == (NODE, 1010)
    (missing,) = wire.device_birth().missing
    assert (missing.source, missing.since_us) == (DEVICE, 1020)
    assert not wire.send(Kind.NDATA, NODE, Metric(alias=1, value=8)).missing


def test_a_hole_in_the_numbering_is_told_with_what_is_lost_once_until_the_next_birth() -> None:
    wire = Wire()
    wire.birth()
    wire.device_birth()
    assert not wire.send(Kind.NDATA, NODE, seq=2).missing
    heard = wire.send(Kind.NDATA, NODE, Metric(alias=1, value=8), seq=5)
    assert names(heard) == ["m"], "what came is taken all the same"
    assert [(missing.source, missing.since_us) for missing in heard.missing] == [(NODE, 1030), (DEVICE, 1030)]
    assert heard.missing[0].why == "message 5 came where 3 was due (2 lost)"
    assert heard.wants_birth
    again = wire.send(Kind.NDATA, NODE, seq=9)
    assert (again.missing, again.wants_birth) == ([], True)
    assert not wire.birth().missing
    assert not wire.device_birth().missing, "a rebirth is no gap"
    assert not wire.send(Kind.NDATA, NODE).missing


def test_the_numbering_begins_again_after_255() -> None:
    wire = Wire()
    wire.birth()
    for _ in range(600):
        assert not wire.send(Kind.NDATA, NODE).missing


def test_a_death_takes_devices_along_and_the_time_until_the_birth_is_missing() -> None:
    wire = Wire()
    wire.birth(bd=3)
    wire.device_birth()
    assert wire.send(Kind.NDEATH, NODE, bd=3).dead == [NODE, DEVICE]
    assert wire.nodes.absent() == [(NODE, 1030), (DEVICE, 1030)]
    assert wire.send(Kind.NDEATH, NODE, bd=3).dead == [], "once is enough"
    assert [m.since_us for m in wire.birth(bd=4).missing] == [1030]
    assert [m.since_us for m in wire.device_birth().missing] == [1030]
    assert wire.nodes.absent() == []


def test_the_death_of_an_earlier_life_kills_nobody() -> None:
    wire = Wire()
    wire.birth(bd=3)
    wire.birth(bd=4)
    late = wire.send(Kind.NDEATH, NODE, bd=3)
    assert (late.dead, late.is_understood) == ([], False)
    wire.seq = 1
    assert names(wire.send(Kind.NDATA, NODE, Metric(alias=1, value=1))) == ["m"]


def test_a_birth_without_the_death_before_it_is_a_gap() -> None:
    wire = Wire()
    wire.birth(bd=3)
    wire.device_birth()
    heard = wire.birth(bd=4)
    assert [m.since_us for m in heard.missing] == [1020]
    assert [m.since_us for m in wire.device_birth().missing] == [1020]


def test_a_device_that_is_not_born_again_with_its_node_is_gone() -> None:
    wire = Wire()
    wire.birth()
    wire.device_birth()
    wire.birth()
    assert wire.send(Kind.NDATA, NODE).dead == [DEVICE]
    assert wire.device_birth().missing[0].source == DEVICE


def test_a_device_dies_alone() -> None:
    wire = Wire()
    wire.birth()
    wire.device_birth()
    assert wire.send(Kind.DDEATH, DEVICE).dead == [DEVICE]
    heard = wire.send(Kind.DDATA, DEVICE, Metric(alias=2, value=1.0))
    assert (heard.is_understood, heard.wants_birth) == (False, True)
    assert wire.device_birth().missing[0].since_us == 1030


def test_a_session_that_ended_is_no_death_but_nothing_is_understood_until_a_birth() -> None:
    wire = Wire()
    wire.birth()
    wire.nodes.lose_sight()
    assert wire.nodes.absent() == []
    assert wire.nodes.unborn() == [NODE]
    assert wire.send(Kind.NDATA, NODE, Metric(alias=1, value=8)).wants_birth
    wire.birth()
    assert wire.nodes.unborn() == []


def test_nodes_and_devices_are_bounded() -> None:
    nodes = Nodes()
    for n in range(module.MOST_SOURCES + 3):
        nodes.hear(Kind.NBIRTH, Source("g", str(n)), Payload(1, 0, []), 1)
    assert nodes.left_out == 3
    assert not nodes.hear(Kind.DBIRTH, Source("g", "0", "d"), Payload(1, 1, []), 1).is_understood
