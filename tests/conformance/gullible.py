"""Speakers that believe too much."""

import json
from collections.abc import Collection
from typing import Any

import msgspec

from broadcaster.wire import acceptance, envelope, keys, strict_json
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import Class, TrustedKey
from broadcaster.wire.envelope import Header
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Kind
from device_sim.beliefs import Admitted, Beliefs
from tests.conformance.faults import caught_by, patch


@caught_by("expired-plan")
def ignores_expiry() -> None:
    patch(acceptance, "check_time", lambda *_: None)
    patch(Beliefs, "forget_expired", lambda *_: [])


@caught_by("future-dated-plan")
def believes_the_future() -> None:
    patch(acceptance, "MAX_AHEAD_MS", 10**12)


@caught_by("rolled-back-plan")
def ignores_seq() -> None:
    patch(acceptance, "check_floor", lambda *_, **__: True)


@caught_by("same-seq-other-payload")
def takes_any_payload_of_a_seq() -> None:
    def check_floor(read: Any, floor: Floor | None, _digest: str, *, once: bool) -> bool:
        if floor and read.header.seq < floor.seq:
            raise RejectedError(Reason.ROLLED_BACK)
        return True

    patch(acceptance, "check_floor", check_floor)


@caught_by("unsigned-plan")
def plays_unsigned() -> None:
    authority = acceptance.check_authority

    def lenient(topics: Any, topic: str, message: bytes) -> Any:
        if not message.startswith(b"{"):
            return shape(topics, topic, message)
        header = Header("Ed25519", b64=False, crit=("b64",), kid="0" * 16, typ="", topic=topic, seq=2**47)
        return topics.parse(topic), envelope.Envelope(header, message, message, b"unsigned")

    def no_authority(store: TrustStore, address: Any, read: Any) -> frozenset[Class]:
        return frozenset(Class) if read.signature == b"unsigned" else authority(store, address, read)

    shape = acceptance.check_shape
    patch(acceptance, "check_shape", lenient)
    patch(acceptance, "check_authority", no_authority)
    patch(acceptance, "check_time", lambda *_: None)


@caught_by("forged-signature")
def verifies_nothing() -> None:
    patch(envelope, "verify", lambda *_: None)


@caught_by("altered-payload")
def signs_only_the_header() -> None:
    """As a speaker does that verifies once per header and trusts whatever payload comes with it."""
    verify = envelope.verify

    def lazy(read: Any, key: Any) -> None:
        if read.header.typ != "loa-plan":
            verify(read, key)

    patch(envelope, "verify", lazy)


@caught_by("revoked-key")
def ignores_revocation() -> None:
    learn = TrustStore.learn
    patch(TrustStore, "learn", lambda store, trust, seq: learn(store, msgspec.structs.replace(trust, revoked=()), seq))


@caught_by("class-beyond-scope")
def ignores_scopes() -> None:
    patch(acceptance, "check_classes", lambda *_: None)


@caught_by("key-of-another-zone")
def ignores_a_keys_zones() -> None:
    find = TrustStore.find

    def anywhere(store: TrustStore, kid: str, scopes: Collection[Class], _zone: str) -> TrustedKey:
        known = store.keys.get(kid)
        return known if known and kid not in store.revoked else find(store, kid, scopes, "")

    patch(TrustStore, "find", anywhere)


@caught_by("level-beyond-its-key")
def forgets_the_highest_level_of_a_key() -> None:
    patch(acceptance, "check_level", lambda *_: None)


@caught_by("guest-ends-no-other-alert")
def lets_a_guest_end_anything() -> None:
    patch(acceptance, "check_guest", lambda *_: None)


@caught_by("another-topic")
def ignores_the_topic() -> None:
    shape = acceptance.check_shape

    def anywhere(topics: Any, topic: str, message: bytes) -> Any:
        return shape(topics, envelope.parse(message).header.topic, message)

    patch(acceptance, "check_shape", anywhere)


@caught_by("foreign-zone")
def listens_to_every_zone() -> None:
    patch(Beliefs, "_check_zone", lambda *_: None)


@caught_by("member-twice")
def takes_the_last_of_two_members() -> None:
    patch(strict_json, "_DECODER", json.JSONDecoder())


@caught_by("too-large")
def takes_any_size() -> None:
    patch(envelope, "MAX_MESSAGE_BYTES", 10**9)


@caught_by("config-brings-no-keys")
def trusts_keys_in_a_config() -> None:
    take = Beliefs.take

    def gullible(beliefs: Beliefs, admitted: Admitted) -> list[str]:
        told = msgspec.json.decode(admitted.read.payload)
        for key in told.get("keys", ()):
            beliefs._trust.keys[key["kid"]] = msgspec.convert(key, TrustedKey)
        return take(beliefs, admitted)

    patch(Beliefs, "take", gullible)


@caught_by("trust-by-another-key")
def takes_trust_from_the_station() -> None:
    find = acceptance.find_signer

    def gullible(store: TrustStore, address: Any, kid: str) -> acceptance.Signer:
        if address.kind is Kind.TRUST and kid in store.keys:
            return acceptance.Signer(keys.public_key(store.keys[kid].key), frozenset(Class))
        return find(store, address, kid)

    patch(acceptance, "find_signer", gullible)
