"""Live sound to speakers: the packets of one encoder, signed segment by segment while it happens (docs/protocol.md, Live).

Nothing here waits for a broker: a segment that can't leave now is of no use later.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from broadcaster.core import Core
from broadcaster.transport import Transport
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Class
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import SECOND, DurationMs, UnixMs
from broadcaster.wire.urgent import LiveOpen

log = logging.getLogger(__name__)

OPEN_EVERY_MS: Final = 2 * SECOND
_OPEN_VALID_MS: Final = 10 * SECOND
_SEGMENT_VALID_MS: Final = 5 * SECOND
_MOST_PACKET_BYTES: Final = 1_275  # RFC 6716, section 3.2.1


@dataclass(frozen=True)
class LivePlan:
    """What a stream is and whom it is for.

    Attributes:
        zones: codes of places, none of them inside another.
        start_at: when segment 0 sounds: in it stands the delay for the way.
        limit_at: when it ends at the latest.
        unit_ms: sound in one segment.
        volume: 0 to 100; None for the usual one of the hour.
        excluded: codes of places inside the zones that do not hear it.
        broadcast: the one in whose place it is heard, if there is one.
    """

    klass: Class
    zones: tuple[str, ...]
    start_at: UnixMs
    limit_at: UnixMs
    unit_ms: DurationMs
    title: str = ""
    volume: int | None = None
    excluded: tuple[str, ...] = ()
    broadcast: str | None = None


def new_name() -> str:
    """A name that no stream has had."""
    return f"live-{secrets.token_hex(6)}"


def join_packets(packets: Sequence[bytes]) -> bytes:
    """The payload of a segment: packets, each after its length in two bytes. Errors: ValueError."""
    if not packets or any(not 0 < len(packet) <= _MOST_PACKET_BYTES for packet in packets):
        raise ValueError("a live segment is one Opus packet or more")
    return b"".join(len(packet).to_bytes(2) + packet for packet in packets)


class LiveStream:
    """One stream on the air, from its making to `end`. Call it from one thread.

    Args:
        transport: the connection that never waits behind a clip.
        name: of the stream, by `new_name`, where it was written down before; never used twice.
    """

    def __init__(self, core: Core, transport: Transport, plan: LivePlan, name: str = "") -> None:
        self._topics, self._clock, self._transport = core.topics, core.clock, transport
        self._keyring, self.plan = core.keyring, plan
        self._key = self._key_in_use()
        self.name = name or new_name()
        self._open = LiveOpen(
            stream=self.name,
            klass=plan.klass,
            start_at=plan.start_at,
            limit_at=plan.limit_at,
            unit_ms=plan.unit_ms,
            volume=plan.volume,
            excluded=plan.excluded,
            broadcast=plan.broadcast,
            title=plan.title,
        )
        self._seq = 0
        self._open_at = UnixMs(0)
        self.sent = 0
        """Segments so far, those included that did not leave."""
        self.lost = 0
        """Segments that the connection did not take."""
        self.ended = False
        self.beat()

    def _key_in_use(self) -> SigningKey:
        return self._keyring.emergency if self.plan.klass is Class.EMERGENCY else self._keyring.station

    @property
    def outlived_its_key(self) -> bool:
        """Whether its key was replaced: nobody hears it any more, and another stream has to go on."""
        return self._key.kid != self._key_in_use().kid

    def beat(self) -> None:
        """Say again that the stream is on, when it is time to."""
        now = self._clock.now_ms()
        if not self.ended and now >= self._open_at:
            self._open_at = UnixMs(now + OPEN_EVERY_MS)
            self._say_open()

    def send(self, packets: Sequence[bytes]) -> None:
        """The next segment, ``unit_ms`` of sound. Errors: ValueError."""
        if self.ended:
            raise ValueError("the stream has ended")
        payload, number = join_packets(packets), self.sent
        self.sent += 1
        self.beat()
        seq = self._clock.now_ms()
        for zone in self.plan.zones:
            topic = self._topics.live(zone, self.name, number)
            if not self._say(topic, Kind.LIVE, seq, _SEGMENT_VALID_MS, payload):
                self.lost += 1

    def skip(self) -> None:
        """There is nothing to say for one segment: a gap, in which what follows keeps its place."""
        self.sent += 1
        self.beat()

    def exclude(self, places: tuple[str, ...]) -> None:
        """From now on these do not hear it; everybody else goes on without a break."""
        if places != self._open.excluded:
            self._open = msgspec.structs.replace(self._open, excluded=places)
            self._say_open()

    def due_at(self, number: int) -> UnixMs:
        """When a segment sounds."""
        return UnixMs(self.plan.start_at + number * self.plan.unit_ms)

    def end(self) -> None:
        """It is over: what is on its way is still played."""
        if self.ended:
            return
        self.ended = True
        self._open = msgspec.structs.replace(self._open, ended=True)
        self._say_open()
        log.info("live stream ended stream=%s segments=%s lost=%s", self.name, self.sent, self.lost)

    def _say_open(self) -> None:
        payload = strict_json.encode(self._open)
        self._seq = max(self._clock.now_ms(), self._seq + 1)
        for zone in self.plan.zones:
            self._say(self._topics.live_open(zone, self.name), Kind.LIVE_OPEN, self._seq, _OPEN_VALID_MS, payload)

    def _say(self, topic: str, kind: Kind, seq: int, valid_ms: int, payload: bytes) -> bool:
        """Sign and hand over; returns whether the connection took it."""
        signed = envelope.sign(
            self._key.private,
            self._key.kid,
            typ=kind.value,
            topic=topic,
            seq=UnixMs(seq),
            exp=UnixMs(seq + valid_ms),
            payload=payload,
        )
        return self._transport.publish(topic, signed, qos=0)
