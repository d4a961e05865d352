"""The kit's MQTT connection inside an event loop, and the broker that it and the speaker meet on."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from broadcaster.broker import EmbeddedBroker
from broadcaster.clock import SystemClock
from broadcaster.conformance.check import CannotCheckError
from broadcaster.counters import Counters
from broadcaster.transport import Message, MqttTransport
from broadcaster.wire.broker_address import BrokerAddress

_CONNECT_S: Final = 20.0


class Brokerage(Protocol):
    """Where station and speaker meet."""

    @property
    def url(self) -> str:
        """The station's address of the broker."""
        ...

    def speaker_url(self, speaker: str) -> str:
        """The speaker's address of it."""
        ...

    async def up(self) -> None:
        """Make sure that it runs, at the same address as before."""
        ...

    async def down(self) -> None:
        """End it. Errors: CannotCheckError."""
        ...


class OwnBroker:
    """The embedded broker in a folder that is thrown away."""

    def __init__(self, folder: Path, station: str, speaker: str, binary: str) -> None:
        self._folder, self._station, self._binary = folder, station, binary
        self._users = {speaker: secrets.token_hex(16)}
        self._broker: EmbeddedBroker | None = None
        self._url = ""
        self._port = 0

    @property
    def url(self) -> str:
        """See `Brokerage.url`."""
        return self._url

    def speaker_url(self, speaker: str) -> str:
        """See `Brokerage.speaker_url`."""
        return f"mqtt://{speaker}:{self._users[speaker]}@127.0.0.1:{self._port}"

    async def up(self) -> None:
        """See `Brokerage.up`."""
        if self._broker is None:
            self._broker = EmbeddedBroker(self._folder, self._station, self._binary, Counters())
            self._broker.set_users(self._users)
            self._url, self._port = self._broker.url, self._broker.port
            await asyncio.to_thread(self._broker.start)

    async def down(self) -> None:
        """See `Brokerage.down`."""
        if self._broker is not None:
            broker, self._broker = self._broker, None
            await asyncio.to_thread(broker.stop)


class GivenBroker:
    """A broker that somebody else runs; speaker and station use the addresses they are given."""

    def __init__(self, url: str, speaker_url: str) -> None:
        self._url, self._speaker_url = url, speaker_url

    @property
    def url(self) -> str:
        """See `Brokerage.url`."""
        return self._url

    def speaker_url(self, _speaker: str) -> str:
        """See `Brokerage.speaker_url`."""
        return self._speaker_url

    async def up(self) -> None:
        """See `Brokerage.up`."""

    async def down(self) -> None:
        """See `Brokerage.down`."""
        raise CannotCheckError("the kit may not end a broker that it did not start")


class Link:
    """One connection; messages come in on the event loop that opened it."""

    def __init__(self, url: str, subscriptions: Sequence[str], take: Callable[[Message], None]) -> None:
        self._address = BrokerAddress.parse(url)
        self._subscriptions, self._take = subscriptions, take
        self._transport: MqttTransport | None = None

    async def open(self) -> None:
        """Connect. Errors: CannotCheckError."""
        loop = asyncio.get_running_loop()

        def hand_over(batch: list[Message]) -> None:
            for message in batch:
                loop.call_soon_threadsafe(self._take, message)

        self._transport = MqttTransport(
            self._address,
            f"conform-{secrets.token_hex(6)}",
            SystemClock(),
            Counters(),
            subscriptions=self._subscriptions,
            on_batch=hand_over,
        )
        self._transport.start()
        if not await asyncio.to_thread(self._transport.wait_connected, _CONNECT_S):
            await self.close()
            raise CannotCheckError(f"no broker at {self._address.host}:{self._address.port}")

    async def close(self) -> None:
        """Disconnect."""
        transport, self._transport = self._transport, None
        if transport:
            await asyncio.to_thread(transport.stop)

    def publish(self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False) -> None:
        """Publish."""
        if self._transport:
            self._transport.publish(topic, payload, qos=qos, retain=retain)

    async def publish_surely(self, topic: str, payload: bytes) -> None:
        """Publish a retained document, until the broker has confirmed it. Errors: CannotCheckError."""
        loop, confirmed = asyncio.get_running_loop(), asyncio.Event()
        if self._transport is None:
            return

        def done() -> None:
            loop.call_soon_threadsafe(confirmed.set)

        self._transport.publish(topic, payload, retain=True, done=done)
        try:
            await asyncio.wait_for(confirmed.wait(), _CONNECT_S)
        except TimeoutError as error:
            raise CannotCheckError(f"the broker does not confirm {topic}") from error
