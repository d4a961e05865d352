"""Faulty speakers: the reference speaker with one rule broken. ``python mutants.py NAME run KIT …``."""

import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import msgspec

from broadcaster.wire import acceptance, envelope, keys, strict_json
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import Class, Request, TrustedKey
from broadcaster.wire.envelope import Header
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason, RejectedError
from device_sim import arbiter, cli, library
from device_sim.actions import StartSound
from device_sim.beliefs import Admitted, Beliefs
from device_sim.journal import Journal
from device_sim.library import Library
from device_sim.machine import SpeakerMachine
from device_sim.own_clock import OwnClock
from device_sim.reports import Reports
from device_sim.speaker_time import SpeakerTime
from device_sim.stage import Stage
from device_sim.store import Store

Fault = Callable[[], None]
FAULTS: dict[str, tuple[Fault, str]] = {}
"""By name: how to break the reference speaker, and the check that must notice."""


def caught_by(check: str) -> Callable[[Fault], Fault]:
    def note(fault: Fault) -> Fault:
        FAULTS[fault.__name__.replace("_", "-")] = (fault, check)
        return fault

    return note


def patch(target: Any, name: str, made: Any) -> None:
    setattr(target, name, made)


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
    patch(strict_json, "_no_duplicates", dict)


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
    authority = acceptance.check_authority

    def gullible(store: TrustStore, address: Any, read: Any) -> frozenset[Class]:
        if read.header.typ == "loa-trust" and read.header.kid in store.keys:
            envelope.verify(read, keys.public_key(store.keys[read.header.kid].key))
            return frozenset(Class)
        return authority(store, address, read)

    patch(acceptance, "check_authority", gullible)


@caught_by("joins-in-position")
def shifts_late_starts() -> None:
    _change_start(lambda action: moved(action, late_start(action.start_at)))


def late_start(start_at: int) -> int:
    return max(start_at, OwnClock().now_ms() + 50)


def moved(action: StartSound, start_at: int) -> StartSound:
    return StartSound(action.broadcast, action.clip, start_at, action.volume)


def _change_start(change: Callable[[StartSound], StartSound]) -> None:
    contend = Stage._contend

    def changed(stage: Stage, *given: Any) -> list[Any]:
        return [change(action) if isinstance(action, StartSound) else action for action in contend(stage, *given)]

    patch(Stage, "_contend", changed)


@caught_by("on-time")
def starts_half_a_second_late() -> None:
    _change_start(lambda action: moved(action, action.start_at + 500))


@caught_by("too-late-is-skipped")
def is_never_too_late() -> None:
    patch(arbiter, "is_too_late", lambda item, at, *, begun: at >= arbiter.end_of(item))


@caught_by("excluded-zone")
def ignores_excluded() -> None:
    patch(arbiter, "is_excluded", lambda *_: False)


@caught_by("quiet-hours")
def ignores_quiet_hours() -> None:
    patch(arbiter, "in_quiet_hours", lambda *_: False)


@caught_by("withdrawn-stops")
def plays_what_was_withdrawn() -> None:
    patch(Stage, "_review", lambda *_: [])


@caught_by("stop-ends-it")
def ignores_stop() -> None:
    patch(Stage, "obey", lambda *_: [])


@caught_by("stop-all")
def lets_anybody_stop_all() -> None:
    obey = Stage.obey
    patch(Stage, "obey", lambda stage, command, items, _scopes, now: obey(stage, command, items, set(Class), now))


@caught_by("priority-preempts")
def first_always_keeps_the_air() -> None:
    patch(arbiter, "outranks", lambda *_: False)


@caught_by("silent-before-welcome")
def plays_before_welcome() -> None:
    patch(SpeakerMachine, "may_play", property(lambda machine: machine.time.known))


@caught_by("stale-welcome")
def takes_any_welcome() -> None:
    patch(Reports, "answered_by", lambda *_: True)


@caught_by("again-until-acknowledged")
def forgets_receipts() -> None:
    signed = Reports._signed

    def once(reports: Reports, receipts: Any, now: int) -> Any:
        said = signed(reports, receipts, now)
        for receipt in receipts.receipts:
            reports._machine.journal.waiting.pop(receipt.id, None)
        return said

    patch(Reports, "_signed", once)


@caught_by("acknowledged-is-forgotten")
def ignores_acks() -> None:
    patch(Journal, "acknowledged", lambda *_: [])


@caught_by("signed-by-its-key")
def signs_with_another_key() -> None:
    signed, other = Reports._signed, SigningKey.generate()

    def forged(reports: Reports, *given: Any) -> Any:
        identity, reports._machine.identity = reports._machine.identity, _with_key(reports, other)
        try:
            return signed(reports, *given)
        finally:
            reports._machine.identity = identity

    patch(Reports, "_signed", forged)


def _with_key(reports: Reports, key: SigningKey) -> Any:
    return replace(reports._machine.identity, key=key)


@caught_by("stopped-stays-stopped")
def replays_after_a_reboot() -> None:
    recall = Store.recall

    def forgetful(store: Store) -> Any:
        memory = recall(store)
        memory.journal.notes.clear()
        return memory

    patch(Store, "recall", forgetful)


@caught_by("floor-survives-power")
def forgets_seq_at_a_reboot() -> None:
    recall_one = Beliefs._recall_one

    def forgetful(beliefs: Beliefs, topic: str, message: bytes) -> None:
        recall_one(beliefs, topic, message)
        beliefs.floors.pop(topic, None)

    patch(Beliefs, "_recall_one", forgetful)


@caught_by("welcome-sets-the-floor")
def ignores_what_a_welcome_names() -> None:
    patch(Beliefs, "welcome", lambda beliefs, _current: setattr(beliefs, "welcomed", True))


@caught_by("plays-alone")
def needs_the_station_at_every_boot() -> None:
    recall = Store.recall

    def empty(store: Store) -> Any:
        memory = recall(store)
        memory.documents.clear()
        return memory

    patch(Store, "recall", empty)


@caught_by("ids-never-come-again")
def counts_receipts_from_one() -> None:
    recall = Store.recall

    def same_name(store: Store) -> Any:
        memory = recall(store)
        memory.journal.name, memory.journal.count = "receipt", 0
        return memory

    patch(Store, "recall", same_name)


@caught_by("lost-segments-by-list")
def asks_for_everything() -> None:
    requests = Library.requests

    def greedy(shelf: Library, now: int) -> list[Any]:
        asked = requests(shelf, now)
        return [msgspec.structs.replace(one, missing=((0, 5),)) if isinstance(one, Request) else one for one in asked]

    patch(Library, "requests", greedy)


@caught_by("poisoned-segment")
def storms_when_poisoned() -> None:
    take = Library.take_segment

    def storm(shelf: Library, clip: str, number: int, data: bytes, now: int) -> list[Any]:
        try:
            return take(shelf, clip, number, data, now)
        except RejectedError:
            if clip in shelf.arriving:
                shelf.arriving[clip].ask_at = now
            raise

    patch(Library, "take_segment", storm)


@caught_by("asks-again-slowly")
def asks_without_pause() -> None:
    patch(library, "_AGAIN_MS", 1_000)


@caught_by("known-clip-not-asked-for")
def fetches_every_clip_again() -> None:
    want = Library.want

    def forgetful(shelf: Library, items: Any) -> list[Any]:
        items = list(items)
        if len(items) > len(shelf.cached) > 2:
            shelf.cached.clear()
        return want(shelf, items)

    patch(Library, "want", forgetful)


@caught_by("repeats-hello")
def says_hello_once() -> None:
    greeted = Reports._hello

    def once(reports: Reports, now: int) -> Any:
        said = greeted(reports, now)
        reports._hello_at = None
        return said

    patch(Reports, "_hello", once)


@caught_by("follows-the-welcome")
def believes_its_own_clock() -> None:
    patch(SpeakerTime, "own", lambda _, station_ms: station_ms)


@caught_by("unknown-members-ignored")
def refuses_unknown_members() -> None:
    decode = strict_json.decode

    def strict(data: bytes, kind: Any) -> Any:
        if b"of-version-9" in data:
            raise RejectedError(Reason.MALFORMED)
        return decode(data, kind)

    patch(strict_json, "decode", strict)


if __name__ == "__main__":
    FAULTS[sys.argv[1]][0]()
    sys.exit(cli.main(sys.argv[2:]))
