"""The one output of a speaker and everybody who wants it: plans, alerts, live streams, the microphone. Pure.

One table decides (`arbiter`): live EMERGENCY, EMERGENCY, microphone, live PRIORITY, PRIORITY, live ROUTINE, ROUTINE.
"""

from collections.abc import Collection
from typing import Final

from broadcaster.wire.documents import Action as Order
from broadcaster.wire.documents import Class, Command, Config, PlanItem
from device_sim import arbiter
from device_sim.actions import Action, Identify, LocalMicrophone, StopSound
from device_sim.alarms import Alarms
from device_sim.amplifier import AmplifierSwitch
from device_sim.beliefs import Raised
from device_sim.journal import Journal
from device_sim.live import Live
from device_sim.speaker_time import SpeakerTime
from device_sim.stage import TICK_MS, Stage

BEEP: Final = ".identify"
"""The beep of `Identify` as the card knows it; no broadcast has such a name."""
BEEP_MS: Final = 1_200
_LOUDEST_BEEP: Final = 40


class Air:
    """Who has the air.

    Attributes:
        alarms, live, planned: the three that come over the wire.
    """

    def __init__(self, journal: Journal, time: SpeakerTime) -> None:
        self._time = time
        self.planned, self.alarms, self.live = Stage(journal, time), Alarms(journal, time), Live(journal, time)
        self._amplifier = AmplifierSwitch()
        self._microphone = self._microphone_on = self._asked_who = False
        self._beep_until: int | None = None

    def tick(
        self, items: list[PlanItem], raised: list[Raised], config: Config, cached: Collection[str], now: int
    ) -> list[Action]:
        """Bring what sounds in line with what should; without a good clock only alerts and the microphone sound."""
        actions = self.alarms.update(raised, config, cached, now)
        alarm, live = self.alarms.rank(), self.live.rank(config, now)
        microphone = arbiter.MICROPHONE if self._microphone else arbiter.NOBODY
        if self._time.known:
            actions += self.planned.tick(items, config, cached, now, max(alarm, live, microphone))
        planned = self.planned.rank(now)
        top = max(alarm, live, microphone, planned)
        actions += self.alarms.tick(config, cached, now, top)
        actions += self.live.tick(config, now, top)
        actions += self._switch_microphone(top)
        actions += self._identify(config, now, top)
        return [*self._amplifier.tick(now, due=self._needs_amplifier(config, now)), *actions]

    def _needs_amplifier(self, config: Config, now: int) -> bool:
        return (
            self.planned.needs_amplifier(config.amp_lead_ms, now)
            or self.alarms.needs_amplifier(config.amp_lead_ms, now)
            or self.live.needs_amplifier(config, now)
            or self._microphone
            or self._beep_until is not None
        )

    def note_cached(self, items: list[PlanItem], cached: Collection[str], now: int) -> list[Action]:
        """Say which of the items that are still to play are here."""
        return self.planned.note_cached(items, cached, now)

    # People at the speaker.

    def microphone(self, *, wanted: bool) -> None:
        """Somebody switched the microphone at the speaker; it sounds when the table allows it."""
        self._microphone = wanted

    def _switch_microphone(self, top: int) -> list[Action]:
        on = self._microphone and top <= arbiter.MICROPHONE
        if on == self._microphone_on:
            return []
        self._microphone_on = on
        return [LocalMicrophone(on)]

    def press_stop(self, now: int) -> list[Action]:
        """Somebody pressed the speaker's button: what is heard falls silent here."""
        return [*self.planned.press_stop(), *self.alarms.silence(now), *self.live.press_stop()]

    def identify(self) -> None:
        """Somebody wants to know which box this is."""
        self._asked_who = True

    def _identify(self, config: Config, now: int, top: int) -> list[Action]:
        """Blink; and beep, if nothing sounds and the speaker is neither off nor in quiet hours. Whatever wants the air ends the beep."""
        if self._beep_until is not None and (top > arbiter.NOBODY or now >= self._beep_until):
            self._beep_until = None
            return [StopSound(BEEP)] if top > arbiter.NOBODY else []
        if not self._asked_who:
            return []
        self._asked_who = False
        at = self._time.station(now)
        not_now = arbiter.is_quiet(config, at) or arbiter.is_off(config, at)
        if top > arbiter.NOBODY or self._beep_until is not None or not_now:
            return [Identify(None)]
        start_at = now + max(config.amp_lead_ms, TICK_MS)
        self._beep_until = start_at + BEEP_MS
        return [Identify(start_at, min(_LOUDEST_BEEP, arbiter.volume_at(config, None, Class.ROUTINE, at)))]

    # What the sound card says.

    def sound_started(self, sound: str, at_own: float, position_ms: int) -> list[Action]:
        """The first sample was heard at ``at_own``; ``position_ms`` into the clip."""
        return [
            *self.planned.sound_started(sound, at_own, position_ms),
            *self.alarms.sound_started(sound, at_own, position_ms),
        ]

    def sound_ended(self, sound: str, at_own: float, played_ms: int, *, whole: bool) -> list[Action]:
        """The last sample was heard at ``at_own``: by itself when ``whole``, else because the sound was cut."""
        self.alarms.sound_ended(sound, played_ms)
        return self.planned.sound_ended(sound, at_own, played_ms, whole=whole)

    def sound_failed(self, sound: str, now: int) -> tuple[str | None, list[Action]]:
        """The clip could not be decoded; returns which one that was."""
        clip, actions = self.planned.sound_failed(sound, now)
        return clip or self.alarms.sound_failed(sound), actions

    # Orders.

    def obey(self, command: Command, items: list[PlanItem], scopes: frozenset[Class], now: int) -> list[Action]:
        """Stop one broadcast, or everything below EMERGENCY. Errors: RejectedError (out-of-scope)."""
        actions = self.planned.obey(command, items, scopes, now)
        return actions + self.live.stop(command.broadcast if command.action is Order.STOP else None, scopes)

    def wake_at(self, items: list[PlanItem], config: Config, now: int) -> int:
        """When `tick` is next needed; ``items`` are in order of ``start_at``."""
        moments = [self.planned.wake_at(items, now), self.alarms.wake_at(config, now), self.live.wake_at(now)]
        if self._amplifier.on or self._asked_who or self._microphone != self._microphone_on:
            moments.append(now + TICK_MS)
        return min(moment for moment in moments if moment is not None)
