"""One live stream as the speaker knows it, and what its segments are made of. Pure."""

from dataclasses import dataclass, field
from typing import Final

from broadcaster.wire.documents import Event, Why
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.urgent import LiveOpen
from device_sim import arbiter

_LENGTH_BYTES: Final = 2


def split(payload: bytes) -> tuple[bytes, ...]:
    """The Opus packets of a segment, each after its length in two bytes. Errors: RejectedError (malformed)."""
    packets = []
    while payload:
        end = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES])
        if len(payload) < end or end == _LENGTH_BYTES:
            raise RejectedError(Reason.MALFORMED, "live segment")
        packets.append(payload[_LENGTH_BYTES:end])
        payload = payload[end:]
    if not packets:
        raise RejectedError(Reason.MALFORMED, "empty live segment")
    return tuple(packets)


@dataclass
class Stream:
    """One live stream. Moments are by the own clock.

    Attributes:
        open_until: without another `open` it is forgotten then.
        signal_until: without a segment it has stalled then.
        units: segments that wait for their moment, by number.
        next: the lowest number that may still sound.
        sounding: it has the air.
        begun: it was heard since it took the air.
        handed: segments with the card, not heard of yet; the last one of them is over at `handed_until`.
        heard_ms: how much left the card, until `heard_at`.
        silent_because: why it is not heard.
        verdict: it is over, with this to say when the card has told of everything.
        closed: that was said.
    """

    open: LiveOpen
    kid: str
    open_until: int
    signal_until: int
    units: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    next: int = 0
    sounding: bool = False
    begun: bool = False
    handed: int = 0
    handed_until: int = 0
    heard_ms: int = 0
    heard_at: int | None = None
    silent_because: Why = Why.NO_SIGNAL
    verdict: tuple[Event, Why | None] | None = None
    closed: bool = False

    @property
    def id(self) -> str:
        """Its name in receipts."""
        return self.open.stream

    @property
    def start_at(self) -> int:
        """When segment 0 was due, by the station's time."""
        return self.open.start_at

    @property
    def duration_ms(self) -> int:
        """How long it may last."""
        return max(0, self.open.limit_at - self.open.start_at)

    @property
    def rank(self) -> int:
        """Its place among what wants the air."""
        return arbiter.live_rank(self.open.klass)
