"""Speakers that play, ask, report or remember wrongly."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from broadcaster.wire import strict_json
from broadcaster.wire.documents import Class, Request
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason, RejectedError
from device_sim import arbiter, library
from device_sim.actions import StartSound
from device_sim.beliefs import Beliefs
from device_sim.journal import Journal
from device_sim.library import Library
from device_sim.own_clock import OwnClock
from device_sim.reports import Reports
from device_sim.speaker_time import SpeakerTime
from device_sim.stage import Stage
from device_sim.store import Store
from tests.conformance.faults import caught_by, patch


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


@caught_by("ends-before-quiet-hours")
def lets_the_end_run_into_quiet_hours() -> None:
    silence = arbiter.silence
    patch(arbiter, "silence", lambda config, start_at, at, end=None: silence(config, start_at, at))


@caught_by("permitted-weekdays")
def ignores_weekdays() -> None:
    patch(arbiter, "is_permitted_day", lambda *_: True)


@caught_by("off-until")
def ignores_off() -> None:
    patch(arbiter, "is_off", lambda *_: False)


@caught_by("switched-off-while-it-sounds")
def finishes_when_switched_off() -> None:
    review = Stage._review
    patch(Stage, "_review", lambda stage, items, config, at: review(stage, items, config, 0))


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
    patch(Beliefs, "welcomed", property(lambda _: True, lambda _beliefs, _value: None))


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
    patch(Beliefs, "welcome", lambda beliefs, _current, _kid: setattr(beliefs, "welcomed", True))


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
