"""A mobile link in miniature: a TCP proxy that lets through so many bits a second, and a device behind it."""

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from device_sim.mqtt import Connect, Message, MqttClient
from tests.brokers import HOST

USER = "loa"
_READ_BYTES = 1_460
"""One packet at a time; what waits lies in the kernel's buffers, as it would in a mast's."""


@dataclass
class SlowLink:
    """Every connection through it is slowed down in both directions.

    Attributes:
        rate_bps: bits a second each way.
        delay_s: what every byte takes besides.
    """

    target: int
    rate_bps: int = 512_000
    delay_s: float = 0.0
    port: int = 0
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._take, HOST, 0, limit=2 * _READ_BYTES)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self._server.close()
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(HOST, self.target, limit=2 * _READ_BYTES)
        for one, other in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(one, other))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        free_at = loop.time()
        try:
            while data := await reader.read(_READ_BYTES):
                free_at = max(free_at, loop.time()) + len(data) * 8 / self.rate_bps
                await asyncio.sleep(free_at - loop.time())
                if self.delay_s:
                    loop.call_later(self.delay_s, writer.write, data)
                else:
                    writer.write(data)
        except ConnectionError:
            pass
        finally:
            writer.close()


@dataclass
class Heard:
    """What the device behind the link has received, and when by the monotonic clock."""

    messages: list[tuple[float, str, bytes]] = field(default_factory=list)
    changed: threading.Event = field(default_factory=threading.Event)

    def note(self, message: Message) -> None:
        self.messages.append((time.monotonic(), message.topic, message.payload))
        self.changed.set()

    def topics(self) -> list[str]:
        """The ends of the topics: ``m`` and numbers of a clip, ``command``."""
        return [topic.rpartition("/")[2] for _, topic, _ in self.messages]

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Wait until so many messages are here."""
        deadline = time.monotonic() + seconds
        while len(self.messages) < count:
            if not self.changed.wait(max(0.0, deadline - time.monotonic())):
                raise AssertionError(f"{len(self.messages)} of {count} messages after {seconds} s")
            self.changed.clear()


@contextmanager
def device_behind(link: SlowLink, filters: Sequence[str]) -> Iterator[Heard]:
    """A device that listens through the link, on a thread of its own."""
    heard, ready, stopping = Heard(), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def live() -> None:
        loops.append(asyncio.get_running_loop())
        await link.open()
        client = MqttClient(heard.note, lambda _: None)
        await client.connect(HOST, link.port, Connect(client_id="device", username=USER, password=USER))
        await client.subscribe([(topic, 0) for topic in filters])
        ready.set()
        await stopping.wait()
        await client.disconnect()
        await link.close()

    thread = threading.Thread(target=lambda: asyncio.run(live()), name="device")
    thread.start()
    assert ready.wait(20)
    try:
        yield heard
    finally:
        loops[0].call_soon_threadsafe(stopping.set)
        thread.join(20)
