"""Checks of clips on their way: lost, poisoned, unknown and known ones."""

import asyncio
from typing import Final

from broadcaster.conformance.check import check, expect
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import BARE, LOSSY, POISONED, SHORT, UNANSWERED
from broadcaster.wire import clips
from broadcaster.wire.documents import Event
from broadcaster.wire.rejection import Reason
from broadcaster.wire.units import MINUTE, SECOND

_LATER_MS: Final = 20 * MINUTE
"""Air time of what is only delivered here."""
_JITTER_MS: Final = 3 * SECOND
_SLACK_MS: Final = 4 * SECOND
_AGAIN_MS: Final = 10 * SECOND


@check("Request", "delivery")
async def lost_segments_by_list(rig: Rig) -> str:
    """After sent_by, within a jitter of 3 s, it asks for the lost segments, for all of them and for no other."""
    lost = (1, 3)
    item = rig.item(LOSSY, rig.now() + _LATER_MS, sent_by=rig.now() + 1_500)
    await rig.plan(item)
    rig.deliver(LOSSY, lost)
    await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 15)
    asked = rig.tape.requests(LOSSY.clip)
    expect(asked, "nothing was asked for")
    at, request = asked[0]
    after_ms = at - item.sent_by
    seen = f"{list(request.missing)} after {after_ms} ms"
    expect(request.missing == clips.ranges(lost) and not request.manifest, seen)
    expect(0 <= after_ms <= _JITTER_MS + _SLACK_MS, seen)
    expect(rig.tape.events(item.id, Event.CACHED) and len(asked) == 1, f"{seen}, {rig.tape.story(item.id)}")
    return seen


@check("Request", "delivery")
async def lost_manifest(rig: Rig) -> str:
    """When nothing of a clip came, it asks for the manifest, and then for every segment."""
    item = rig.item(BARE, rig.now() + _LATER_MS)
    await rig.plan(item)
    await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 20)
    asked = [request for _, request in rig.tape.requests(BARE.clip)]
    seen = "; ".join("manifest" if one.manifest else str(list(one.missing)) for one in asked)
    expect(asked and asked[0].manifest and rig.tape.events(item.id, Event.CACHED), seen or "nothing was asked for")
    return seen


@check("Manifest", "delivery")
async def poisoned_segment(rig: Rig) -> str:
    """A segment with another hash is counted wrong-hash, and causes no request."""
    item = rig.item(POISONED, rig.now() + _LATER_MS, sent_by=rig.now() + 5 * SECOND)
    await rig.plan(item)
    rig.deliver(POISONED, lost=(2,))
    topic = rig.topics.segment(rig.zone, POISONED.clip, 2)
    await asyncio.sleep(0.3)
    async with rig.counted(Reason.WRONG_HASH):
        for _ in range(5):
            rig.send(topic, b"OggS" + bytes(900), qos=0)
    rig.send(topic, POISONED.segments[2], qos=0)
    cached = await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 5)
    asked = [list(request.missing) for _, request in rig.tape.requests(POISONED.clip)]
    expect(cached and not asked, f"{rig.tape.story(item.id)}, asked for {asked}")
    return "counted, cached, nothing asked for"


@check("Manifest", "delivery")
async def unknown_clip(rig: Rig) -> str:
    """A segment of a clip that no plan names is counted unknown-clip."""
    async with rig.counted(Reason.UNKNOWN_CLIP):
        rig.send(rig.topics.segment(rig.zone, "ab" * 32, 0), b"OggS", qos=0)
    return "counted unknown-clip"


@check("Request", "delivery")
async def known_clip_not_asked_for(rig: Rig) -> str:
    """A clip that is here is cached at once for another broadcast, and not asked for again."""
    before = len(rig.tape.requests(SHORT.clip))
    item = rig.item(SHORT, rig.now() + _LATER_MS + MINUTE)
    await rig.plan(item)
    expect(await rig.tape.until(lambda: rig.tape.events(item.id, Event.CACHED), 8), rig.tape.story(item.id))
    await asyncio.sleep((_JITTER_MS + SECOND) / SECOND)
    asked = rig.tape.requests(SHORT.clip)[before:]
    expect(not asked, f"asked {len(asked)} times")
    return "cached without a segment"


@check("Request", "delivery")
async def asks_again_slowly(rig: Rig) -> str:
    """A request that is not answered comes again, after at least 10 s."""
    rig.withheld.add(UNANSWERED.clip)
    item = rig.item(UNANSWERED, rig.now() + _LATER_MS + 2 * MINUTE)
    await rig.plan(item)
    again = await rig.tape.until(lambda: len(rig.tape.requests(UNANSWERED.clip)) > 1, 30)
    rig.withheld.discard(UNANSWERED.clip)
    expect(again, "not asked again")
    (first, _), (second, _) = rig.tape.requests(UNANSWERED.clip)[:2]
    seen = f"again after {(second - first) / 1000:.1f} s"
    expect(second - first >= _AGAIN_MS - 200, seen)
    return seen
