from edge.drivers.broker.packets import Message
from edge.drivers.sparkplug.look import Look
from edge.drivers.sparkplug.nodes import Source
from shared.reading import Quality
from simulators.sparkplug import DOUBLE, INT32, Said, payload

NODE, AXIS = Source("G", "N"), Source("G", "N", "axis")


def message(topic: str, body: bytes, *, is_retained: bool = False) -> Message:
    return Message(topic, body, 0, 0, is_retained=is_retained)


def born(look: Look) -> None:
    look.take(message("spBv1.0/G/NBIRTH/N", payload([Said("bdSeq", INT32, 0)], seq=0, ts_ms=5)))
    metrics = [Said("a", DOUBLE, 1.5, 1), Said("b", DOUBLE, float("nan"), 2), Said("c", INT32, 3, 3, quality=500)]
    look.take(message("spBv1.0/G/DBIRTH/N/axis", payload(metrics, seq=1, ts_ms=5)))


def test_who_speaks_before_a_birth_is_wanted_and_then_understood() -> None:
    look = Look()
    data = payload([Said(None, DOUBLE, 2.5, 1)], seq=9, ts_ms=5)
    assert look.take(message("spBv1.0/G/DDATA/N/axis", data)) == NODE
    assert (list(look.nodes_heard), look.sources()) == ([NODE], [])
    born(look)
    assert look.take(message("spBv1.0/G/DDATA/N/axis", payload([Said(None, DOUBLE, 2.5, 1)], seq=2, ts_ms=6))) is None
    known = look.metrics(AXIS)
    assert (known["a"].value, known["a"].ts_us, known["a"].datatype) == (2.5, 6000, "double")


def test_what_is_not_finite_or_stale_is_bad_with_its_reason() -> None:
    look = Look()
    born(look)
    known = look.metrics(AXIS)
    assert (known["b"].quality, known["b"].code) == (Quality.BAD, "not finite")
    assert (known["c"].quality, known["c"].code) == (Quality.BAD, "quality 500")


def test_hosts_are_those_of_both_specifications_and_a_dead_node_is_not_asked() -> None:
    look = Look()
    look.take(message("spBv1.0/STATE/mes", b'{"online": true, "timestamp": 1}', is_retained=True))
    look.take(message("STATE/scada", b"OFFLINE", is_retained=True))
    look.take(message("STATE/old", b"ONLINE", is_retained=True))
    assert look.hosts == {"mes": "online", "scada": "offline", "old": "online"}
    assert look.take(message("spBv1.0/G/NDEATH/N", payload([Said("bdSeq", INT32, 0)], seq=None, ts_ms=5))) is None


def test_what_is_no_sparkplug_is_counted_or_passed_over() -> None:
    look = Look()
    assert look.take(message("spBv1.0/G/NDATA/N", b"\xff\xff")) is None
    assert look.take(message("other/topic", b"{}")) is None
    assert look.malformed == 1
