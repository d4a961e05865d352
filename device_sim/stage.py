"""What sounds: arming the next item, letting it begin and end, and saying what happened. Pure.

Two moments by the speaker's own clock come in: ``now`` and the sound card's facts; plans are in station time.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from broadcaster.wire.documents import Action as Order
from broadcaster.wire.documents import Class, Command, Config, Event, PlanItem, Why
from broadcaster.wire.units import SECOND
from device_sim import arbiter
from device_sim.actions import Action, Amplifier, StartSound, StopSound
from device_sim.journal import Journal
from device_sim.speaker_time import SpeakerTime

_ARM_MS: Final = 1_500
"""A sound is handed to the card this long ahead, or the amplifier's lead where that is longer."""
_AMP_TAIL_MS: Final = 300
_EARLIEST_MS: Final = 10 * SECOND


@dataclass
class Playing:
    """The item that has the air, or will have it in a moment."""

    item: PlanItem
    begun: bool = False
    position_ms: int = 0
    ending: tuple[Event, Why] | None = None
    """Why it was told to stop, until the card has confirmed it."""


class Stage:
    """The one output of a speaker."""

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._journal, self._time = journal, time
        self._playing: dict[str, Playing] = {}
        self._amplifier = False
        self._amplifier_off_at: int | None = None
        self._cached_noted: set[str] = set()

    @property
    def sounding(self) -> bool:
        """Whether a sound is with the card."""
        return bool(self._playing)

    def tick(self, items: list[PlanItem], config: Config, cached: Collection[str], now: int) -> list[Action]:
        """Bring what sounds in line with what should."""
        at = self._time.station(now) - config.delay_ms
        lead = max(config.amp_lead_ms, _ARM_MS)
        actions = self._note_cached(items, cached, at)
        actions += self._end_withdrawn(items, config)
        open_items = []
        for item in items:
            if self._journal.over(item.id) or item.id in self._playing:
                continue
            if at >= item.start_at - lead:
                may_begin, more = self._judge(item, config, cached, at)
                actions += more
                if may_begin:
                    open_items.append(item)
        actions += self._contend(open_items, config, at, lead)
        return actions + self._switch(now)

    def _note_cached(self, items: list[PlanItem], cached: Collection[str], at: int) -> list[Action]:
        actions: list[Action] = []
        for item in items:
            if item.id not in self._cached_noted and item.clip in cached:
                self._cached_noted.add(item.id)
                if arbiter.end_of(item) > at:
                    actions += self._journal.write(item, Event.CACHED, at)
        return actions

    def _judge(self, item: PlanItem, config: Config, cached: Collection[str], at: int) -> tuple[bool, list[Action]]:
        """Whether an item may take the air from ``at`` on; one that never will is closed with its reason."""
        begun = self._journal.noted(item.id, Event.STARTED)
        if at >= arbiter.end_of(item):
            if begun:
                return False, self._journal.write(item, Event.FAILED, at, why=Why.POWER)
            why = Why.NOT_CACHED if item.clip not in cached else Why.LATE
            return False, self._journal.write(item, Event.SKIPPED, at, why=why)
        why_not = arbiter.obstacle(
            item,
            config,
            max(at, item.start_at),
            cached=item.clip in cached,
            begun=begun,
            excluded_zones=lambda planned: not set(planned.excluded).isdisjoint(config.zones),
        )
        if why_not is None:
            return True, []
        if why_not is Why.NOT_CACHED or at < item.start_at:
            return False, []
        if why_not is Why.LATE and item.clip not in cached:
            why_not = Why.NOT_CACHED  # that is why it is late
        return False, self._journal.write(item, Event.SKIPPED, at, why=why_not)

    def _end_withdrawn(self, items: list[PlanItem], config: Config) -> list[Action]:
        """A sound whose item is planned no longer, or not here, ends."""
        planned = {item.id: item for item in items}
        actions: list[Action] = []
        for playing in self._playing.values():
            item = planned.get(playing.item.id)
            if item is None:
                actions += self._end(playing, Event.STOPPED, Why.WITHDRAWN)
            elif not set(item.excluded).isdisjoint(config.zones):
                actions += self._end(playing, Event.STOPPED, Why.EXCLUDED)
        return actions

    @staticmethod
    def _end(playing: Playing, event: Event, why: Why) -> list[Action]:
        if playing.ending:
            return []
        playing.ending = (event, why)
        return [StopSound(playing.item.id)]

    def _contend(self, open_items: list[PlanItem], config: Config, at: int, lead: int) -> list[Action]:
        """Give the air to the item that has it now, and arm the one that will have it in a moment."""
        holder = next((playing for playing in self._playing.values() if not playing.ending), None)
        begin = arbiter.winner(open_items, at) or arbiter.winner(open_items, at + lead)
        if begin is None:
            return []
        actions: list[Action] = []
        if holder is not None:
            if arbiter.end_of(holder.item) > begin.start_at and not arbiter.outranks(begin, holder.item):
                return self._give_way(begin, holder, at)
            if arbiter.end_of(holder.item) > begin.start_at:
                if at < begin.start_at:
                    return []  # the lower class sounds until the very moment
                actions += self._end(holder, Event.PREEMPTED, Why.HIGHER_CLASS)
        self._playing[begin.id] = Playing(begin)
        volume = config.volume if begin.volume is None else begin.volume
        start_at = self._time.own(begin.start_at + config.delay_ms)
        return [*actions, *self._power(on=True), StartSound(begin.id, begin.clip, start_at, volume)]

    def _give_way(self, item: PlanItem, holder: Playing, at: int) -> list[Action]:
        """Among equals the first keeps the air; the other is skipped once it would be too late anyway."""
        if at < item.start_at or arbiter.end_of(holder.item) <= item.start_at + item.late_ms:
            return []
        return self._journal.write(item, Event.SKIPPED, at, why=Why.BUSY)

    def _power(self, *, on: bool) -> list[Action]:
        self._amplifier_off_at = None
        if self._amplifier == on:
            return []
        self._amplifier = on
        return [Amplifier(on)]

    def _switch(self, now: int) -> list[Action]:
        """The amplifier goes off a moment after the last sound."""
        if self._playing or not self._amplifier:
            return []
        if self._amplifier_off_at is None:
            self._amplifier_off_at = now + _AMP_TAIL_MS
        return self._power(on=False) if now >= self._amplifier_off_at else []

    # What the sound card says.

    def sound_started(self, broadcast: str, at_own: float, position_ms: int) -> list[Action]:
        """The first sample was heard at ``at_own``; ``position_ms`` into the clip."""
        playing = self._playing.get(broadcast)
        if playing is None or playing.begun:
            return []
        playing.begun, playing.position_ms = True, position_ms
        at = self._time.station(round(at_own))
        return self._journal.write(playing.item, Event.STARTED, at, position_ms=position_ms)

    def sound_ended(self, broadcast: str, at_own: float, played_ms: int) -> list[Action]:
        """The last sample was heard at ``at_own``, by itself or because it was stopped."""
        playing = self._playing.pop(broadcast, None)
        if playing is None:
            return []
        at = self._time.station(round(at_own))
        if playing.ending:
            event, why = playing.ending
        elif played_ms > 0:
            event, why = Event.FINISHED, None
        else:
            event, why = Event.FAILED, Why.LATE
        return self._journal.write(
            playing.item, event, at, position_ms=playing.position_ms + played_ms, played_ms=played_ms, why=why
        )

    def sound_failed(self, broadcast: str, now: int) -> list[Action]:
        """The clip could not be decoded."""
        playing = self._playing.pop(broadcast, None)
        if playing is None:
            return []
        return self._journal.write(playing.item, Event.FAILED, self._time.station(now), why=Why.UNDECODABLE)

    # Orders.

    def obey(self, command: Command, items: list[PlanItem], now: int) -> list[Action]:
        """Stop one broadcast, or everything below EMERGENCY that sounds or should sound now."""
        at = self._time.station(now)
        if command.action is Order.STOP:
            meant = [item for item in items if item.id == command.broadcast]
        else:
            meant = [item for item in items if item.klass is not Class.EMERGENCY and item.start_at <= at]
        actions: list[Action] = []
        for item in meant:
            if playing := self._playing.get(item.id):
                actions += self._end(playing, Event.STOPPED, Why.COMMAND)
            elif not self._journal.over(item.id) and at < arbiter.end_of(item):
                actions += self._journal.write(item, Event.STOPPED, at, why=Why.COMMAND)
        return actions

    def wake_at(self, items: list[PlanItem], now: int) -> int:
        """When `tick` is next needed."""
        if self._playing or self._amplifier:
            return now + 100
        at = self._time.station(now)
        open_items = [item for item in items if not self._journal.over(item.id)]
        if any(item.start_at - _EARLIEST_MS <= at for item in open_items):
            return now + 100
        soonest = min((item.start_at - _EARLIEST_MS for item in open_items), default=at + 60 * SECOND)
        return self._time.own(soonest)
