"""The MQTT broker of the demo and the tests: amqtt in this process, with persistent sessions in memory.

It listens on loopback without asking for a password unless it is given users; MQTT 3.1.1 only, as amqtt.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping

from amqtt.errors import BrokerError  # type: ignore[import-untyped]

from simulators.sessions import SessionBroker

# amqtt waits without limit for connections that do not close
_STOP_S = 5.0


class MqttBroker:
    """A broker from `start` to `stop`.

    Attributes:
        host: Address it listens on.
        port: Its port; what was asked for until it is started, and then the one that is bound.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0, users: Mapping[str, str] | None = None) -> None:
        """Prepare a broker.

        Args:
            host: Address to listen on.
            port: 0 takes a free one.
            users: User name to password; None lets everybody in.
        """
        self.host = host
        self.port = port
        self._users = dict(users or {})
        self._broker: SessionBroker | None = None

    async def start(self) -> None:
        """Serve; sessions of an earlier start are forgotten.

        Raises:
            OSError: The port is taken.
        """
        # amqtt reports every client that hangs up, and is loud about it
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._broker = SessionBroker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}},
                "plugins": {"simulators.sessions.Doorkeeper": {"users": self._users}},
            }
        )
        try:
            await self._broker.start()
        except BrokerError as error:
            self._broker = None
            raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
        self.port = self._broker.port

    async def subscribed(self, topic: str) -> None:
        """Wait until somebody has subscribed to a topic: before that its messages go nowhere."""
        assert self._broker is not None, "start it first"  # noqa: S101
        broker = self._broker
        async with broker.subscribed:
            await broker.subscribed.wait_for(lambda: broker.has_subscriber(topic))

    async def sever(self) -> None:
        """Cut every connection without a word, as a network would; sessions stay."""
        if self._broker is not None:
            await self._broker.sever()

    async def stop(self) -> None:
        """Close all connections and forget all sessions; may be called twice."""
        broker, self._broker = self._broker, None
        if broker is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_S):
                    await broker.shutdown()
