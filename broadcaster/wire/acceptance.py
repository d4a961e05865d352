"""The rules by which a speaker acts on an envelope, and nothing else: docs/protocol.md, section "Acceptance".

Pure: the caller keeps what is returned. Cheap checks stand before the signature.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Class, Plan, Trust, TrustedKey
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics
from broadcaster.wire.units import DAY, MINUTE, SECOND
from broadcaster.wire.urgent import Alert

MAX_AHEAD_MS: Final = 5 * MINUTE
"""How far ``seq`` may run ahead of the speaker's clock."""
MAX_COMMAND_MS: Final = 30 * SECOND
"""How long a command may be valid."""
MAX_LIVE_MS: Final = 5 * SECOND
"""How long a live segment may be valid."""
MAX_ALERT_MS: Final = 2 * DAY
"""How long an alert may be in force."""
MAX_LOCK_OUT_MS: Final = DAY
"""How long a lock-out may last."""
MAX_LEVEL: Final = 5
"""The highest risk level there is."""

_TIMELESS: Final = frozenset({Kind.TRUST, Kind.WELCOME})
"""Never judged by the clock: the root's word has no date, and a nonce proves the other, which sets a wrong clock right."""
_SCOPES: Final = {
    Kind.ALERT: frozenset({Class.EMERGENCY}),
    **dict.fromkeys((Kind.PLAN, Kind.COMMAND, Kind.LIVE_OPEN, Kind.LIVE), frozenset(Class)),
}
_BRIEF: Final = {Kind.COMMAND: MAX_COMMAND_MS, Kind.LIVE_OPEN: MAX_COMMAND_MS, Kind.LIVE: MAX_LIVE_MS}
"""What is for this moment only: how long it may be valid. Without a clock it can't be judged, and is not obeyed."""


@dataclass
class TrustStore:
    """The keys a speaker believes, from root-signed trust documents only.

    Attributes:
        locked: keys that are locked out, and until when, Unix milliseconds.
        seq: of the document that ``keys`` are from; one trust is for every zone, so the newest of all topics counts.
    """

    root: Ed25519PublicKey
    keys: dict[str, TrustedKey] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    locked: dict[str, int] = field(default_factory=dict)
    seq: int = -1

    def learn(self, trust: Trust, seq: int) -> None:
        """Take over a trust document whose root signature has been checked; of an older one only what it revokes."""
        self.revoked |= set(trust.revoked)
        if seq > self.seq:
            self.keys, self.seq = {key.kid: key for key in trust.keys}, seq

    def believes(self, kid: str) -> bool:
        """Whether the key may act at all."""
        return self.is_root(kid) or (kid in self.keys and kid not in self.revoked and kid not in self.locked)

    def is_root(self, kid: str) -> bool:
        """Whether this is the name of the root key."""
        return kid == keys.key_id(self.root)

    def find(self, kid: str, scopes: Collection[Class], zone: str) -> TrustedKey:
        """The key ``kid`` if it may act with one of ``scopes`` in ``zone``; "", a speaker's own topics, takes every zone.

        Errors: RejectedError (revoked-key, locked-out, unknown-key, out-of-scope).
        """
        if kid in self.revoked:
            raise RejectedError(Reason.REVOKED_KEY, kid)
        if kid in self.locked:
            raise RejectedError(Reason.LOCKED_OUT, kid)
        trusted = self.keys.get(kid)
        if trusted is None:
            raise RejectedError(Reason.UNKNOWN_KEY, kid)
        if not set(scopes) & set(trusted.scopes) or (trusted.zones and zone not in trusted.zones):
            raise RejectedError(Reason.OUT_OF_SCOPE, kid)
        return trusted


@dataclass(frozen=True)
class Floor:
    """What has been accepted on one topic: nothing older is believed until ``exp`` has passed.

    ``payload_hash`` and ``kid``, its signer, are empty where the document itself is still to come.
    """

    seq: int
    exp: int
    payload_hash: str = ""
    kid: str = ""


def check_shape(topics: Topics, topic: str, message: bytes) -> tuple[Address, Envelope]:
    """Sizes, shape, and that the envelope was made for this topic.

    Errors: RejectedError (oversized, malformed, duplicate-member, wrong-topic, wrong-type, unknown-topic).
    """
    address = topics.parse(topic)
    read = envelope.parse(message)
    if read.header.topic != topic:
        raise RejectedError(Reason.WRONG_TOPIC, f"{read.header.topic} came on {topic}")
    if read.header.typ != address.kind.value:
        raise RejectedError(Reason.WRONG_TYPE, read.header.typ)
    return address, read


def check_time(kind: Kind, read: Envelope, now_ms: int | None) -> None:
    """Expiry and future-dating by the speaker's clock; None means that it has no clock yet.

    Errors: RejectedError (expired, future-dated; malformed: a command or an alert that is valid for too long).
    """
    if kind in _TIMELESS:
        return
    longest = _BRIEF.get(kind)
    if longest and not 0 < read.header.exp - read.header.seq <= longest:
        raise RejectedError(Reason.MALFORMED, f"{kind.value} is valid for {longest} ms at most")
    if kind is Kind.ALERT and (read.header.exp == envelope.NEVER or read.header.exp > read.header.seq + MAX_ALERT_MS):
        raise RejectedError(Reason.MALFORMED, f"an alert ends by itself, after {MAX_ALERT_MS} ms at most")
    if now_ms is None:
        if longest:
            raise RejectedError(Reason.EXPIRED, "no clock to judge it by")
        return
    if read.header.exp and read.header.exp <= now_ms:
        raise RejectedError(Reason.EXPIRED, read.header.topic)
    if read.header.seq > now_ms + MAX_AHEAD_MS:
        raise RejectedError(Reason.FUTURE_DATED, read.header.topic)


def check_floor(read: Envelope, floor: Floor | None, payload_hash: str, *, once: bool) -> bool:
    """Whether this is news on its topic (False: the same document again; with ``once`` that is a replay).

    Errors: RejectedError (replayed, rolled-back).
    """
    if floor is None or read.header.seq > floor.seq:
        return True
    if read.header.seq < floor.seq:
        raise RejectedError(Reason.ROLLED_BACK, read.header.topic)
    if once or payload_hash != floor.payload_hash:
        raise RejectedError(Reason.REPLAYED, read.header.topic)
    return False


@dataclass(frozen=True)
class Signer:
    """The key that a document must be signed with, the classes it may act in, and the highest level of its alerts."""

    key: Ed25519PublicKey
    scopes: frozenset[Class]
    max_level: int = MAX_LEVEL


def find_signer(store: TrustStore, address: Address, kid: str) -> Signer:
    """The key that says it signed, if its scope covers this kind of document and this zone; not the signature.

    The root key signs trust, and may command, as nothing can be locked out without it when every other key is lost.

    Errors: RejectedError (unknown-key, revoked-key, locked-out, out-of-scope, malformed).
    """
    if address.kind is Kind.TRUST and not store.is_root(kid):
        raise RejectedError(Reason.UNKNOWN_KEY, kid)
    if address.kind is Kind.TRUST or (address.kind is Kind.COMMAND and store.is_root(kid)):
        return Signer(store.root, frozenset({Class.EMERGENCY}))
    trusted = store.find(kid, _SCOPES.get(address.kind, (Class.ROUTINE,)), address.zone)
    if trusted.max_level is None:
        return Signer(keys.public_key(trusted.key), frozenset(trusted.scopes))
    check_guest(address, kid)
    return Signer(keys.public_key(trusted.key), frozenset(trusted.scopes), trusted.max_level)


def check_guest(address: Address, kid: str) -> None:
    """A guest's key signs alerts only, and those whose names begin with its own: it can't end anybody else's.

    Errors: RejectedError (out-of-scope).
    """
    if address.kind is not Kind.ALERT or not address.alert.startswith(f"{kid}-"):
        raise RejectedError(Reason.OUT_OF_SCOPE, f"{kid} is a guest's key")


def check_level(alert: Alert, signer: Signer) -> None:
    """An alert is of a level that its signer may raise.

    Errors: RejectedError (out-of-scope).
    """
    if alert.level > signer.max_level:
        raise RejectedError(Reason.OUT_OF_SCOPE, f"level {alert.level}, at most {signer.max_level}")


def check_authority(store: TrustStore, address: Address, read: Envelope) -> frozenset[Class]:
    """The key, its scope for this kind of document, and the signature; returns the classes the key may act in.

    Errors: RejectedError (unknown-key, revoked-key, locked-out, out-of-scope, bad-signature, malformed).
    """
    signer = find_signer(store, address, read.header.kid)
    envelope.verify(read, signer.key)
    return signer.scopes


def check_classes(plan: Plan, scopes: Collection[Class]) -> None:
    """Every item of a plan is of a class its signer may act in.

    Errors: RejectedError (out-of-scope).
    """
    beyond = {item.klass for item in plan.items} - set(scopes)
    if beyond:
        raise RejectedError(Reason.OUT_OF_SCOPE, f"{plan.zone} {plan.date}: {', '.join(sorted(beyond))}")


def read_trust(read: Envelope) -> Trust:
    """The trust document of a checked envelope. Errors: RejectedError (malformed, duplicate-member)."""
    return strict_json.decode(read.payload, Trust)
