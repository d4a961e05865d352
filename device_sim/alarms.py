"""Alerts on the speaker: which of those in force sounds now, and what of it. Pure.

An alert is a timeline that every speaker computes alike (`rounds`); one that missed it plays a round of its own.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from broadcaster.wire.documents import Class, Config, Event, Why
from broadcaster.wire.units import SECOND
from broadcaster.wire.urgent import Alert, AlertPart, Part
from device_sim import arbiter, rounds
from device_sim.actions import Action, StartSound, StopSound
from device_sim.beliefs import Raised
from device_sim.journal import Journal
from device_sim.speaker_time import SpeakerTime

_ARM_MS: Final = 1_500
_TICK_MS: Final = 100
_WHOLE: Final = 0.9
"""Of a sound: so much has to be heard for people to know what it says."""


@dataclass(frozen=True)
class Told:
    """An alert as receipts name it."""

    id: str
    start_at: int
    duration_ms: int

    @classmethod
    def of(cls, raised: Raised) -> Self:
        """For receipts and notes of an alert, which are kept until after it expires."""
        alert = raised.alert
        return cls(alert.alert, alert.start_at, max(0, raised.exp - alert.start_at))


@dataclass
class Ringing:
    """One alert in force.

    Attributes:
        owed: not all that it says has been heard: it plays a round of its own when it may.
        said: the clips that were heard whole, or can't be.
        own_at: when its own round began or begins, by the own clock.
        gone_at: without a clock, when its time is over, by the own clock.
        cards: the sounds that the card has, by name; true once heard.
        handed: everything the card was given in this round.
        hushed: the name of the round that somebody at the speaker has silenced.
    """

    raised: Raised
    gone_at: int
    owed: bool = True
    own_at: int | None = None
    round: rounds.Round | None = None
    cards: dict[str, bool] = field(default_factory=dict)
    handed: set[str] = field(default_factory=set)
    hushed: str = ""
    told: bool = False
    heard_ms: int = 0
    said: set[str] = field(default_factory=set)

    @property
    def about(self) -> Told:
        """For receipts."""
        return Told.of(self.raised)

    @property
    def rank(self) -> int:
        """Its place among what wants the air."""
        return arbiter.alert_rank(self.raised.alert.level)


class Alarms:
    """The alerts of one speaker."""

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._journal, self._time = journal, time
        self._ringing: dict[str, Ringing] = {}
        self._holder: str | None = None
        self._leaving: dict[str, Told] = {}
        """Sounds that the card was told to stop before it said whether they had begun."""

    def update(self, raised: Iterable[Raised], config: Config, cached: Collection[str], now: int) -> list[Action]:
        """Take in what is in force; what is not any more falls silent."""
        meant = [one for one in raised if not arbiter.is_excluded(one.alert.excluded, config)]
        valid = {one.alert.alert: one for one in meant if self._is_for_us(one.alert)}
        actions: list[Action] = []
        for one in meant:
            if one.alert.alert not in valid and not one.alert.ended:
                at = self._time.station(now)
                actions += self._journal.write(Told.of(one), Event.SKIPPED, at, why=Why.NOT_BEGUN)
        for name, one in valid.items():
            if name not in self._ringing and not one.alert.ended:
                heard = self._journal.noted(name, Event.FINISHED) or self._journal.noted(name, Event.STOPPED)
                owed = not heard and not one.alert.is_rehearsal
                self._ringing[name] = Ringing(one, now + one.exp - one.seq, owed=owed)
            if name in self._ringing:
                self._ringing[name].raised = one
        for name, ringing in list(self._ringing.items()):
            if name not in valid or ringing.raised.alert.ended or self._is_over(ringing, now):
                actions += self._close(name, ringing, now)
            elif self._is_answered(ringing.raised.alert, cached):
                actions += self._journal.write(ringing.about, Event.ARMED, self._time.station(now))
        return actions + self._choose(config, cached, now)

    def _is_for_us(self, alert: Alert) -> bool:
        """Whether something that it speaks of has begun here, in this boot or one before."""
        return not alert.if_begun or any(self._journal.noted(name, Event.STARTED) for name in alert.if_begun)

    @staticmethod
    def _is_answered(alert: Alert, cached: Collection[str]) -> bool:
        """Whether it can begin to sound; a rehearsal has no sound, and is answered for being believed."""
        return alert.is_rehearsal or any(part.clip in cached for part in alert.parts)

    def _is_over(self, ringing: Ringing, now: int) -> bool:
        return now >= (self._time.own(ringing.raised.exp) if self._time.known else ringing.gone_at)

    def _close(self, name: str, ringing: Ringing, now: int) -> list[Action]:
        at, about = self._time.station(now), ringing.about
        actions = self._take_back(ringing)
        if ringing.told and not self._journal.noted(name, Event.FINISHED):
            actions += self._journal.write(about, Event.STOPPED, at, played_ms=ringing.heard_ms, why=Why.WITHDRAWN)
        elif not ringing.raised.alert.is_rehearsal and not self._journal.noted(name, Event.STARTED):
            why = Why.WITHDRAWN if ringing.raised.alert.ended else Why.NOT_CACHED
            actions += self._journal.write(about, Event.SKIPPED, at, why=why)
        del self._ringing[name]
        if self._holder == name:
            self._holder = None
        return actions

    def _take_back(self, ringing: Ringing) -> list[Action]:
        """What the card has of an alert ends; the card may still say that it had begun."""
        stops: list[Action] = [StopSound(card) for card in ringing.cards]
        self._leaving |= {card: ringing.about for card, heard in ringing.cards.items() if not heard}
        ringing.cards.clear()
        return stops

    def _choose(self, config: Config, cached: Collection[str], now: int) -> list[Action]:
        """The highest level that has something to say has the air, of two the newer."""
        actions: list[Action] = []
        self._holder = None
        for name, ringing in sorted(self._ringing.items(), key=lambda kept: (-kept[1].rank, -kept[1].raised.seq)):
            actions += self._turn(ringing, cached, now)
            here = any(part.clip in cached for part in ringing.raised.alert.parts)
            due = self._due(ringing, config, now) if here and self._holder is None else None
            if due is not None:
                if ringing.round is None or ringing.round.name != due.name:
                    ringing.handed.clear()
                    ringing.told, ringing.heard_ms = False, 0
                self._holder, ringing.round = name, due
        return actions

    def _turn(self, ringing: Ringing, cached: Collection[str], now: int) -> list[Action]:
        """A round that is over was heard, or is still owed: who joined the common one late may have missed what it says."""
        done, alert = ringing.round, ringing.raised.alert
        if done is None or ringing.cards or now < done.own_end or alert.growing:
            return []
        whole = rounds.first(alert, done.name, done.own_begin) if done.is_first else done
        if now < whole.own_end:
            return []
        was_common = ringing.own_at is None
        ringing.round = None
        ringing.own_at = ringing.own_at if not self._time.known else None
        speech = {part.clip for part in alert.parts if part.part is Part.SPEECH}
        cut = any(clip in cached for clip in speech - ringing.said)
        if not ringing.heard_ms or (was_common and cut):
            return []
        ringing.owed = False
        return self._journal.write(ringing.about, Event.FINISHED, self._time.station(now), played_ms=ringing.heard_ms)

    def _due(self, ringing: Ringing, config: Config, now: int) -> rounds.Round | None:
        """The round to be heard now: the common one, else its own."""
        alert = ringing.raised.alert
        if self._time.known and ringing.own_at is None:
            lead = max(_ARM_MS, config.amp_lead_ms)
            common = rounds.common(alert, self._time.station(now) - config.delay_ms, lead)
            if common is not None:
                begin, number = common
                own_begin, name = self._time.own(begin) + config.delay_ms, f"{alert.alert}.{begin}"
                if ringing.round and ringing.round.name != name and ringing.cards and now < own_begin:
                    return ringing.round  # the card has still to tell how the one before ended
                return rounds.number(alert, number, name, own_begin)
            if self._time.station(now) < alert.start_at or (alert.growing and ringing.told):
                return None
            if ringing.round is not None and not alert.growing:
                return ringing.round  # its last sound is still on
        if ringing.own_at is not None and not self._time.known and alert.every_ms and not ringing.owed:
            ringing.owed = now >= ringing.own_at + alert.every_ms
            ringing.own_at = None if ringing.owed else ringing.own_at
        if not ringing.owed:
            return None
        if ringing.own_at is None:
            ringing.own_at = now + config.amp_lead_ms
        return rounds.first(alert, f"{alert.alert}.own{ringing.own_at}", ringing.own_at)

    def rank(self) -> int:
        """The rank of the alert that has something to say."""
        return self._ringing[self._holder].rank if self._holder else arbiter.NOBODY

    def tick(self, config: Config, cached: Collection[str], now: int, taken: int) -> list[Action]:
        """Hand what is due to the card; below the rank ``taken`` everything is silent."""
        actions: list[Action] = []
        for name, ringing in self._ringing.items():
            if ringing.rank < taken or (self._holder and name != self._holder):
                actions += self._displace(ringing, now)
            elif ringing.round is not None and ringing.round.name != ringing.hushed:
                actions += self._hand(ringing, ringing.round, config, cached, now)
        return actions

    def _displace(self, ringing: Ringing, now: int) -> list[Action]:
        if ringing.round is None:
            return []
        actions = self._take_back(ringing)
        ringing.owed = ringing.round.name != ringing.hushed
        ringing.own_at = ringing.round = None
        if not actions:
            return []
        at, why = self._time.station(now), Why.HIGHER_CLASS
        return actions + self._journal.write(ringing.about, Event.PREEMPTED, at, why=why, final=False)

    @staticmethod
    def _hand(ringing: Ringing, due: rounds.Round, config: Config, cached: Collection[str], now: int) -> list[Action]:
        alert = ringing.raised.alert
        volume = arbiter.volume_at(config, alert.volume, Class.EMERGENCY, alert.start_at)
        actions: list[Action] = []
        for sound in due.sounds:
            begin = due.own_begin + sound.at_ms
            card = f"{due.name}.{sound.at_ms}"
            near = begin - _ARM_MS <= now < begin + sound.part.duration_ms
            if near and card not in ringing.handed and sound.part.clip in cached:
                ringing.handed.add(card)
                ringing.cards[card] = False
                actions.append(StartSound(card, sound.part.clip, begin, volume))
        return actions

    def needs_amplifier(self, lead_ms: int, now: int) -> bool:
        """Whether an alert is on, or so near that the amplifier has to warm up."""
        held = self._ringing.get(self._holder or "")
        return bool(held and held.round and now >= held.round.own_begin - lead_ms - _TICK_MS)

    def silence(self, now: int) -> list[Action]:
        """Somebody at the speaker pressed its button: no more of what is heard, until its next round."""
        actions: list[Action] = []
        for ringing in self._ringing.values():
            if ringing.round and ringing.cards:
                actions += self._take_back(ringing)
                ringing.owed, ringing.own_at, ringing.hushed = False, None, ringing.round.name
                at, played_ms, ringing.heard_ms = self._time.station(now), ringing.heard_ms, 0
                actions += self._journal.write(ringing.about, Event.STOPPED, at, played_ms=played_ms, why=Why.BUTTON)
        return actions

    # What the sound card says.

    def _find(self, card: str) -> Ringing | None:
        return next((ringing for ringing in self._ringing.values() if card in ringing.cards), None)

    def sound_started(self, card: str, at_own: float, position_ms: int) -> list[Action]:
        """The first sample of a part was heard."""
        ringing = self._find(card)
        if ringing is None:
            about = self._leaving.pop(card, None)
            at = self._time.station(round(at_own))
            return self._journal.write(about, Event.STARTED, at, position_ms=position_ms) if about else []
        if ringing.cards[card]:
            return []
        ringing.cards[card] = True
        if ringing.told:
            return []
        ringing.told = True
        at = self._time.station(round(at_own))
        return self._journal.write(ringing.about, Event.STARTED, at, position_ms=position_ms)

    def sound_ended(self, card: str, played_ms: int) -> None:
        """The last sample of a part was heard."""
        self._leaving.pop(card, None)
        if ringing := self._find(card):
            del ringing.cards[card]
            ringing.heard_ms += played_ms
            part = self._part(ringing, card)
            if part and played_ms >= part.duration_ms * _WHOLE:
                ringing.said.add(part.clip)

    def sound_failed(self, card: str) -> str | None:
        """A part could not be decoded; returns its clip."""
        self._leaving.pop(card, None)
        ringing = self._find(card)
        if ringing is None:
            return None
        del ringing.cards[card]
        part = self._part(ringing, card)
        if part is None:
            return None
        ringing.said.add(part.clip)
        return part.clip

    @staticmethod
    def _part(ringing: Ringing, card: str) -> AlertPart | None:
        """What a sound of the round under way is."""
        at_ms = int(card.rpartition(".")[2])
        sounds = ringing.round.sounds if ringing.round else ()
        return next((sound.part for sound in sounds if sound.at_ms == at_ms), None)

    def wake_at(self, config: Config, now: int) -> int | None:
        """When `tick` is next needed."""
        if self._holder or any(ringing.cards for ringing in self._ringing.values()):
            return now + _TICK_MS
        if any(ringing.owed for ringing in self._ringing.values()):
            return now + SECOND
        if not self._ringing:
            return None
        lead = max(_ARM_MS, config.amp_lead_ms) + _TICK_MS
        station_now = self._time.station(now)
        moments = [rounds.next_begin(ringing.raised.alert, station_now) for ringing in self._ringing.values()]
        ends = [ringing.raised.exp for ringing in self._ringing.values()]
        soonest = min([moment - lead for moment in moments if moment is not None] + ends)
        return max(now + _TICK_MS, self._time.own(soonest))
