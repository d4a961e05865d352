"""The rules by which a speaker acts on an envelope, and nothing else: docs/protocol.md, section "Acceptance".

Pure: the caller keeps what is returned. Cheap checks stand before the signature.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import Class, Trust, TrustedKey
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics
from broadcaster.wire.units import MINUTE

MAX_AHEAD_MS: Final = 5 * MINUTE
"""How far ``seq`` may run ahead of the speaker's clock."""


@dataclass
class TrustStore:
    """The keys a speaker believes, from root-signed trust documents only."""

    root: Ed25519PublicKey
    keys: dict[str, TrustedKey] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def learn(self, trust: Trust) -> None:
        """Take over a trust document whose root signature and ``seq`` have been checked."""
        self.revoked |= set(trust.revoked)
        self.keys = {key.kid: key for key in trust.keys}

    def find(self, kid: str, scopes: Collection[Class], zone: str) -> Ed25519PublicKey:
        """The public key ``kid`` if it may act with one of ``scopes`` in ``zone`` ("" for a speaker's own topics).

        Errors: RejectedError (revoked-key, unknown-key, out-of-scope).
        """
        if kid in self.revoked:
            raise RejectedError(Reason.REVOKED_KEY, kid)
        trusted = self.keys.get(kid)
        if trusted is None:
            raise RejectedError(Reason.UNKNOWN_KEY, kid)
        if not set(scopes) & set(trusted.scopes) or (zone and trusted.zones and zone not in trusted.zones):
            raise RejectedError(Reason.OUT_OF_SCOPE, kid)
        return keys.public_key(trusted.key)


@dataclass(frozen=True)
class Floor:
    """What has been accepted on one topic: nothing older is believed until ``exp`` has passed."""

    seq: int
    exp: int
    payload_hash: str


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


def check_time(read: Envelope, now_ms: int | None) -> None:
    """Expiry and future-dating by the speaker's clock; None means that it has no clock yet.

    Errors: RejectedError (expired, future-dated).
    """
    if now_ms is None:
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


def check_authority(store: TrustStore, address: Address, read: Envelope) -> None:
    """The key, its scope for this kind of document, and the signature.

    Errors: RejectedError (unknown-key, revoked-key, out-of-scope, bad-signature, malformed).
    """
    if address.kind is Kind.TRUST:
        if read.header.kid != keys.key_id(store.root):
            raise RejectedError(Reason.UNKNOWN_KEY, read.header.kid)
        envelope.verify(read, store.root)
        return
    scopes = (Class.ROUTINE, Class.EMERGENCY) if address.kind is Kind.COMMAND else (Class.ROUTINE,)
    envelope.verify(read, store.find(read.header.kid, scopes, address.zone))


def read_trust(read: Envelope) -> Trust:
    """The trust document of a checked envelope. Errors: RejectedError (malformed, duplicate-member)."""
    return strict_json.decode(read.payload, Trust)
