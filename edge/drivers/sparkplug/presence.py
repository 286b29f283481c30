"""What a host application says of itself on its STATE topic: that it is here, and by its will that it is not; pure.

Nodes that have us for their primary host send only while we are here, and keep the rest (Sparkplug 3.0, 5.2
and 6.4.27).
"""

import json
from dataclasses import dataclass

from edge.drivers.broker.client import Will
from edge.drivers.sparkplug.plan import NAMESPACE


@dataclass(frozen=True, slots=True)
class Presence:
    """One session's word; birth and will bear the time at which the session began.

    Attributes:
        topic: Where it is said.
        here, gone: What is said.
    """

    topic: str
    here: bytes
    gone: bytes

    @property
    def will(self) -> Will:
        """What the broker says for us should we vanish."""
        return Will(self.topic, self.gone, 1, is_retained=True)

    def denies(self, topic: str, payload: bytes | None) -> bool:
        """Tell whether a message says that we are gone."""
        if topic != self.topic or payload is None:
            return False
        if self.gone == b"OFFLINE":
            return payload == self.gone
        try:
            said = json.loads(payload)
        except (ValueError, RecursionError):
            return False
        return isinstance(said, dict) and said.get("online") is False


def presence(host_id: str, form: str, now_ms: int) -> Presence:
    """Return what a session says that begins now, in JSON as in Sparkplug 3.0, or a word as in 2.2."""
    if form == "word":
        return Presence(f"STATE/{host_id}", b"ONLINE", b"OFFLINE")

    def said(*, online: bool) -> bytes:
        return json.dumps({"online": online, "timestamp": now_ms}, separators=(",", ":")).encode()

    return Presence(f"{NAMESPACE}/STATE/{host_id}", said(online=True), said(online=False))
