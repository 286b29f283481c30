"""What a broker's reason codes mean for us: go on, try again, or wait until somebody acts; pure.

The codes are those of MQTT 5 (2.4); paho tells MQTT 3.1.1's by the same numbers.
"""

from collections.abc import Mapping, Sequence

from edge.errors import DriverError, DriverRefused

# what no repetition mends: protocol version, identifier, password, authorisation, banned, method, taken over
_REFUSALS = {0x84, 0x85, 0x86, 0x87, 0x8A, 0x8C, 0x8E}
_TAKEN_OVER = 0x8E
# also what paho makes of a connection that was closed without a word
_UNSPECIFIED = 0x80


def not_let_in(broker: str, code: int, words: str, version: int) -> DriverError:
    """Return the error of a session that the broker ended before it began.

    Args:
        broker: Which one, for the message.
        code: Reason code of CONNACK, or of what ended the connection.
        words: The code in words.
        version: The protocol version that we spoke.
    """
    kind = DriverRefused if code in _REFUSALS else DriverError
    return kind(f"{broker} does not let us in: {words}; check user name, password and `version: {version}`")


def session_ended(broker: str, code: int, words: str, client_id: str) -> DriverError:
    """Return the error of a session that ended, by the broker's word or without one."""
    kind = DriverRefused if code in _REFUSALS else DriverError
    if code == _UNSPECIFIED:
        words = "without a word"
    hint = ""
    if code in {_TAKEN_OVER, _UNSPECIFIED}:
        hint = f"; was it restarted, or does another client call itself {client_id!r}?"
    return kind(f"{broker} ended the session: {words}{hint}")


def refused_topics(broker: str, wanted: Mapping[str, int], codes: Sequence[int]) -> list[str]:
    """Return the topics that were refused; the others go on.

    Args:
        broker: Which one, for the message.
        wanted: Topic filter to the quality of service asked for, in the order asked.
        codes: Reason codes of SUBACK, in the same order.

    Raises:
        DriverRefused: All were refused, or a topic gets a lower quality of service than asked for: its
            messages could be lost without anybody knowing.
    """
    granted = dict(zip(wanted, codes, strict=False))
    refused = [topic for topic in wanted if granted.get(topic, _UNSPECIFIED) >= _UNSPECIFIED]
    if len(refused) == len(wanted):
        raise DriverRefused(f"{broker} refuses all topics, {refused[0]!r} first; may this user read them?")
    for topic, qos in wanted.items():
        if topic not in refused and granted[topic] < qos:
            raise DriverRefused(f"{broker} gives {topic!r} with QoS 0 only; let it allow 1, or write `qos: 0`")
    return refused
