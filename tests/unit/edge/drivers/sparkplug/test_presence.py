"""A host's STATE: birth and will of one session agree, in both forms."""

from edge.drivers.sparkplug.presence import presence


def test_birth_and_will_bear_one_time() -> None:
    said = presence("hall", "json", 5)
    assert said.topic == "spBv1.0/STATE/hall"
    assert (said.here, said.gone) == (b'{"online":true,"timestamp":5}', b'{"online":false,"timestamp":5}')
    assert (said.will.topic, said.will.payload, said.will.qos, said.will.is_retained) == (
        said.topic,
        said.gone,
        1,
        True,
    )


def test_only_a_word_that_we_are_gone_is_denied() -> None:
    said = presence("hall", "json", 5)
    assert said.denies(said.topic, b'{"online": false, "timestamp": 1}')
    for topic, payload in (
        (said.topic, said.here),
        ("spBv1.0/STATE/other", said.gone),
        (said.topic, None),
        (said.topic, b"["),
        (said.topic, b"[" * 100_000),
        (said.topic, b"OFFLINE"),
    ):
        assert not said.denies(topic, payload)


def test_the_older_form_is_a_word() -> None:
    said = presence("hall", "word", 5)
    assert (said.topic, said.here, said.gone) == ("STATE/hall", b"ONLINE", b"OFFLINE")
    assert said.denies("STATE/hall", b"OFFLINE")
    assert not said.denies("STATE/hall", b"ONLINE")
