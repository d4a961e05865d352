"""A station small enough to hold in the hand: it signs what a speaker hears and answers what a speaker says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.documents import (
    Ack,
    Action,
    Class,
    Command,
    Config,
    Hello,
    Plan,
    PlanItem,
    Receipts,
    Request,
    Trust,
    TrustedKey,
    Welcome,
)
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND, UnixMs
from broadcaster.wire.urgent import Alert, AlertPart, LiveOpen, Part
from tests.wire.opus import opus_clip

NOON = 1_795_237_200_000
"""12:00 on 21 November 2026 in Vietnam, Unix milliseconds: when the tests begin."""
AT = NOON + MINUTE
"""When the bulletin of most tests begins."""
LENGTH = 20 * SECOND
WHOLE = [(AT, AT + LENGTH, 0)]
"""`Bench.plays` of that bulletin when all is well."""
DATE = "2026-11-21"
UTC_OFFSET_MIN = 7 * 60
SPEAKER = "loa-001"
OWN, TOP, ELSEWHERE = "thon-1", "xa", "thon-9"


@dataclass(frozen=True)
class Message:
    topic: str
    payload: bytes


@dataclass
class Station:
    """Signs with real keys. ``now`` is station time, moved by hand; ``documents`` is what is in force, by topic."""

    name: str = "st"
    now: int = NOON
    zones: tuple[str, ...] = (OWN, TOP)
    documents: dict[str, Message] = field(default_factory=dict)
    clips: dict[str, bytes] = field(default_factory=dict)
    deaf: bool = False

    def __post_init__(self) -> None:
        self.topics = Topics(self.name)
        self.root, self.key, self.emergency, self.stranger = (SigningKey.from_bytes(bytes([n] * 32)) for n in range(4))
        self._seq: dict[str, int] = {}

    def sign(
        self,
        kind: Kind,
        topic: str,
        document: msgspec.Struct | bytes,
        *,
        key: SigningKey | None = None,
        exp: int = envelope.NEVER,
        seq: int | None = None,
    ) -> Message:
        signer = key or self.key
        if seq is None:
            seq = max(self.now, self._seq.get(topic, 0) + 1)
            self._seq[topic] = seq
        payload = document if isinstance(document, bytes) else strict_json.encode(document)
        signed = envelope.sign(
            signer.private,
            signer.kid,
            typ=kind.value,
            topic=topic,
            seq=UnixMs(seq),
            payload=payload,
            exp=UnixMs(exp),
        )
        return Message(topic, signed)

    def put(self, message: Message) -> Message:
        """Make a document the one in force."""
        self.documents[message.topic] = message
        return message

    def trust(self, *, zone: str = TOP, also: Sequence[TrustedKey] = (), revoked: Sequence[str] = ()) -> Message:
        known = (
            trusted(self.key, Class.ROUTINE, Class.PRIORITY),
            trusted(self.emergency, Class.EMERGENCY),
            *also,
        )
        document = Trust(keys=known, revoked=tuple(revoked))
        return self.put(self.sign(Kind.TRUST, self.topics.trust(zone), document, key=self.root))

    def config(self, **changes: Any) -> Message:
        document = Config(
            **{
                "speaker": SPEAKER,
                "zones": self.zones,
                "volume": 80,
                "utc_offset_min": UTC_OFFSET_MIN,
                "amp_lead_ms": 800,
                "report_ms": 60_000,
                **changes,
            }
        )
        return self.put(self.sign(Kind.CONFIG, self.topics.down(SPEAKER, "config"), document))

    def item(self, name: str, start_at: int, clip: bytes | None = None, **changes: Any) -> PlanItem:
        """An item of 20 s, by default with a clip of one segment, sent a minute before the start."""
        data = clip or opus_clip(1)
        manifest, _ = clips.describe(data)
        self.clips[manifest.clip] = data
        given = {
            "id": name,
            "start_at": start_at,
            "klass": Class.ROUTINE,
            "clip": manifest.clip,
            "manifest": clips.sha256(strict_json.encode(manifest)),
            "bytes": len(data),
            "duration_ms": 20 * SECOND,
            "late_ms": 5 * MINUTE,
            "sent_by": start_at - MINUTE,
        }
        return PlanItem(**{**given, **changes})

    def plan(
        self, *items: PlanItem, zone: str = OWN, date: str = DATE, key: SigningKey | None = None, **signing: Any
    ) -> Message:
        document = Plan(zone=zone, date=date, items=items)
        exp = signing.pop("exp", NOON + 18 * HOUR)
        return self.put(self.sign(Kind.PLAN, self.topics.plan(zone, date), document, key=key, exp=exp, **signing))

    def command(
        self,
        action: Action,
        broadcast: str | None = None,
        *,
        zone: str = OWN,
        valid_ms: int = 30 * SECOND,
        members: dict[str, Any] | None = None,
        **signing: Any,
    ) -> Message:
        document = Command(action=action, broadcast=broadcast, **(members or {}))
        return self.sign(Kind.COMMAND, self.topics.command(zone), document, exp=self.now + valid_ms, **signing)

    def part(self, seed: int, at_ms: int, kind: Part = Part.SPEECH, lasts_ms: int = 10 * SECOND) -> AlertPart:
        """A part of an alert, and its clip."""
        item = self.item("part", 0, opus_clip(1, seed=seed))
        return AlertPart(
            part=kind,
            at_ms=at_ms,
            clip=item.clip,
            manifest=item.manifest,
            bytes=item.bytes,
            duration_ms=lasts_ms,
            sent_by=self.now,
        )

    def alert(
        self,
        name: str,
        *parts: AlertPart,
        zone: str = TOP,
        key: SigningKey | None = None,
        valid_ms: int = HOUR,
        seq: int | None = None,
        **members: Any,
    ) -> Message:
        document = Alert(**{"alert": name, "level": 3, "start_at": self.now + 400, "parts": parts, **members})
        topic = self.topics.alert(zone, name)
        return self.put(
            self.sign(Kind.ALERT, topic, document, key=key or self.emergency, exp=self.now + valid_ms, seq=seq)
        )

    def live_open(self, name: str, klass: Class, *, key: SigningKey | None = None, **members: Any) -> Message:
        given = {"stream": name, "klass": klass, "start_at": self.now + 500, "limit_at": self.now + HOUR, **members}
        topic = self.topics.live_open(OWN, name)
        return self.sign(Kind.LIVE_OPEN, topic, LiveOpen(**given), key=key, exp=self.now + 10 * SECOND)

    def live(self, stream: str, number: int, *, key: SigningKey | None = None, payload: bytes | None = None) -> Message:
        packets = b"\x00\x03abc\x00\x02de" if payload is None else payload
        topic = self.topics.live(OWN, stream, number)
        return self.sign(Kind.LIVE, topic, packets, key=key, exp=self.now + 5 * SECOND)

    def clip_of(self, part: AlertPart) -> list[Message]:
        """The manifest and the segments of a part."""
        manifest, pieces = clips.describe(self.clips[part.clip])
        head = Message(self.topics.manifest(TOP, part.clip), strict_json.encode(manifest))
        return [head, *(Message(self.topics.segment(TOP, part.clip, n), piece) for n, piece in enumerate(pieces))]

    def manifest(self, item: PlanItem, zone: str = OWN) -> Message:
        document, _ = clips.describe(self.clips[item.clip])
        return Message(self.topics.manifest(zone, item.clip), strict_json.encode(document))

    def segments(self, item: PlanItem, zone: str = OWN) -> list[Message]:
        _, pieces = clips.describe(self.clips[item.clip])
        return [Message(self.topics.segment(zone, item.clip, number), piece) for number, piece in enumerate(pieces)]

    def sound(self, item: PlanItem) -> list[Message]:
        return [self.manifest(item), *self.segments(item)]

    def copy(self, message: Message) -> Message:
        return Message(self.topics.down(SPEAKER, "copy"), message.payload)

    # Answers.

    def welcome(self, hello: Hello, *, way_ms: int = 0) -> Message:
        current = {message.topic: envelope.parse(message.payload).header.seq for message in self.documents.values()}
        at = self.now + way_ms
        document = Welcome(nonce=hello.nonce, t1=hello.t1, t2=at, t3=at, current=current)
        if hello.time_only:
            document = Welcome(nonce=hello.nonce, t1=hello.t1, t2=at, t3=at, time_only=True)
        topic = self.topics.down(SPEAKER, "welcome")
        return self.sign(Kind.WELCOME, topic, document, exp=self.now + MINUTE)

    def ack(self, ids: Iterable[str]) -> Message:
        return self.sign(Kind.ACK, self.topics.down(SPEAKER, "ack"), Ack(receipts=tuple(ids)), exp=self.now + MINUTE)

    def answer(self, topic: str, payload: bytes) -> list[Message]:
        """What the station says to a message from the speaker."""
        if self.deaf:
            return []
        match self.topics.parse(topic).kind:
            case Kind.HELLO:
                return self._greet(strict_json.decode(payload, Hello))
            case Kind.RECEIPT:
                receipts = strict_json.decode(envelope.parse(payload).payload, Receipts).receipts
                return [self.ack(receipt.id for receipt in receipts)]
            case Kind.REQUEST:
                return self._repair(strict_json.decode(payload, Request))
        return []

    def _greet(self, hello: Hello) -> list[Message]:
        if hello.time_only:
            return [self.welcome(hello)]
        in_force = [
            message
            for message in self.documents.values()
            if not 0 < envelope.parse(message.payload).header.exp <= self.now
            and hello.have.get(message.topic, -1) < envelope.parse(message.payload).header.seq
        ]
        trusts = [self.copy(message) for message in in_force if message.topic.endswith("/trust")]
        configs = [self.copy(message) for message in in_force if message.topic.endswith("/config")]
        others = [self.copy(message) for message in in_force if "/plan/" in message.topic or "/alert/" in message.topic]
        return [*trusts, self.welcome(hello), *configs, *others]

    def _repair(self, request: Request) -> list[Message]:
        manifest, pieces = clips.describe(self.clips[request.clip])
        wanted = [number for first, last in request.missing for number in range(first, last + 1)]
        below = f"clip/{request.clip}"
        found = [Message(self.topics.down(SPEAKER, f"{below}/{number}"), pieces[number]) for number in wanted]
        if request.manifest:
            found.insert(0, Message(self.topics.down(SPEAKER, f"{below}/m"), strict_json.encode(manifest)))
        return found


def trusted(key: SigningKey, *scopes: Class, zones: tuple[str, ...] = ()) -> TrustedKey:
    return TrustedKey(kid=key.kid, key=keys.public_text(key.public), scopes=scopes, zones=zones)


TOMORROW = NOON + DAY
