"""What the kit says in the station's name: throw-away keys, signed documents, items that share a speaker's air."""

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import msgspec

from broadcaster.clock import SystemClock, from_ms
from broadcaster.conformance.sounds import Sound
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.clips import sha256
from broadcaster.wire.documents import Class, Config, Plan, PlanItem, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import SECOND, UnixMs

UTC_OFFSET_MIN: Final = 420
LEAD_MS: Final = 2_500
"""Between saying that something airs and airing it."""
_GAP_MS: Final = 900


def trusted(key: SigningKey, *scopes: Class, zones: tuple[str, ...] = (), max_level: int | None = None) -> TrustedKey:
    """A key as a trust document names it."""
    return TrustedKey(kid=key.kid, key=keys.public_text(key.public), scopes=scopes, zones=zones, max_level=max_level)


@dataclass
class Papers:
    """Keys that are thrown away afterwards, and what they sign.

    Attributes:
        in_force: the envelope of every retained topic.
    """

    station: str
    speaker: str
    root: SigningKey = field(default_factory=SigningKey.generate)
    key: SigningKey = field(default_factory=SigningKey.generate)
    emergency: SigningKey = field(default_factory=SigningKey.generate)
    in_force: dict[str, bytes] = field(default_factory=dict)
    claim_code: str = field(default_factory=lambda: secrets.token_hex(16))
    revoked: tuple[str, ...] = ()
    more_keys: tuple[TrustedKey, ...] = ()

    def __post_init__(self) -> None:
        self.topics = Topics(self.station)
        self.zone, self.town = f"thon-{self.speaker}", f"xa-{self.speaker}"
        self.clock = SystemClock()
        self.sounds: dict[str, Sound] = {}
        self._seq = 0
        self._air_until = 0

    def now(self) -> int:
        """Unix milliseconds."""
        return self.clock.now_ms()

    def next_seq(self) -> UnixMs:
        """A `seq` above every one before."""
        self._seq = max(self.now(), self._seq + 1)
        return UnixMs(self._seq)

    def sign(
        self,
        kind: Kind,
        topic: str,
        document: msgspec.Struct | bytes,
        *,
        key: SigningKey | None = None,
        seq: int | None = None,
        exp: int = 0,
    ) -> bytes:
        """An envelope; by the station's key (the root's for trust) and with the next `seq` unless told otherwise."""
        signer = key or (self.root if kind is Kind.TRUST else self.key)
        payload = document if isinstance(document, bytes) else strict_json.encode(document)
        number = UnixMs(self.next_seq() if seq is None else seq)
        return envelope.sign(
            signer.private, signer.kid, typ=kind.value, topic=topic, seq=number, payload=payload, exp=UnixMs(exp)
        )

    def config(self, **changes: object) -> Config:
        """How the speaker is set up."""
        told = {"speaker": self.speaker, "zones": (self.zone, self.town), "volume": 60}
        more = {"utc_offset_min": UTC_OFFSET_MIN, "amp_lead_ms": 300, "report_ms": 1_000}
        return msgspec.convert(told | more | changes, Config)

    def slot(self, length_ms: int, lead_ms: int = LEAD_MS) -> int:
        """A moment from which the speaker's air is free for this long."""
        start = max(self.now() + lead_ms, self._air_until + _GAP_MS)
        self._air_until = start + length_ms
        return start

    def item(self, sound: Sound, start_at: int, **changes: object) -> PlanItem:
        """A routine item with a new id."""
        self.sounds[sound.clip] = sound
        told: dict[str, object] = {
            "id": secrets.token_hex(6),
            "start_at": start_at,
            "class": "routine",
            "clip": sound.clip,
            "manifest": sha256(sound.manifest),
            "bytes": len(sound.data),
            "duration_ms": sound.length_ms,
            "late_ms": 30 * SECOND,
            "sent_by": self.now(),
        }
        return msgspec.convert(told | changes, PlanItem)

    def day(self, moment: int) -> str:
        """The local day of a moment."""
        return (from_ms(moment) + timedelta(minutes=UTC_OFFSET_MIN)).date().isoformat()

    def plan_of(self, zone: str, *items: PlanItem) -> tuple[str, Plan]:
        """The topic and the plan of the day of the first item."""
        date = self.day(items[0].start_at)
        return self.topics.plan(zone, date), Plan(zone=zone, date=date, items=items)
