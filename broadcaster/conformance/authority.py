"""Checks of who may speak: keys, scopes, signatures, and the root's word alone."""

import json

from broadcaster.conformance.attacks import refused
from broadcaster.conformance.check import check, expect
from broadcaster.conformance.papers import trusted
from broadcaster.conformance.rig import Rig
from broadcaster.conformance.sounds import SHORT
from broadcaster.wire import keys, strict_json
from broadcaster.wire.documents import Class, Event, Trust
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind

EVERYTHING = (Class.ROUTINE, Class.PRIORITY, Class.EMERGENCY)


@check("Acceptance", "authority")
async def forged_signature(rig: Rig) -> str:
    """A plan under the station's kid that somebody else signed is bad-signature."""
    impostor = SigningKey.generate()
    impostor.kid = rig.key.kid
    return await refused(
        rig, Reason.BAD_SIGNATURE, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=impostor))
    )


@check("Acceptance", "authority")
async def altered_payload(rig: Rig) -> str:
    """A plan that was changed after signing is bad-signature."""
    return await refused(
        rig,
        Reason.BAD_SIGNATURE,
        lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan).replace(b'"late_ms":30000', b'"late_ms":30001')),
    )


@check("Acceptance", "authority")
async def unknown_key(rig: Rig) -> str:
    """A plan signed by a key that no trust document names is unknown-key."""
    stranger = SigningKey.generate()
    return await refused(
        rig, Reason.UNKNOWN_KEY, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=stranger))
    )


@check("Trust", "authority")
async def revoked_key(rig: Rig) -> str:
    """A key that was trusted and is revoked is never believed again."""
    fallen = SigningKey.generate()
    rig.more_keys, rig.revoked = (trusted(fallen, *EVERYTHING),), (fallen.kid,)
    await rig.trust()
    return await refused(
        rig, Reason.REVOKED_KEY, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=fallen))
    )


@check("Trust", "authority")
async def key_of_another_zone(rig: Rig) -> str:
    """A key speaks only in the zones that its trust names."""
    neighbour = SigningKey.generate()
    rig.more_keys = (*rig.more_keys, trusted(neighbour, *EVERYTHING, zones=("thon-khac",)))
    await rig.trust()
    return await refused(
        rig, Reason.OUT_OF_SCOPE, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=neighbour))
    )


@check("Trust", "authority")
async def class_beyond_scope(rig: Rig) -> str:
    """A key without the scope emergency plans no emergency item."""
    return await refused(
        rig,
        Reason.OUT_OF_SCOPE,
        lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan)),
        **{"class": Class.EMERGENCY},
    )


@check("Trust", "authority")
async def trust_by_another_key(rig: Rig) -> str:
    """A trust document counts only with the root's signature."""
    stranger = SigningKey.generate()
    topic = rig.topics.trust(rig.town)
    forged = Trust(keys=(trusted(stranger, *EVERYTHING), trusted(rig.key, *EVERYTHING)))
    async with rig.counted(Reason.UNKNOWN_KEY):
        rig.send(topic, rig.sign(Kind.TRUST, topic, forged, key=rig.key))
    return await refused(
        rig, Reason.UNKNOWN_KEY, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=stranger))
    )


@check("Config", "authority")
async def config_brings_no_keys(rig: Rig) -> str:
    """Keys in a config are not believed, though the station signed it."""
    stranger = SigningKey.generate()
    entry = {"kid": stranger.kid, "key": keys.public_text(stranger.public), "scopes": [one.value for one in EVERYTHING]}
    config = json.loads(strict_json.encode(rig.config()))
    topic = rig.topics.down(rig.speaker, "config")
    payload = json.dumps(config | {"keys": [entry], "trust": {"keys": [entry]}}).encode()
    await rig.retain(topic, rig.sign(Kind.CONFIG, topic, payload))
    return await refused(
        rig, Reason.UNKNOWN_KEY, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, key=stranger))
    )


@check("Acceptance", "authority")
async def alive_after_attacks(rig: Rig) -> str:
    """After everything that was refused, the station's own plan still plays."""
    async with rig.counted(Reason.MALFORMED):
        rig.send(rig.topics.plan(rig.zone, rig.day(rig.now())), b"\xff\x00 rubbish")
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item, rig.town)
    await rig.tape.until(lambda: rig.tape.events(item.id, Event.FINISHED), 10)
    expect(rig.tape.events(item.id, Event.FINISHED), rig.tape.story(item.id))
    return rig.tape.story(item.id)
