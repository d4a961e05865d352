"""The timeline of an alert: a first round with sirens and repeats, then the speech again at regular times. Pure."""

from dataclasses import dataclass

from broadcaster.wire.urgent import Alert, AlertPart, Part


@dataclass(frozen=True)
class Sound:
    """A part, ``at_ms`` after the beginning of its round."""

    at_ms: int
    part: AlertPart


@dataclass(frozen=True)
class Round:
    """One round of an alert that begins at ``own_begin`` by the own clock."""

    name: str
    own_begin: int
    sounds: tuple[Sound, ...]
    is_first: bool

    @property
    def own_end(self) -> int:
        """When its last sound is over."""
        return self.own_begin + _length(self.sounds)


def _length(sounds: tuple[Sound, ...]) -> int:
    return max((sound.at_ms + sound.part.duration_ms for sound in sounds), default=0)


def _first(alert: Alert) -> tuple[Sound, ...]:
    sounds = [Sound(part.at_ms, part) for part in alert.parts]
    speech = [sound for sound in sounds if sound.part.part is Part.SPEECH]
    if speech and not alert.growing:
        again_ms = _length(tuple(speech)) - min(sound.at_ms for sound in speech) + alert.pause_ms
        for time in range(1, alert.repeats):
            sounds += [Sound(sound.at_ms + time * again_ms, sound.part) for sound in speech]
    return tuple(sorted(sounds, key=lambda sound: sound.at_ms))


def _later(alert: Alert) -> tuple[Sound, ...]:
    speech = [part for part in alert.parts if part.part is Part.SPEECH]
    begin = min((part.at_ms for part in speech), default=0)
    return tuple(Sound(part.at_ms - begin, part) for part in speech)


def first(alert: Alert, name: str, own_begin: int) -> Round:
    """The first round, or one of a speaker's own."""
    return Round(name, own_begin, _first(alert), is_first=True)


def number(alert: Alert, count: int, name: str, own_begin: int) -> Round:
    """Round ``count``, from 0."""
    return first(alert, name, own_begin) if count == 0 else Round(name, own_begin, _later(alert), is_first=False)


def common(alert: Alert, at: int, ahead_ms: int) -> tuple[int, int] | None:
    """The round that all speakers are in at station time ``at``, or begin ``ahead_ms`` later: its begin and number."""
    first_end = alert.start_at + _length(_first(alert))
    if at < first_end:
        return (alert.start_at, 0) if at >= alert.start_at - ahead_ms else None
    if not alert.every_ms or alert.growing:
        return None
    length = _length(_later(alert))
    for moment in (at, at + ahead_ms):  # the one that is on, before the next
        count = (moment - alert.start_at) // alert.every_ms
        begin = alert.start_at + count * alert.every_ms
        if count >= 1 and begin >= first_end and at < begin + length:
            return begin, count
    return None


def next_begin(alert: Alert, at: int) -> int | None:
    """When the next common round begins after station time ``at``."""
    if at < alert.start_at:
        return alert.start_at
    if not alert.every_ms or alert.growing:
        return None
    return alert.start_at + ((at - alert.start_at) // alert.every_ms + 1) * alert.every_ms
