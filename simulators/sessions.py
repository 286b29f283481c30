"""Persistent MQTT sessions for the demo's broker: amqtt's wire and sockets, with delivery that keeps its word.

amqtt 0.12 forgets: it drops a message that is not acknowledged within 5 s or when its receiver disconnects,
keeps nothing for the sessions of anonymous users, acknowledges a publisher before anybody has the message,
marks queued messages as retained ones, loses some when somebody subscribes meanwhile, and lets the ghost of
a taken-over connection disconnect its heir.
Here a message of QoS 1 is in the session of each subscriber before its publisher hears PUBACK, and stays there
until the subscriber's PUBACK. Sessions live in memory: a broker that is stopped forgets them all.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from amqtt.broker import Broker  # type: ignore[import-untyped]
from amqtt.mqtt.constants import QOS_1  # type: ignore[import-untyped]
from amqtt.mqtt.protocol.broker_handler import BrokerProtocolHandler  # type: ignore[import-untyped]
from amqtt.mqtt.puback import PubackPacket  # type: ignore[import-untyped]
from amqtt.mqtt.publish import PublishPacket  # type: ignore[import-untyped]
from amqtt.plugins.authentication import BaseAuthPlugin  # type: ignore[import-untyped]
from amqtt.session import OutgoingApplicationMessage, Session  # type: ignore[import-untyped]

# unacknowledged messages on their way to one client; few enough that they never fill its socket's buffer
WINDOW = 100
# how long a taken-over connection may take to go
_TAKE_OVER_S = 5.0

Route = Callable[[Session, PublishPacket], Awaitable[None]]


class Doorkeeper(BaseAuthPlugin):  # type: ignore[misc]
    """Lets everybody in, or if there are users only those; unlike amqtt's own, nobody's session counts as anonymous."""

    @dataclass
    class Config:
        """User name to password; none for a broker that asks nothing."""

        users: dict[str, str] = field(default_factory=dict)

    async def authenticate(self, *, session: Session) -> bool:
        """Tell whether a client may come in."""
        users: dict[str, str] = self.config.users
        return not users or (session.username in users and users[session.username] == session.password)


class SessionHandler(BrokerProtocolHandler):  # type: ignore[misc]
    """One client's connection; what its client did not acknowledge stays in the session for the next one.

    The session's `retained_messages` is the queue of what is to be sent, in order, and `inflight_out` what
    was sent and not acknowledged, by packet identifier.
    """

    def __init__(self, plugins: Any, route: Route) -> None:
        super().__init__(plugins)
        self._route = route
        self._is_resumed = False
        self.gone = asyncio.Event()

    async def handle_publish(self, packet: PublishPacket) -> None:
        """Take a client's message; PUBACK goes out once each subscriber's session has it."""
        if packet.qos > QOS_1:
            await super().handle_publish(packet)
            return
        await self._route(self.session, packet)
        if packet.qos == QOS_1:
            await self._send_packet(PubackPacket.build(packet.packet_id))

    async def mqtt_publish(
        self, topic: str, data: bytes, qos: int, retain: bool, ack_timeout: int | None = None
    ) -> OutgoingApplicationMessage:
        """Send a message to the client, behind those that wait already."""
        if qos != QOS_1:
            return await super().mqtt_publish(topic, data, qos, retain, ack_timeout)
        message = OutgoingApplicationMessage(None, topic, qos, data, retain)
        self.session.retained_messages.put_nowait(message)
        await self._pump()
        return message

    async def handle_puback(self, packet: PubackPacket) -> None:
        """Forget a message that the client has; send the next."""
        self.session.inflight_out.pop(packet.packet_id, None)
        await self._pump()

    async def stop(self) -> None:
        """End the connection; closed first, since amqtt waits for a reader whose cancellation may get lost."""
        if self.writer is not None:
            with contextlib.suppress(OSError):
                await self.writer.close()
        await super().stop()

    async def _retry_deliveries(self) -> None:
        """Resume: first what was sent before (MQTT 3.1.1, 4.4), then what waits."""
        for message in list(self.session.inflight_out.values()):
            await self._send_packet(message.build_publish_packet(dup=True))
        self._is_resumed = True
        await self._pump()

    async def _pump(self) -> None:
        session = self.session
        waiting = session.retained_messages
        while self._is_resumed and not waiting.empty() and len(session.inflight_out) < WINDOW:
            message = waiting.get_nowait()
            message.packet_id = session.next_packet_id
            session.inflight_out[message.packet_id] = message
            await self._send_packet(message.build_publish_packet())


class SessionBroker(Broker):  # type: ignore[misc]
    """amqtt's broker with handlers as above."""

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self.subscribed = asyncio.Condition()

    @property
    def port(self) -> int:
        """The port that is bound."""
        sockets = self._servers["default"].instance.sockets
        return int(sockets[0].getsockname()[1])

    async def add_subscription(self, subscription: tuple[str, int], session: Session) -> int:
        """Subscribe a session, and let those know who wait for it."""
        granted: int = await super().add_subscription(subscription, session)
        async with self.subscribed:
            self.subscribed.notify_all()
        return granted

    def has_subscriber(self, topic: str) -> bool:
        """Tell whether some session subscribed to what matches a topic."""
        return any(subscribers and self._matches(topic, f) for f, subscribers in self._subscriptions.items())

    async def stream_connected(self, *arguments: Any, **options: Any) -> None:
        """Serve a client; one that hangs up in the middle of its greeting is no matter for a traceback."""
        with contextlib.suppress(OSError):
            await super().stream_connected(*arguments, **options)

    async def sever(self) -> None:
        """Cut every connection, as a network would; sessions stay."""
        for session, handler in list(self._sessions.values()):
            if session.transitions.state == "connected":
                await self._part(handler)

    async def _initialize_client_session(self, *arguments: Any) -> tuple[SessionHandler, Session]:
        _, session = await super()._initialize_client_session(*arguments)
        if session.transitions.state == "connected":
            await self._part(self._sessions[session.client_id][1])
        return SessionHandler(self.plugins_manager, self._give_out), session

    async def _part(self, handler: SessionHandler) -> None:
        await handler.handle_connection_closed()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(handler.gone.wait(), _TAKE_OVER_S)

    async def _handle_client_session(
        self, reader: Any, writer: Any, session: Session, handler: SessionHandler, *arguments: Any
    ) -> None:
        try:
            await super()._handle_client_session(reader, writer, session, handler, *arguments)
        finally:
            # amqtt leaves a client that it turned away as connected
            if session.transitions.state == "connected":
                session.transitions.disconnect()
            handler.gone.set()

    async def _give_out(self, source: Session, packet: PublishPacket) -> None:
        """Put a message into the session of each subscriber; those who are away find it when they come back."""
        if packet.retain_flag:
            await self.retain_message(source, packet.topic_name, packet.data, packet.qos)
        topic, data = packet.topic_name, packet.data
        matching = [s for f, subscribers in self._subscriptions.items() if self._matches(topic, f) for s in subscribers]
        for session, granted in matching:
            qos = min(packet.qos, granted)
            if session.transitions.state == "connected":
                await self._sessions[session.client_id][1].mqtt_publish(topic, data, qos, retain=False)
            elif qos == QOS_1 and not session.clean_session:
                session.retained_messages.put_nowait(OutgoingApplicationMessage(None, topic, qos, data, retain=False))

    async def _publish_session_retained_messages(self, session: Session) -> None:
        """Nothing: the handler sent them when it resumed, as what they are."""
