"""What the state machine asks of the world around it. Moments are Unix milliseconds by the speaker's own clock."""

from dataclasses import dataclass

from broadcaster.wire.documents import Class, Event, Receipt


@dataclass(frozen=True, slots=True)
class Publish:
    """Send a message; QoS 0 may be lost."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Subscribe at QoS 0."""

    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeepDocument:
    """Keep an accepted envelope over a reboot, in place of the one before it on its topic."""

    topic: str
    envelope: bytes


@dataclass(frozen=True, slots=True)
class ForgetDocument:
    """An envelope has expired."""

    topic: str


@dataclass(frozen=True, slots=True)
class KeepManifest:
    """Keep a checked manifest over a reboot."""

    clip: str
    data: bytes


@dataclass(frozen=True, slots=True)
class KeepSegment:
    """Keep a checked segment over a reboot."""

    clip: str
    number: int
    data: bytes


@dataclass(frozen=True, slots=True)
class AssembleClip:
    """Every segment is there: join them, check the hash, and answer with `clip_stored` or `clip_refused`."""

    clip: str
    count: int


@dataclass(frozen=True, slots=True)
class ForgetClip:
    """A clip is not needed any more."""

    clip: str


@dataclass(frozen=True, slots=True)
class KeepReceipt:
    """Keep a receipt over a reboot until it is acknowledged."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class ForgetReceipts:
    """The station has committed these receipts."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CountDropped:
    """So many receipts had to be dropped unacknowledged, ever."""

    total: int


@dataclass(frozen=True, slots=True)
class KeepNote:
    """Remember over a reboot that this was done with a broadcast."""

    broadcast: str
    event: Event
    until: int


@dataclass(frozen=True, slots=True)
class KeepStopped:
    """Remember over a reboot which broadcasts commands have stopped, and in which classes; this is all of them."""

    stopped: dict[str, frozenset[Class]]


@dataclass(frozen=True, slots=True)
class ForgetNotes:
    """Notes whose time is over."""

    before: int


@dataclass(frozen=True, slots=True)
class Amplifier:
    """Switch the amplifier."""

    on: bool


@dataclass(frozen=True, slots=True)
class StartSound:
    """Play a clip so that its first sample is due at ``start_at``; a start in the past is joined in position."""

    broadcast: str
    clip: str
    start_at: int
    volume: int


@dataclass(frozen=True, slots=True)
class StopSound:
    """Fade a sound out now, or so that it is silent at ``at``."""

    broadcast: str
    at: int | None = None


@dataclass(frozen=True, slots=True)
class PlayUnit:
    """Play one segment of a live stream, Opus packets that go on from those before, from ``start_at`` on."""

    stream: str
    number: int
    start_at: int
    packets: tuple[bytes, ...]
    volume: int


@dataclass(frozen=True, slots=True)
class EndStream:
    """Fade out what is left of a live stream, and forget its decoder; it may come again."""

    stream: str


@dataclass(frozen=True, slots=True)
class LocalMicrophone:
    """Let the microphone at the speaker through, or not."""

    on: bool


@dataclass(frozen=True, slots=True)
class Identify:
    """Blink, for a person in front of it, and beep at ``start_at``; None: where it may not be heard now, blink only."""

    start_at: int | None
    volume: int = 0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Measure the amplifier with a sound that nobody hears."""


Action = (
    Publish
    | Subscribe
    | KeepDocument
    | ForgetDocument
    | KeepManifest
    | KeepSegment
    | AssembleClip
    | ForgetClip
    | KeepReceipt
    | ForgetReceipts
    | CountDropped
    | KeepNote
    | KeepStopped
    | ForgetNotes
    | Amplifier
    | StartSound
    | StopSound
    | PlayUnit
    | EndStream
    | LocalMicrophone
    | Identify
    | SelfTest
)
