"""Speakers that are wrong about what can't wait: alerts, live streams, lock-outs."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import msgspec

from broadcaster.wire import acceptance, envelope
from broadcaster.wire.acceptance import Signer, TrustStore
from broadcaster.wire.documents import Class, Event, TrustedKey
from device_sim import alarms, arbiter, live, rounds
from device_sim.alarms import Alarms, Ringing
from device_sim.beliefs import LOCK_OUT, Admitted, Beliefs
from device_sim.journal import Journal
from device_sim.live import Live
from device_sim.store import Store
from tests.conformance.faults import caught_by, patch


def _with_every_scope(admitted: Admitted) -> Admitted:
    return replace(admitted, signer=Signer(admitted.signer.key, frozenset(Class)))


# Alerts.


@caught_by("alert-sounds")
def never_says_armed() -> None:
    write = Journal.write

    def silent(journal: Journal, item: Any, event: Event, at: int, **more: Any) -> list[Any]:
        return [] if event is Event.ARMED else write(journal, item, event, at, **more)

    patch(Journal, "write", silent)


@caught_by("alert-needs-its-scope")
def takes_alerts_from_any_key() -> None:
    find = TrustStore.find

    def any_key(store: TrustStore, kid: str, _scopes: Collection[Class], zone: str) -> TrustedKey:
        return find(store, kid, tuple(Class), zone)

    patch(TrustStore, "find", any_key)


@caught_by("alert-lasts-two-days-at-most")
def believes_in_endless_danger() -> None:
    patch(acceptance, "MAX_ALERT_MS", 10**12)


@caught_by("rehearsal-is-answered-in-silence")
def takes_no_notice_of_rehearsals() -> None:
    patch(Alarms, "_is_answered", lambda _self, alert, cached: any(part.clip in cached for part in alert.parts))


@caught_by("rehearsal-is-answered-in-silence")
def says_that_a_rehearsal_was_skipped() -> None:
    close = Alarms._close

    def telling(own: Alarms, name: str, ringing: Ringing, now: int) -> list[Any]:
        grown = msgspec.structs.replace(ringing.raised.alert, growing=True)
        ringing.raised = replace(ringing.raised, alert=grown)
        return close(own, name, ringing, now)

    patch(Alarms, "_close", telling)


@caught_by("alert-takes-the-air")
def lets_alerts_wait_for_their_turn() -> None:
    patch(arbiter, "alert_rank", lambda _: 5)


@caught_by("alert-in-quiet-hours")
def sleeps_through_alerts() -> None:
    tick = Alarms.tick

    def asleep(own: Alarms, config: Any, cached: Any, now: int, taken: int) -> list[Any]:
        quiet = arbiter.is_quiet(config, own._time.station(now))
        return [] if quiet else tick(own, config, cached, now, taken)

    patch(Alarms, "tick", asleep)


@caught_by("alert-grows")
def hears_only_the_first_of_an_alert() -> None:
    _patch_alert(lambda beliefs, admitted, alert: alert.ended or admitted.place not in beliefs._alerts)


@caught_by("end-silences-it")
def does_not_hear_the_end() -> None:
    _patch_alert(lambda _beliefs, _admitted, alert: not alert.ended)


def _patch_alert(hears: Any) -> None:
    take = Beliefs._take_alert

    def heedless(beliefs: Beliefs, admitted: Admitted, alert: Any) -> None:
        if hears(beliefs, admitted, alert):
            take(beliefs, admitted, alert)

    patch(Beliefs, "_take_alert", heedless)


@caught_by("words-only-where-begun")
def says_words_about_what_nobody_heard() -> None:
    patch(Alarms, "_is_for_us", lambda _self, _alert: True)


@caught_by("remembers-what-it-has-begun")
def forgets_at_a_reboot_what_it_has_begun() -> None:
    recall = Store.recall

    def blank(store: Store) -> Any:
        memory = recall(store)
        memory.journal.notes.clear()
        return memory

    patch(Store, "recall", blank)


@caught_by("alert-repeats")
def says_everything_once() -> None:
    patch(rounds, "_first", lambda alert: tuple(rounds.Sound(part.at_ms, part) for part in alert.parts))


@caught_by("higher-level-first")
def puts_the_lower_level_first() -> None:
    patch(arbiter, "alert_rank", lambda level: 58 - level)


@caught_by("cut-words-are-said-again")
def is_content_with_the_end_of_a_sentence() -> None:
    patch(alarms, "_WHOLE", 0)


@caught_by("missed-alert-is-made-up-for")
def makes_up_for_nothing() -> None:
    patch(Ringing, "owed", property(lambda _: False, lambda *_: None))


@caught_by("alert-without-a-clock")
def waits_for_the_time_with_alerts() -> None:
    tick = Alarms.tick
    patch(Alarms, "tick", lambda own, *given: tick(own, *given) if own._time.known else [])


# Live streams.


@caught_by("live-is-heard")
def cuts_the_end_off() -> None:
    settle = Live._settle

    def hasty(streams: Live, stream: Any, now: int) -> list[Any]:
        stream.handed = 0 if stream.verdict else stream.handed
        return settle(streams, stream, now)

    patch(Live, "_settle", hasty)


@caught_by("live-in-any-order")
def plays_only_what_comes_in_order() -> None:
    take = Live.take_unit

    def impatient(streams: Live, admitted: Admitted, now: int) -> None:
        stream = streams._streams[admitted.address.stream]
        if admitted.address.segment >= max(stream.units, default=0):
            take(streams, admitted, now)

    patch(Live, "take_unit", impatient)


@caught_by("live-with-losses")
def waits_for_what_was_lost() -> None:
    patch(live, "_LAST_CALL_MS", -(10**9))


@caught_by("live-without-goodbye")
def hopes_for_ever() -> None:
    patch(live, "_STALLED_MS", 10**9)
    patch(live, "_OPEN_MS", 10**9)


@caught_by("live-under-a-forged-name")
def plays_live_of_anybody() -> None:
    verify = envelope.verify

    def lazy(read: Any, key: Any) -> None:
        if read.header.typ != "loa-live":
            verify(read, key)

    patch(envelope, "verify", lazy)


@caught_by("live-segment-again")
def takes_segments_twice() -> None:
    expect = Live.expect

    def forgetful(streams: Live, address: Any, now: int) -> None:
        if address.stream not in streams._streams:
            expect(streams, address, now)

    patch(Live, "expect", forgetful)


@caught_by("live-beyond-its-scope")
def opens_any_class() -> None:
    take = Live.take_open
    patch(Live, "take_open", lambda streams, admitted, now: take(streams, _with_every_scope(admitted), now))


@caught_by("alert-interrupts-live")
def talks_through_an_alert() -> None:
    patch(arbiter, "live_rank", lambda _: 70)


@caught_by("stop-ends-the-relay-of-a-broadcast")
def stops_the_fallback_and_relays_on() -> None:
    take = Live.take_open

    def forgetful(streams: Live, admitted: Admitted, now: int) -> None:
        take(streams, admitted, now)
        for stream in streams._streams.values():
            stream.open = msgspec.structs.replace(stream.open, broadcast=None)

    patch(Live, "take_open", forgetful)


@caught_by("stop-holds-over-power")
def forgets_at_a_reboot_what_was_stopped() -> None:
    recall = Store.recall

    def blank(store: Store) -> Any:
        memory = recall(store)
        memory.journal.stopped.clear()
        return memory

    patch(Store, "recall", blank)


@caught_by("stop-ends-a-stream")
def talks_on_after_stop() -> None:
    patch(Live, "stop", lambda *_: [])


# Lock-outs.


@caught_by("lock-out-silences")
def lets_the_thief_finish() -> None:
    patch(Beliefs, "_doubt", lambda _: [])


@caught_by("lock-out-ends")
def locks_out_for_ever() -> None:
    patch(Beliefs, "_unlock", lambda *_: None)


@caught_by("root-lifts-a-lock-out")
def never_lifts_a_lock_out() -> None:
    lock_out = Beliefs.lock_out

    def stubborn(beliefs: Beliefs, admitted: Admitted, command: Any) -> list[str]:
        return [] if beliefs._trust.is_root(admitted.read.header.kid) else lock_out(beliefs, admitted, command)

    patch(Beliefs, "lock_out", stubborn)


@caught_by("lock-out-needs-its-scope")
def lets_anybody_lock_out() -> None:
    lock_out = Beliefs.lock_out
    patch(
        Beliefs, "lock_out", lambda beliefs, admitted, command: lock_out(beliefs, _with_every_scope(admitted), command)
    )


@caught_by("lock-out-lasts-a-day-at-most")
def locks_out_for_years() -> None:
    patch(acceptance, "MAX_LOCK_OUT_MS", 10**12)


@caught_by("thief-takes-the-highest-number")
def counts_commands_of_all_keys_together() -> None:
    screen = Beliefs.screen

    def one_count(beliefs: Beliefs, topic: str, message: bytes, station_now: int | None) -> Admitted | None:
        admitted = screen(beliefs, topic, message, station_now)
        if admitted is not None and admitted.read.header.typ == "loa-command":
            read = admitted.read
            acceptance.check_floor(read, beliefs.floors.get(topic), "", once=True)
            return replace(admitted, place=topic)
        return admitted

    patch(Beliefs, "screen", one_count)


@caught_by("lock-out-survives-power")
def forgets_lock_outs_at_a_reboot() -> None:
    recall = Store.recall

    def forgetful(store: Store) -> Any:
        memory = recall(store)
        for place in [place for place in memory.documents if place.endswith(LOCK_OUT) or "/command" in place]:
            del memory.documents[place]
        return memory

    patch(Store, "recall", forgetful)
