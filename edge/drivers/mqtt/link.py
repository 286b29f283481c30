"""One connection to the broker: paho's client, driven by the asyncio loop.

paho is given the loop's word of when its socket can be read or written (watch.py) and a timer for its
keepalive, instead of its own thread: without the hand-over between threads a message costs half.
A link lives for one connection; paho's own reconnecting is off, since the station reopens.
"""

import asyncio
import contextlib
import socket
from collections.abc import Mapping, Sequence
from typing import Protocol

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.drivers.mqtt.answers import not_let_in, refused_topics, session_ended
from edge.drivers.mqtt.client import connect, make
from edge.drivers.mqtt.config import MqttConnection
from edge.drivers.mqtt.dialling import dial
from edge.drivers.mqtt.watch import Watch, watch
from edge.errors import DriverError, DriverRefused

# messages read in one turn of the loop, so that a flood leaves others their turn
_TURN = 256
# how often paho looks whether a ping is due or unanswered
_MISC_S = 0.5
# how long the last acknowledgements may take on their way out
_PARTING_S = 2.0
# MQTT 5: retained messages only for a subscription that is new, not at each reconnection
_RETAINED_IF_NEW = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB


class Listener(Protocol):
    """Who is told what a link hears. All calls come on the loop."""

    def greeted(self, *, session_present: bool) -> None:
        """The broker accepted us; messages follow."""
        ...

    def heard(self, message: paho.MQTTMessage) -> None:
        """A message arrived."""
        ...

    def turn_ended(self) -> None:
        """All that could be read at once was read."""
        ...

    def lost(self, error: DriverError) -> None:
        """The connection, once open, is gone; said once, and not for one that was closed."""
        ...


class Link:
    """One connection, from `open` to `close` or to its loss."""

    def __init__(self, name: str, options: MqttConnection, topics: Mapping[str, int], listener: Listener) -> None:
        """Prepare a connection.

        Args:
            name: The connection's name in the configuration, for messages.
            options: Where and how to connect.
            topics: Topic filter to quality of service.
            listener: Is told what happens.
        """
        self._where = f"connection {name}: {options.mqtt}"
        self._options = options
        self._topics = topics
        self._listener = listener
        self._client = self._prepared()
        self._watch: Watch | None = None
        self._misc: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._parted = asyncio.Event()
        self._is_paused = False
        self._is_over = False
        self._heard = 0
        self.refused: Sequence[str] = ()

    def _prepared(self) -> paho.Client:
        client = make(self._options)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = lambda *_: self._unwatch()
        client.on_socket_register_write = lambda *_: self._want_writing(wanted=True)
        client.on_socket_unregister_write = lambda *_: self._want_writing(wanted=False)
        return client

    async def open(self) -> None:
        """Connect, be greeted, and subscribe.

        Raises:
            DriverError: Not within the time limit, or the connection broke.
            DriverRefused: The broker refuses the client, or every topic.
        """
        limit = self._options.timeout
        try:
            async with asyncio.timeout(limit):
                await self._dial()
                await self._opened
        except BaseException as error:
            self._drop()
            if isinstance(error, TimeoutError):
                raise DriverError(
                    f"{self._where} did not let us connect and subscribe within {limit:g} s; "
                    f"is it a broker, and does it speak `version: {self._options.version}`?"
                ) from error
            if isinstance(error, OSError | UnicodeError):
                raise DriverError(f"{self._where} cannot be reached ({error}); is the broker up?") from error
            raise

    async def _dial(self) -> None:
        """Connect on a thread, since paho resolves names and connects with blocking calls, bounded in time."""
        dialling = dial(lambda: connect(self._client, self._options), self._drop)
        try:
            await asyncio.shield(dialling)
        except asyncio.CancelledError:
            dialling.add_done_callback(self._hang_up)
            raise
        sock = self._client.socket()
        if not isinstance(sock, socket.socket):
            raise DriverError(f"{self._where} closed the connection at once")
        # the PUBACKs of one sample must not wait until the broker's kernel has confirmed those before
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch = watch(self._loop, sock, self._readable, self._writable)
        self._watch.reading(wanted=True)
        self._watch.writing(wanted=True)
        self._look_after()

    def _hang_up(self, dialling: "asyncio.Future[None]") -> None:
        """Close what was dialled after nobody waited for it any more."""
        if not dialling.cancelled():
            dialling.exception()
        self._drop()

    def pause(self) -> None:
        """Read nothing until `resume`: the broker is held back by TCP, and by what is not acknowledged."""
        self._is_paused = True
        if self._watch:
            self._watch.reading(wanted=False)
        if not self._opened.done():
            # the broker gives more at once than may wait here: what follows it, SUBACK too, comes in time
            self._opened.set_result(None)

    def resume(self) -> None:
        """Read again after `pause`."""
        if self._is_paused:
            self._is_paused = False
            if self._watch:
                self._watch.reading(wanted=True)

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send a PUBACK for each packet identifier, in this order (MQTT 3.1.1, 4.6)."""
        if not self._is_over and mids:
            for mid in mids:
                self._client.ack(mid, 1)
            self._client.loop_write()

    async def close(self) -> None:
        """Bring out what is still to be sent, say good-bye and close, bounded in time; the broker keeps the session."""
        sock = self._client.socket()
        if self._is_over or not isinstance(sock, socket.socket):
            self._drop()
            return
        self._is_over = True
        # paho closes the socket behind DISCONNECT; with messages unread the kernel would then reset the
        # connection, and the broker might never see our last acknowledgements: so hold it until the broker closes
        held = sock.dup()
        try:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_PARTING_S):
                    self.pause()
                    self._client.disconnect()
                    self._client.loop_write()
                    await self._parted.wait()
                    while await self._loop.sock_recv(held, 65536):
                        pass
        finally:
            held.close()
            self._drop()

    def _drop(self) -> None:
        """Close without a word."""
        self._is_over = True
        self._unwatch()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _unwatch(self) -> None:
        if self._watch:
            self._watch.stop()
            self._watch = None
        if self._misc:
            self._misc.cancel()
            self._misc = None
        self._parted.set()

    def _readable(self) -> None:
        for _ in range(_TURN):
            before = self._heard
            try:
                self._client.loop_read()
            except Exception as error:  # noqa: BLE001 - paho's parser raises whatever a malformed packet makes it raise
                self._unwatch()
                self._end(DriverError(f"{self._where} sent what is no MQTT ({error!r}); is it a broker?"))
            # paho reads one packet a call and does not say whether there is more; one that is no message ends the turn
            if self._heard == before or self._is_paused or self._is_over:
                break
        self._listener.turn_ended()

    def _want_writing(self, *, wanted: bool) -> None:
        if self._watch:
            self._watch.writing(wanted=wanted)

    def _writable(self) -> None:
        self._client.loop_write()

    def _look_after(self) -> None:
        self._client.loop_misc()
        if self._watch:
            self._misc = self._loop.call_later(_MISC_S, self._look_after)

    def _on_connect(
        self, client: paho.Client, _data: object, flags: paho.ConnectFlags, code: ReasonCode, _properties: object
    ) -> None:
        if code.is_failure:
            self._end(not_let_in(self._where, code.value, str(code), self._options.version))
            return
        self._listener.greeted(session_present=flags.session_present)
        if self._options.version == 5:
            client.subscribe(
                [(t, SubscribeOptions(qos=q, retainHandling=_RETAINED_IF_NEW)) for t, q in self._topics.items()]
            )
        else:
            client.subscribe(list(self._topics.items()))

    def _on_subscribe(
        self, _client: paho.Client, _data: object, _mid: int, codes: Sequence[ReasonCode], _properties: object
    ) -> None:
        try:
            self.refused = refused_topics(self._where, self._topics, [code.value for code in codes])
        except DriverRefused as error:
            self._end(error)
        else:
            if not self._opened.done():
                self._opened.set_result(None)

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        self._heard += 1
        self._listener.heard(message)

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if self._opened.done():
            self._end(session_ended(self._where, code.value, str(code), self._options.client_id))
        else:
            self._end(not_let_in(self._where, code.value, str(code), self._options.version))

    def _end(self, error: DriverError) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._opened.done():
            self._listener.lost(error)
        else:
            self._opened.set_exception(error)
