"""One connection to a broker: paho's client, driven by the asyncio loop.

paho is given the loop's word of when its socket can be read or written (watch.py) and a timer for its
keepalive, instead of its own thread: without the hand-over between threads a message costs half. Messages do not
go through paho at all (packets.py), nor do their acknowledgements: that halves the cost again.
A link lives for one connection; paho's own reconnecting is off, since the station reopens.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge.drivers.broker.answers import not_let_in, refused_topics, session_ended
from edge.drivers.broker.client import Client, Will, connect, make
from edge.drivers.broker.dialling import dial
from edge.drivers.broker.encryption import Encryption, encryption
from edge.drivers.broker.options import BrokerOptions
from edge.drivers.broker.packets import Message, NoMqtt, Splitter, pubacks
from edge.drivers.broker.pipe import Pipe
from edge.drivers.broker.watch import Watch, watch
from edge.errors import DriverError, DriverRefused

# reads of 64 KiB in one turn of the loop, so that a flood leaves others their turn
_TURN = 4
_WHOLE = 65536
# how often paho looks whether a ping is due or unanswered
_MISC_S = 0.5
# how long the last acknowledgements may take on their way out
_PARTING_S = 2.0
# what CONNACK may tell of a broker's limits (MQTT 5, 3.2.2.3)
_TOLD = (
    "ReceiveMaximum",
    "MaximumQoS",
    "MaximumPacketSize",
    "RetainAvailable",
    "ServerKeepAlive",
    "SessionExpiryInterval",
)
# MQTT 5: retained messages only for a subscription that is new, not at each reconnection
_RETAINED_IF_NEW = SubscribeOptions.RETAIN_SEND_IF_NEW_SUB


class Listener(Protocol):
    """Who is told what a link hears. All calls come on the loop."""

    def greeted(self, *, session_present: bool) -> None:
        """The broker accepted us; messages follow."""
        ...

    def heard(self, message: Message) -> None:
        """A message arrived."""
        ...

    def turn_ended(self) -> None:
        """All that could be read at once was read."""
        ...

    def lost(self, error: DriverError) -> None:
        """The connection, once open, is gone; said once, and not for one that was closed."""
        ...


class Link:
    """One connection, from `open` to `close` or to its loss.

    Attributes:
        refused: Topics that the broker refused.
        limits: What it told of its limits, by MQTT 5's names; empty with MQTT 3.1.1.
    """

    def __init__(
        self,
        name: str,
        options: BrokerOptions,
        topics: Mapping[str, int],
        listener: Listener,
        now_us: Callable[[], int],
        will: Will | None = None,
    ) -> None:
        """Prepare a connection.

        Args:
            name: The connection's name in the configuration, for messages.
            options: Where and how to connect.
            topics: Topic filter to quality of service.
            listener: Is told what happens.
            now_us: The time, for what arrives.
            will: What the broker publishes for us should we vanish.
        """
        self._where = f"connection {name}: {options.url}"
        self._options = options
        self._topics = topics
        self._listener = listener
        self._now_us = now_us
        self._will = will
        self._client: Client | None = None
        self._pipe: Pipe | None = None
        self._splitter = Splitter(options.version, options.max_payload)
        self._watch: Watch | None = None
        self._misc: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._sent = asyncio.Event()
        self._is_paused = False
        self._is_over = self._is_parted = False
        self.refused: Sequence[str] = ()
        self.limits: dict[str, int] = {}

    def _prepared(self) -> Client:
        client = make(self._options)
        if self._will is not None:
            client.will_set(self._will.topic, self._will.payload, self._will.qos, self._will.is_retained)
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_socket_close = lambda *_: self._unwatch()
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
            if isinstance(error, DriverError | asyncio.CancelledError):
                raise
            raise self._not_reached(error, limit) from error

    def _not_reached(self, error: BaseException, limit_s: float) -> BaseException:
        """Return what is to be raised instead of what a library raised."""
        if isinstance(error, TimeoutError):
            return DriverError(
                f"{self._where} did not let us connect and subscribe within {limit_s:g} s; "
                f"is it a broker, and does it speak `version: {self._options.version}`?"
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return DriverRefused(
                f"{self._where} has a certificate that is not trusted ({error.verify_message}); "
                "give what signed it, or the certificate itself, as `tls: {ca: ..}`, and use the host name in it"
            )
        if isinstance(error, ssl.SSLError):
            return DriverError(f"{self._where} does not agree on TLS with us ({error}); is it the port for TLS?")
        if isinstance(error, paho.WebsocketConnectionError):
            return DriverError(f"{self._where} speaks no WebSocket ({error}); is the path right, /mqtt perhaps?")
        if isinstance(error, OSError | UnicodeError):
            return DriverError(f"{self._where} cannot be reached ({error}); is the broker up?")
        return error

    async def _dial(self) -> None:
        """Connect on a thread, since paho resolves names and connects with blocking calls, bounded in time."""
        client = self._client = self._prepared()
        dialling = dial(lambda: connect(client, self._options), self._drop)
        try:
            await asyncio.shield(dialling)
        except asyncio.CancelledError:
            dialling.add_done_callback(self._hang_up)
            raise
        pipe = self._pipe = client.pipe
        if pipe is None or client.socket() is None:
            raise DriverError(f"{self._where} closed the connection at once")
        self._watch = watch(self._loop, pipe, self._readable, self._flush)
        self._watch.reading(wanted=True)
        self._flush()
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
                # what TLS has decrypted already, the watch does not see
                self._loop.call_soon(self._readable)

    def publish(self, topic: str, payload: bytes, qos: int, *, is_retained: bool = False) -> None:
        """Send a message; it is not repeated if the connection is lost."""
        if not self._is_over and self._client:
            self._client.publish(topic, payload, qos, is_retained)
            self._flush()

    def encryption(self) -> Encryption | None:
        """Return what is known of the TLS of a connection that is open; None without TLS."""
        secured = self._client.secured if self._client else None
        return encryption(secured) if secured is not None else None

    def acknowledge(self, mids: Sequence[int]) -> None:
        """Send a PUBACK for each packet identifier, in this order (MQTT 3.1.1, 4.6)."""
        if not self._is_over and mids and self._pipe:
            self._pipe.write(pubacks(mids))
            self._flush()

    async def close(self) -> None:
        """Bring out what is still to be sent, say good-bye and close, bounded in time; the broker keeps the session."""
        client, pipe = self._client, self._pipe
        if self._is_over or client is None or pipe is None or client.socket() is None:
            self._drop()
            return
        self._is_over = True
        # paho closes the socket behind DISCONNECT; with messages unread the kernel would then reset the
        # connection, and the broker might never see our last acknowledgements: so hold it until the broker closes
        held = pipe.held()
        held.setblocking(False)
        try:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_PARTING_S):
                    self.pause()
                    self._flush()
                    await self._sent.wait()
                    client.disconnect()
                    client.loop_write()
                    while await self._loop.sock_recv(held, 65536):
                        pass
        finally:
            held.close()
            self._drop()

    def _drop(self) -> None:
        """Close without a word."""
        self._is_over = True
        self._unwatch()
        if self._client and self._client.pipe:
            self._client.pipe.close()

    def _unwatch(self) -> None:
        if self._watch:
            self._watch.stop()
            self._watch = None
        if self._misc:
            self._misc.cancel()
            self._misc = None
        self._is_parted = True
        self._sent.set()

    def _readable(self) -> None:
        pipe = self._pipe
        if self._splitter.packets and not self._is_over:
            self._take(None)
        for _ in range(_TURN):
            if pipe is None or self._is_paused or self._is_over:
                break
            data = pipe.read()
            if data is None:
                break
            self._take(data)
            if len(data) < _WHOLE and not pipe.pending():
                break
        else:
            if pipe is not None and pipe.pending():
                self._loop.call_soon(self._readable)
        self._listener.turn_ended()
        self._flush()

    def _take(self, data: bytes | None) -> None:
        """Deal with what was read: messages are told, everything else is paho's."""
        assert self._client is not None  # noqa: S101 - connected, or nothing could be read
        assert self._pipe is not None  # noqa: S101
        try:
            packets = self._splitter.feed(data, self._now_us())
            while packets and not self._is_paused:
                packet = packets.popleft()
                if isinstance(packet, Message):
                    self._listener.heard(packet)
                else:
                    self._pipe.leave(packet)
                    self._client.loop_read()
            if not packets and not self._is_paused:
                self._splitter.feed(None, 0)
            if self._splitter.is_at_end and not packets:
                self._pipe.leave(b"")
                self._client.loop_read()
        except NoMqtt as error:
            self._end(DriverError(f"{self._where} sent what is no MQTT ({error}); is it a broker?"))
        except Exception as error:  # noqa: BLE001 - paho's parser raises whatever a malformed packet makes it raise
            self._end(DriverError(f"{self._where} sent what is no MQTT ({error!r}); is it a broker?"))

    def _flush(self) -> None:
        """Send what waits; ask to be called again for what cannot be sent yet."""
        if self._client is None or self._pipe is None or self._is_parted:
            return
        try:
            if not self._is_over:
                self._client.loop_write()
            is_left = self._pipe.flush()
        except OSError as error:
            self._sent.set()
            # what the other side said before it hung up, such as a TLS alert, tells more
            self._pipe.read()
            self._end(DriverError(f"{self._where} broke off ({self._reason(error)})"))
            return
        if self._watch:
            self._watch.writing(wanted=is_left)
        if is_left:
            self._sent.clear()
        else:
            self._sent.set()

    def _look_after(self) -> None:
        if self._client:
            self._client.loop_misc()
            self._flush()
        if self._watch:
            self._misc = self._loop.call_later(_MISC_S, self._look_after)

    def _on_connect(
        self, client: paho.Client, _data: object, flags: paho.ConnectFlags, code: ReasonCode, properties: object
    ) -> None:
        if code.is_failure:
            self._end(not_let_in(self._where, code.value, str(code), self._options.version))
            return
        told = ((name, getattr(properties, name, None)) for name in _TOLD)
        self.limits = {name: value for name, value in told if isinstance(value, int)}
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

    def _on_disconnect(
        self, _client: paho.Client, _data: object, _flags: object, code: ReasonCode, _properties: object
    ) -> None:
        if self._opened.done():
            self._end(session_ended(self._where, code.value, self._words(code), self._options.client_id))
        else:
            self._end(not_let_in(self._where, code.value, self._words(code), self._options.version))

    def _words(self, code: ReasonCode) -> str:
        """Say why a connection ended: what the socket raised tells more than paho's code."""
        trouble = self._pipe.trouble if self._pipe else None
        return str(code) if trouble is None else self._reason(trouble)

    def _reason(self, error: OSError) -> str:
        """Say what a socket raised, and what to do where that is known."""
        error = (self._pipe and self._pipe.trouble) or error
        if "certificate" in str(error).lower():
            return f"{error}; the broker wants a certificate of ours that it trusts: `tls: {{cert: .., key: ..}}`"
        return f"{error}; is the broker up?"

    def _end(self, error: DriverError) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._opened.done():
            self._listener.lost(error)
        else:
            self._opened.set_exception(error)
