"""What sounds of the plans: arming the next item, letting it begin and end, and saying what happened. Pure.

Two moments by the speaker's own clock come in: ``now`` and the sound card's facts; plans are in station time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from broadcaster.wire.documents import Action as Order
from broadcaster.wire.documents import Class, Command, Config, Event, PlanItem, Why
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.units import SECOND
from device_sim import arbiter
from device_sim.actions import Action, StartSound, StopSound
from device_sim.journal import Journal
from device_sim.speaker_time import SpeakerTime

_ARM_MS: Final = 1_500
"""A sound is handed to the card this long ahead, or the amplifier's lead where that is longer."""
TICK_MS: Final = 100
"""How often `tick` is needed while something is near."""
_HAND_OVER_MS: Final = 500
"""This long before a higher class begins the lower one is told to end then; the card's buffer is shorter."""
_EARLIEST_MS: Final = 16 * SECOND
"""Longer than the longest lead and delay that a config can name."""
_MISPLACED_MS: Final = 5
_ECHO_MS: Final = 40
"""A sound that is out of place by more is heard as an echo of the neighbours'."""


@dataclass
class Playing:
    """The item that has the air, or will have it in a moment.

    Attributes:
        start_at: what the card was told, by the speaker's own clock.
        ended: it was told to stop; `verdict` is what to say then, None when it is to begin again where it should be.
    """

    item: PlanItem
    start_at: int
    begun: bool = False
    position_ms: int = 0
    ended: bool = False
    verdict: tuple[Event, Why] | None = None


class Stage:
    """The planned items on the one output of a speaker.

    Attributes:
        full: clips that there is no room for.
    """

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._journal, self._time = journal, time
        self._playing: dict[str, Playing] = {}
        self._taken = arbiter.NOBODY
        self.full: Collection[str] = ()

    def tick(
        self, items: list[PlanItem], config: Config, cached: Collection[str], now: int, taken: int = arbiter.NOBODY
    ) -> list[Action]:
        """Bring what sounds in line with what should; ``items`` are in order of ``start_at``.

        Below the rank ``taken`` of an alert, a microphone or a live stream nothing sounds.
        """
        self._taken = taken
        at = self._time.station(now) - config.delay_ms
        horizon = at + max(config.amp_lead_ms, _ARM_MS)
        actions = self._review(items, config, at)
        ready = []
        for item in items:
            if item.start_at > horizon:
                break
            if self._journal.over(item.id) or item.id in self._playing:
                continue
            may_begin, more = self._judge(item, config, cached, at)
            actions += more
            if may_begin:
                ready.append(item)
        actions += self._contend([item for item in ready if not self._is_displaced(item)], config, at)
        return actions + self._hand_over(now)

    def rank(self, now: int) -> int:
        """The rank of what has the air, or takes it in this tick."""
        sounding = (one for one in self._playing.values() if not one.ended and now >= one.start_at - TICK_MS)
        return max((arbiter.rank(playing.item.klass) for playing in sounding), default=arbiter.NOBODY)

    def needs_amplifier(self, lead_ms: int, now: int) -> bool:
        """Whether a sound is on, or so near that the amplifier has to warm up."""
        return any(now >= playing.start_at - lead_ms - TICK_MS for playing in self._playing.values())

    def _is_displaced(self, item: PlanItem) -> bool:
        return arbiter.rank(item.klass) < self._taken

    def note_cached(self, items: list[PlanItem], cached: Collection[str], now: int) -> list[Action]:
        """Say which of the items that are still to play are here."""
        at = self._time.station(now)
        actions: list[Action] = []
        for item in items:
            if item.clip in cached and arbiter.end_of(item) > at:
                actions += self._journal.write(item, Event.CACHED, at)
        return actions

    def _judge(self, item: PlanItem, config: Config, cached: Collection[str], at: int) -> tuple[bool, list[Action]]:
        """Whether an item may take the air from ``at`` on; one that never will is closed with its reason."""
        begun = self._journal.noted(item.id, Event.STARTED)
        if begun and at >= arbiter.end_of(item):
            return False, self._journal.write(item, Event.FAILED, at, why=Why.POWER)
        why_not = arbiter.obstacle(item, config, max(at, item.start_at), cached=item.clip in cached, begun=begun)
        if why_not is None:
            return True, []
        if why_not is Why.LATE and self._is_displaced(item):
            why_not = Why.HIGHER_CLASS
        if why_not is Why.NOT_CACHED and item.clip in self.full:
            why_not = Why.STORE_FULL
        hope = why_not in {Why.NOT_CACHED, Why.STORE_FULL} and not arbiter.is_too_late(item, at, begun=begun)
        if at < item.start_at or hope:
            return False, []
        return False, self._journal.write(item, Event.SKIPPED, at, why=why_not)

    def _review(self, items: list[PlanItem], config: Config, at: int) -> list[Action]:
        """A sound ends when it is planned no longer, or not here, when the speaker is switched off, or when it is out of place."""
        if not self._playing:
            return []
        planned = {item.id: item for item in items}
        actions: list[Action] = []
        for playing in self._playing.values():
            item = planned.get(playing.item.id)
            if item is None:
                actions += self._end(playing, (Event.STOPPED, Why.WITHDRAWN))
            elif arbiter.is_excluded(item.excluded, config):
                actions += self._end(playing, (Event.STOPPED, Why.EXCLUDED))
            elif item.klass is not Class.EMERGENCY and arbiter.is_off(config, max(at, item.start_at)):
                actions += self._end(playing, (Event.STOPPED, Why.OFF))
            elif self._is_displaced(item):
                actions += self._end(playing, (Event.PREEMPTED, Why.HIGHER_CLASS) if playing.begun else None)
            else:
                off_ms = abs(self._time.own(item.start_at + config.delay_ms) - playing.start_at)
                if item.clip != playing.item.clip or off_ms > (_ECHO_MS if playing.begun else _MISPLACED_MS):
                    actions += self._end(playing, None)
        return actions

    @staticmethod
    def _end(playing: Playing, verdict: tuple[Event, Why] | None, at: int | None = None) -> list[Action]:
        if playing.ended:
            return []
        playing.ended, playing.verdict = True, verdict
        return [StopSound(playing.item.id, at)]

    def _contend(self, ready: list[PlanItem], config: Config, at: int) -> list[Action]:
        """Hand to the card what no other sound keeps from the air; the highest class chooses first."""
        actions: list[Action] = []
        for item in sorted(ready, key=arbiter.precedence):
            rivals = [playing.item for playing in self._playing.values() if not playing.ended]
            blocker = next((rival for rival in rivals if arbiter.keeps_air(rival, item, at)), None)
            if blocker is not None:
                actions += self._give_way(item, blocker, at)
                continue
            start_at = self._time.own(item.start_at + config.delay_ms)
            self._playing[item.id] = Playing(item, start_at)
            volume = arbiter.volume_at(config, item.volume, item.klass, item.start_at)
            actions.append(StartSound(item.id, item.clip, start_at, volume))
        return actions

    def _give_way(self, item: PlanItem, blocker: PlanItem, at: int) -> list[Action]:
        """An item whose air is taken waits for its end, unless it would be too late then anyway."""
        if at < item.start_at or arbiter.end_of(blocker) <= item.start_at + item.late_ms:
            return []
        return self._journal.write(item, Event.SKIPPED, at, why=Why.BUSY)

    def _hand_over(self, now: int) -> list[Action]:
        """A lower class ends at the very moment when a higher one begins."""
        actions: list[Action] = []
        for playing in self._playing.values():
            for heir in self._playing.values():
                takes_over = not heir.ended and arbiter.outranks(heir.item, playing.item)
                if takes_over and arbiter.overlap(heir.item, playing.item) and now >= heir.start_at - _HAND_OVER_MS:
                    actions += self._end(playing, (Event.PREEMPTED, Why.HIGHER_CLASS), max(heir.start_at, now))
        return actions

    # What the sound card says.

    def sound_started(self, broadcast: str, at_own: float, position_ms: int) -> list[Action]:
        """The first sample was heard at ``at_own``; ``position_ms`` into the clip."""
        playing = self._playing.get(broadcast)
        if playing is None or playing.begun:
            return []
        playing.begun, playing.position_ms = True, position_ms
        at = self._time.station(round(at_own))
        return self._journal.write(playing.item, Event.STARTED, at, position_ms=position_ms)

    def sound_ended(self, broadcast: str, at_own: float, played_ms: int, *, whole: bool) -> list[Action]:
        """The last sample was heard at ``at_own``: by itself when ``whole``, else because the sound was cut.

        One that the card cut for a reason of its own, such as a clock set back, begins again where it should be.
        """
        playing = self._playing.pop(broadcast, None)
        if playing is None:
            return []
        verdict: tuple[Event, Why | None] | None = playing.verdict
        if whole and played_ms > 0:
            verdict = Event.FINISHED, None
        elif whole and not playing.ended:
            verdict = Event.FAILED, Why.LATE
        if verdict is None:
            return []
        at, position_ms = self._time.station(round(at_own)), playing.position_ms + played_ms
        event, why = verdict
        final = not (event is Event.PREEMPTED and playing.item.resume)
        return self._journal.write(
            playing.item, event, at, position_ms=position_ms, played_ms=played_ms, why=why, final=final
        )

    def sound_failed(self, broadcast: str, now: int) -> tuple[str | None, list[Action]]:
        """The clip could not be decoded; returns which one that was."""
        playing = self._playing.pop(broadcast, None)
        if playing is None:
            return None, []
        event, why = playing.verdict or (Event.FAILED, Why.UNDECODABLE)
        return playing.item.clip, self._journal.write(playing.item, event, self._time.station(now), why=why)

    # Orders.

    def obey(self, command: Command, items: list[PlanItem], scopes: Collection[Class], now: int) -> list[Action]:
        """Stop one broadcast, or everything below EMERGENCY that sounds, is about to, or should.

        Errors: RejectedError (out-of-scope): a key stops what it may play, the emergency key everything.
        """
        at = self._time.station(now)
        if command.action is Order.STOP:
            meant = [item for item in items if item.id == command.broadcast]
            allowed = all(item.klass in scopes or Class.EMERGENCY in scopes for item in meant)
        else:
            due = [item for item in items if item.start_at <= at or item.id in self._playing]
            meant = [item for item in due if item.klass is not Class.EMERGENCY]
            allowed = Class.EMERGENCY in scopes
        if not allowed:
            raise RejectedError(Reason.OUT_OF_SCOPE, command.action.value)
        actions: list[Action] = []
        for item in meant:
            if playing := self._playing.get(item.id):
                actions += self._end(playing, (Event.STOPPED, Why.COMMAND))
                playing.verdict = playing.verdict or (Event.STOPPED, Why.COMMAND)
            elif not self._journal.over(item.id) and at < arbiter.end_of(item):
                actions += self._journal.write(item, Event.STOPPED, at, why=Why.COMMAND)
        return actions

    def press_stop(self) -> list[Action]:
        """Somebody at the speaker pressed its button."""
        actions: list[Action] = []
        for playing in self._playing.values():
            actions += self._end(playing, (Event.STOPPED, Why.BUTTON))
        return actions

    def wake_at(self, items: list[PlanItem], now: int) -> int:
        """When `tick` is next needed; ``items`` are in order of ``start_at``."""
        if self._playing:
            return now + TICK_MS
        soonest = next((item.start_at for item in items if not self._journal.over(item.id)), None)
        if soonest is None:
            return now + 60 * SECOND
        return max(self._time.own(soonest - _EARLIEST_MS), now + TICK_MS)
