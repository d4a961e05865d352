"""Checks of alerts: heard at once, above everything, growing, ended, and made up for by whoever missed them."""

import secrets

import msgspec

from broadcaster.conformance.airing import near
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import trusted
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.silence import quiet_now
from broadcaster.conformance.sounds import LONG, MIDDLE, SHORT, Sound
from broadcaster.conformance.tape import Told
from broadcaster.wire.clips import sha256
from broadcaster.wire.documents import Class, Event, Why
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, MINUTE, SECOND
from broadcaster.wire.urgent import Alert, AlertPart, Part

_LEAD_MS = 1_000
"""A station that is in a hurry takes 400 ms; here the broker may be far."""
_REHEARSAL_MS = 4_000
_OWN_ROUND_MS = 3_000
"""By when a speaker that missed a round has begun one of its own."""


def part(rig: Rig, sound: Sound, at_ms: int = 0, kind: Part = Part.SPEECH) -> AlertPart:
    """A sound of an alert."""
    rig.sounds[sound.clip] = sound
    return AlertPart(
        part=kind,
        at_ms=at_ms,
        clip=sound.clip,
        manifest=sha256(sound.manifest),
        bytes=len(sound.data),
        duration_ms=sound.length_ms,
        sent_by=rig.now(),
    )


def alert_of(rig: Rig, *parts: AlertPart, **members: object) -> Alert:
    """An alert with a new name that begins in a moment."""
    told: dict[str, object] = {"alert": secrets.token_hex(6), "level": 3, "start_at": rig.now() + _LEAD_MS}
    return msgspec.convert(told | {"parts": parts} | members, Alert)


async def raise_it(rig: Rig, alert: Alert, zone: str = "", key: SigningKey | None = None) -> tuple[str, bytes]:
    """Say an alert to a zone, retained; returns its topic and its envelope."""
    topic = rig.topics.alert(zone or rig.town, alert.alert)
    message = rig.sign(Kind.ALERT, topic, alert, key=key or rig.emergency, exp=rig.now() + 5 * MINUTE)
    await rig.retain(topic, message)
    return topic, message


async def end(rig: Rig, alert: Alert, zone: str = "") -> None:
    """Say that an alert is over."""
    await raise_it(rig, msgspec.structs.replace(alert, ended=True), zone)


async def told(rig: Rig, alert: Alert, event: Event, count: int = 1, seconds: float = 10.0) -> Told:
    """The last of so many receipts of an event. Errors: BrokenError."""
    await rig.tape.until(lambda: len(rig.tape.events(alert.alert, event)) >= count, seconds)
    found = rig.tape.events(alert.alert, event)
    expect(len(found) == count, rig.tape.story(alert.alert))
    return found[-1]


async def sounds_once(rig: Rig, alert: Alert, length_ms: int) -> str:
    """Wait for one whole round: armed, started at its moment, finished with every part heard. Errors: BrokenError."""
    await rig.past(alert.start_at + length_ms)
    finished = (await told(rig, alert, Event.FINISHED)).receipt
    await told(rig, alert, Event.ARMED)
    seen = near((await told(rig, alert, Event.STARTED)).receipt.at, alert.start_at, "started")
    near(finished.played_ms, sum(one.duration_ms for one in alert.parts), "played")
    return seen


@check("Alert", "alert")
async def alert_sounds(rig: Rig) -> str:
    """An alert is armed when its first clip is here, and its siren and its speech are heard once, from start_at."""
    alert = alert_of(rig, part(rig, SHORT, kind=Part.SIREN), part(rig, MIDDLE, SHORT.length_ms))
    await raise_it(rig, alert)
    return await sounds_once(rig, alert, SHORT.length_ms + MIDDLE.length_ms)


@check("Alert", "alert")
async def alert_needs_its_scope(rig: Rig) -> str:
    """An alert that a key without the scope emergency signed is out-of-scope, and not heard."""
    alert = alert_of(rig, part(rig, SHORT))
    topic = rig.topics.alert(rig.town, alert.alert)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        rig.send(topic, rig.sign(Kind.ALERT, topic, alert, exp=rig.now() + MINUTE))
    await rig.past(alert.start_at + 2 * SECOND)
    expect(not rig.tape.events(alert.alert), rig.tape.story(alert.alert))
    return "not heard"


async def _guest(rig: Rig, max_level: int) -> SigningKey:
    """A key that may raise alerts up to a level, and is trusted from now on."""
    key = SigningKey.generate()
    rig.more_keys = (*rig.more_keys, trusted(key, Class.EMERGENCY, max_level=max_level))
    await rig.trust()
    return key


@check("Trust", "alert")
async def level_beyond_its_key(rig: Rig) -> str:
    """An alert above the max_level of its key is out-of-scope and not heard; one at that level is."""
    key = await _guest(rig, 3)
    beyond = alert_of(rig, part(rig, SHORT), alert=f"{key.kid}-beyond", level=4)
    topic = rig.topics.alert(rig.town, beyond.alert)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        rig.send(topic, rig.sign(Kind.ALERT, topic, beyond, key=key, exp=rig.now() + MINUTE))
    allowed = alert_of(rig, part(rig, SHORT), alert=f"{key.kid}-allowed", level=3)
    await raise_it(rig, allowed, key=key)
    seen = await sounds_once(rig, allowed, SHORT.length_ms)
    expect(not rig.tape.events(beyond.alert), rig.tape.story(beyond.alert))
    return seen


@check("Trust", "alert")
async def guest_ends_no_other_alert(rig: Rig) -> str:
    """A key with max_level can't end an alert whose name does not begin with its kid."""
    key = await _guest(rig, 5)
    alert = alert_of(rig, part(rig, MIDDLE))
    topic, _ = await raise_it(rig, alert)
    over = msgspec.structs.replace(alert, ended=True)
    async with rig.counted(Reason.OUT_OF_SCOPE):
        rig.send(topic, rig.sign(Kind.ALERT, topic, over, key=key, exp=rig.now() + MINUTE))
    return await sounds_once(rig, alert, MIDDLE.length_ms)


@check("Alert", "alert")
async def alert_needs_an_end(rig: Rig) -> str:
    """An alert without exp is malformed."""
    alert = alert_of(rig, part(rig, SHORT))
    topic = rig.topics.alert(rig.town, alert.alert)
    async with rig.counted(Reason.MALFORMED):
        rig.send(topic, rig.sign(Kind.ALERT, topic, alert, key=rig.emergency))
    expect(not rig.tape.events(alert.alert), rig.tape.story(alert.alert))
    return "counted malformed"


@check("Alert", "alert")
async def alert_lasts_two_days_at_most(rig: Rig) -> str:
    """An alert with an exp more than 48 hours after its seq is malformed."""
    alert = alert_of(rig, part(rig, SHORT))
    topic = rig.topics.alert(rig.town, alert.alert)
    async with rig.counted(Reason.MALFORMED):
        rig.send(topic, rig.sign(Kind.ALERT, topic, alert, key=rig.emergency, exp=rig.now() + 2 * DAY + MINUTE))
    expect(not rig.tape.events(alert.alert), rig.tape.story(alert.alert))
    return "counted malformed"


@check("Alert", "alert")
async def alert_takes_the_air(rig: Rig) -> str:
    """An alert takes the air from a priority item, whose receipt says preempted and higher-class."""
    item = rig.item(LONG, rig.slot(6 * SECOND), **{"class": Class.PRIORITY})
    await rig.plan(item)
    await rig.past(item.start_at + 2 * SECOND)
    alert = alert_of(rig, part(rig, SHORT))
    await raise_it(rig, alert)
    seen = await sounds_once(rig, alert, SHORT.length_ms)
    preempted = rig.tape.events(item.id, Event.PREEMPTED)
    expect(preempted and preempted[0].receipt.why is Why.HIGHER_CLASS, rig.tape.story(item.id))
    return seen


@check("Alert", "alert")
async def alert_in_quiet_hours(rig: Rig) -> str:
    """Quiet hours do not keep an alert back."""
    await quiet_now(rig)
    try:
        alert = alert_of(rig, part(rig, SHORT))
        await raise_it(rig, alert)
        return await sounds_once(rig, alert, SHORT.length_ms)
    finally:
        await rig.configure()


@check("Alert", "alert")
async def alert_grows(rig: Rig) -> str:
    """An alert that grows while it sounds goes on with the new part, and is one alert in its receipts."""
    siren = part(rig, MIDDLE, kind=Part.SIREN)
    alert = alert_of(rig, siren, growing=True)
    await raise_it(rig, alert)
    await rig.past(alert.start_at + 500)
    grown = msgspec.structs.replace(alert, parts=(siren, part(rig, SHORT, MIDDLE.length_ms)), growing=False)
    await raise_it(rig, grown)
    return await sounds_once(rig, grown, MIDDLE.length_ms + SHORT.length_ms)


@check("Alert", "alert")
async def alert_repeats(rig: Rig) -> str:
    """The speech is said as often as repeats says, with its pause; the siren once."""
    siren, speech = part(rig, SHORT, kind=Part.SIREN), part(rig, SHORT, SHORT.length_ms)
    alert = alert_of(rig, siren, speech, repeats=2, pause_ms=1_000)
    await raise_it(rig, alert)
    await rig.past(alert.start_at + 4 * SECOND)
    finished = (await told(rig, alert, Event.FINISHED)).receipt
    near(finished.played_ms, 3 * SECOND, "played")
    return near(finished.at, alert.start_at + 4 * SECOND, "finished", 500)


@check("Alert", "alert")
async def alert_comes_again(rig: Rig) -> str:
    """After every_ms the speech is heard again, at its moment."""
    alert = alert_of(rig, part(rig, SHORT), every_ms=5_000)
    await raise_it(rig, alert)
    await rig.past(alert.start_at + 5_000)
    again = await told(rig, alert, Event.STARTED, 2)
    seen = near(again.receipt.at, alert.start_at + 5_000, "again")
    await end(rig, alert)
    return seen


@check("Alert", "alert")
async def alert_twice_is_one(rig: Rig) -> str:
    """The same alert through two zones, and as a copy, is heard once."""
    alert = alert_of(rig, part(rig, SHORT))
    await raise_it(rig, alert, rig.zone)
    _, message = await raise_it(rig, alert)
    for _ in range(2):
        rig.send(rig.topics.down(rig.speaker, "copy"), message)
    seen = await sounds_once(rig, alert, SHORT.length_ms)
    await rig.past(alert.start_at + SHORT.length_ms + 2 * SECOND)
    await told(rig, alert, Event.STARTED)
    return seen


@check("Alert", "alert")
async def end_silences_it(rig: Rig) -> str:
    """The end document silences an alert at once; its receipt says stopped and withdrawn."""
    alert = alert_of(rig, part(rig, LONG))
    await raise_it(rig, alert)
    await rig.past(alert.start_at + SECOND)
    await end(rig, alert)
    stopped = (await told(rig, alert, Event.STOPPED)).receipt
    expect(
        stopped.why is Why.WITHDRAWN and stopped.at < alert.start_at + LONG.length_ms / 2, rig.tape.story(alert.alert)
    )
    return f"stopped at {stopped.at - alert.start_at:+d} ms"


@check("Alert", "alert")
async def rehearsal_is_answered_in_silence(rig: Rig) -> str:
    """A drill without parts that does not grow is armed once it is believed, and nothing else is told of it, ever."""
    alert = alert_of(rig, level=5, drill=True)
    topic, exp = rig.topics.alert(rig.town, alert.alert), rig.now() + _REHEARSAL_MS
    message = rig.sign(Kind.ALERT, topic, alert, key=rig.emergency, exp=exp)
    await rig.retain(topic, message)
    armed = (await told(rig, alert, Event.ARMED)).receipt
    rig.send(rig.topics.down(rig.speaker, "copy"), message)
    await rig.past(exp + SECOND)
    expect(len(rig.tape.events(alert.alert)) == 1, rig.tape.story(alert.alert))
    return f"armed at {armed.at - alert.start_at + _LEAD_MS:+d} ms"


@check("Who has the air", "alert")
async def cut_words_are_said_again(rig: Rig) -> str:
    """An alert whose words were cut by a higher one is joined in position while its round is on, and said whole after it."""
    lower = alert_of(rig, part(rig, SHORT), part(rig, MIDDLE, SHORT.length_ms))
    await raise_it(rig, lower)
    await rig.past(lower.start_at + SHORT.length_ms + 300)
    higher = alert_of(rig, part(rig, SHORT), level=5)
    await raise_it(rig, higher)
    await rig.past(lower.start_at + 2 * (SHORT.length_ms + MIDDLE.length_ms))
    finished = (await told(rig, lower, Event.FINISHED)).receipt
    started = rig.tape.events(lower.alert, Event.STARTED)[-1].receipt
    expect(started.position_ms == 0, rig.tape.story(lower.alert))
    return near(finished.played_ms, SHORT.length_ms + MIDDLE.length_ms, "played")


@check("Alert", "alert")
async def words_only_where_begun(rig: Rig) -> str:
    """An alert with if_begun is heard where one of those has begun; elsewhere it is skipped as not-begun, in silence."""
    alert = alert_of(rig, part(rig, MIDDLE))
    await raise_it(rig, alert)
    await rig.past(alert.start_at + SECOND)
    await end(rig, alert)
    words = alert_of(rig, part(rig, SHORT), if_begun=(secrets.token_hex(6), alert.alert))
    await raise_it(rig, words)
    seen = await sounds_once(rig, words, SHORT.length_ms)
    others = alert_of(rig, part(rig, SHORT), if_begun=(secrets.token_hex(6),))
    await raise_it(rig, others)
    skipped = (await told(rig, others, Event.SKIPPED)).receipt
    await rig.past(others.start_at + 2 * SECOND)
    only = skipped.why is Why.NOT_BEGUN and len(rig.tape.events(others.alert)) == 1
    expect(only, rig.tape.story(others.alert))
    return seen


@check("Who has the air", "alert")
async def higher_level_first(rig: Rig) -> str:
    """An alert of a higher level displaces a lower one, which follows with a round of its own."""
    lower = alert_of(rig, part(rig, MIDDLE))
    await raise_it(rig, lower)
    await rig.past(lower.start_at + SECOND)
    higher = alert_of(rig, part(rig, SHORT), level=5)
    await raise_it(rig, higher)
    seen = await sounds_once(rig, higher, SHORT.length_ms)
    await told(rig, lower, Event.PREEMPTED)
    after = await told(rig, lower, Event.STARTED, 2)
    expect(after.receipt.at >= higher.start_at + SHORT.length_ms - _LEAD_MS, "did not wait for the higher one")
    await told(rig, lower, Event.FINISHED)
    return seen


@check("Alert", "alert")
async def missed_alert_is_made_up_for(rig: Rig) -> str:
    """Who was off during a round, and hears of the alert after it, plays one of its own from the beginning."""
    alert = alert_of(rig, part(rig, MIDDLE), start_at=rig.now() - MINUTE)
    await raise_it(rig, alert)
    started = (await told(rig, alert, Event.STARTED)).receipt
    expect(started.position_ms == 0 and started.at - rig.now() < _OWN_ROUND_MS, f"began at {started.position_ms} ms")
    await told(rig, alert, Event.FINISHED)
    return "a round of its own"
