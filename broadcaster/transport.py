"""MQTT 3.1.1 on the station's side; the only module that knows paho.

paho calls back on its own thread and dies silently with it, so a callback here does nothing but put what happened into
an inbox; one thread of ours takes it out again.
"""

import logging
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broadcaster.clock import Clock
from broadcaster.counters import Counters
from broadcaster.wire.broker_address import BrokerAddress, BrokerAddressError
from broadcaster.wire.envelope import MAX_MESSAGE_BYTES
from broadcaster.wire.rejection import Reason
from broadcaster.wire.units import UnixMs

log = logging.getLogger(__name__)

KEEPALIVE_S: Final = 45
_INBOX: Final = 50_000
"""Messages that may wait to be taken in; confirmations have no limit, for a lost one would never be asked for again."""
_BATCH: Final = 500
_REFUSED: Final = 0x80


@dataclass(frozen=True)
class Message:
    """A message as it came in; ``at`` is the station's clock when it did."""

    topic: str
    payload: bytes
    at: UnixMs


class Transport(Protocol):
    """Where messages go out."""

    @property
    def connected(self) -> bool:
        """Whether a message handed over now can leave now."""
        ...

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, done: Callable[[], None] | None = None
    ) -> bool:
        """Hand a message over. ``done`` is called, on the inbox thread, when the broker has confirmed it (QoS 1).

        Returns False when the message was refused, as every QoS 0 message is without a connection.
        """
        ...


def _context(ca: str) -> ssl.SSLContext:
    """What a broker has to prove. Errors: BrokerAddressError."""
    try:
        return ssl.create_default_context(cafile=ca or None)
    except OSError as error:  # also ssl.SSLError
        raise BrokerAddressError(f"LOA_BROKER_CA {ca}: {error}") from error


class MqttTransport:
    """One MQTT connection with an inbox.

    Args:
        address: the broker.
        client_id: carries a secret suffix, so that nobody can kick us by name.
        subscriptions: filters, all at QoS 1.
        on_batch: gets messages in order of arrival, up to 500 at a time, on the inbox thread.
        on_connected: called on the inbox thread after each (re)connection, when the subscriptions stand.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        clock: Clock,
        counters: Counters,
        *,
        subscriptions: Sequence[str] = (),
        on_batch: Callable[[list[Message]], None] | None = None,
        on_connected: Callable[[], None] | None = None,
    ) -> None:
        self._clock, self._counters = clock, counters
        self._subscriptions = list(subscriptions)
        self._on_batch, self._on_connected = on_batch, on_connected
        self._inbox: queue.SimpleQueue[Message | Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting: dict[int, Callable[[], None]] = {}
        self._up = threading.Event()
        self._address = address
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311)
        self._client.username_pw_set(address.username, address.password)
        self._client.reconnect_delay_set(1, 10)
        self._client.max_inflight_messages_set(200)
        self._client.suppress_exceptions = True  # a callback must never end paho's thread
        if address.tls:
            self._client.tls_set_context(_context(address.ca))
        self._client.on_socket_open = self._socket_open
        self._client.on_connect = self._connect
        self._client.on_subscribe = self._subscribe
        self._client.on_disconnect = self._disconnect
        self._client.on_message = self._message
        self._client.on_publish = self._published
        self._thread = threading.Thread(target=self._work, name=f"mqtt-{client_id.partition('-')[0]}", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the connection stands, with its subscriptions."""
        return self._up.is_set()

    @property
    def backlog(self) -> int:
        """How many messages wait to be taken in."""
        return self._inbox.qsize()

    def wait_connected(self, timeout_s: float) -> bool:
        """Wait until the connection stands."""
        return self._up.wait(timeout_s)

    def start(self) -> None:
        """Begin to connect, and go on until `stop`."""
        self._thread.start()
        self._client.connect_async(self._address.host, self._address.port, KEEPALIVE_S)
        self._client.loop_start()

    def stop(self) -> None:
        """Disconnect, and finish what is in the inbox."""
        self._client.disconnect()
        self._client.loop_stop()
        self._inbox.put(None)
        if self._thread.is_alive():
            self._thread.join(10)

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, done: Callable[[], None] | None = None
    ) -> bool:
        """See `Transport.publish`."""
        if qos == 0 and not self.connected:
            return False
        with self._lock:  # the confirmation may come before `publish` is back; it has to find its number here
            info = self._client.publish(topic, payload, qos=qos, retain=retain)
            kept = info.rc == paho.MQTT_ERR_SUCCESS or (qos > 0 and info.rc == paho.MQTT_ERR_NO_CONN)
            if kept and done and qos > 0:
                self._waiting[info.mid] = done
        return kept

    # Callbacks on paho's thread: they only put into the inbox.

    def _socket_open(self, _client: paho.Client, _data: Any, sock: Any) -> None:
        if isinstance(sock, socket.socket):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _connect(self, client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if code.is_failure:
            log.error("broker refused the station reason=%s", code)
        elif self._subscriptions:
            client.subscribe([(topic, 1) for topic in self._subscriptions])
        else:
            self._stand()

    def _subscribe(self, _client: paho.Client, _data: Any, _mid: int, codes: Any, _properties: Any) -> None:
        for topic, code in zip(self._subscriptions, codes, strict=False):
            if code.value >= _REFUSED:
                log.error("broker refused a subscription filter=%s", topic)
                self._counters.reject("subscription-refused", topic)
        self._stand()

    def _stand(self) -> None:
        self._up.set()
        log.info("broker connected host=%s port=%s", self._address.host, self._address.port)
        if self._on_connected:
            self._put(self._on_connected)

    def _disconnect(self, _client: paho.Client, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        if self._up.is_set():
            log.log(logging.WARNING if code.is_failure else logging.INFO, "broker disconnected reason=%s", code)
        self._up.clear()

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            if len(message.payload) > MAX_MESSAGE_BYTES:
                self._counters.reject(Reason.OVERSIZED)
            elif self._inbox.qsize() >= _INBOX:
                self._counters.reject("inbox-full")
            else:
                self._put(Message(message.topic, bytes(message.payload), self._clock.now_ms()))
        except UnicodeDecodeError:
            self._counters.reject(Reason.UNKNOWN_TOPIC)

    def _published(self, _client: paho.Client, _data: Any, mid: int, _code: Any, _properties: Any) -> None:
        self._put(lambda: self._confirm(mid))  # no lock here: paho holds one of its own, which `publish` waits for

    def _put(self, item: Message | Callable[[], None]) -> None:
        self._inbox.put(item)

    # The inbox thread.

    def _confirm(self, mid: int) -> None:
        with self._lock:
            done = self._waiting.pop(mid, None)
        if done:
            done()

    def _work(self) -> None:
        while True:
            item = self._inbox.get()
            if item is None:
                return
            if not isinstance(item, Message):
                with self._counters.edge("transport"):
                    item()
                continue
            after = self._work_batch(item)
            if after is None:
                continue
            with self._counters.edge("transport"):
                after()

    def _work_batch(self, first: Message) -> Callable[[], None] | None:
        """Hand on ``first`` and what stands behind it in the inbox; returns what ended the batch."""
        batch = [first]
        after: Callable[[], None] | None = None
        while len(batch) < _BATCH:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._inbox.put(None)
                break
            if not isinstance(item, Message):
                after = item
                break
            batch.append(item)
        if self._on_batch:
            with self._counters.edge("transport"):
                self._on_batch(batch)
        return after
