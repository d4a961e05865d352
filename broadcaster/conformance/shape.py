"""Checks of attacks that a look at the outside gives away: sizes, members, topics, types and times."""

import base64
import json

import msgspec

from broadcaster.conformance.airing import order
from broadcaster.conformance.attacks import refused
from broadcaster.conformance.check import check
from broadcaster.conformance.rig import Rig
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Action
from broadcaster.wire.envelope import MAX_MESSAGE_BYTES
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE


def _copy(rig: Rig) -> str:
    return rig.topics.down(rig.speaker, "copy")


@check("Signed envelope", "shape")
async def unsigned_plan(rig: Rig) -> str:
    """A plan without a signature is malformed."""
    return await refused(rig, Reason.MALFORMED, lambda topic, plan: (topic, strict_json.encode(plan)))


@check("Signed envelope", "shape")
async def another_algorithm(rig: Rig) -> str:
    """An envelope of alg none is malformed."""

    def forge(topic: str, document: msgspec.Struct) -> tuple[str, bytes]:
        header = {"alg": "none", "b64": False, "crit": ["b64"], "kid": rig.key.kid}
        members = header | {"typ": Kind.PLAN.value, "topic": topic, "seq": rig.next_seq()}
        line = base64.urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=")
        return topic, line + b"..\n" + strict_json.encode(document)

    return await refused(rig, Reason.MALFORMED, forge)


@check("Signed envelope", "shape")
async def broken_payload(rig: Rig) -> str:
    """A rightly signed payload that lacks a member is malformed."""
    return await refused(
        rig, Reason.MALFORMED, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, strict_json.encode(plan)[:-9]))
    )


@check("Documents", "shape")
async def member_twice(rig: Rig) -> str:
    """A member that stands twice makes the whole message duplicate-member."""
    return await refused(
        rig,
        Reason.DUPLICATE_MEMBER,
        lambda topic, plan: (
            topic,
            rig.sign(Kind.PLAN, topic, strict_json.encode(plan)[:-1] + b',"zone":"' + rig.zone.encode() + b'"}'),
        ),
    )


@check("Signed envelope", "shape")
async def too_large(rig: Rig) -> str:
    """A message above 120 000 bytes is oversized."""
    padding = b" " * MAX_MESSAGE_BYTES
    return await refused(
        rig,
        Reason.OVERSIZED,
        lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, strict_json.encode(plan) + padding)),
    )


@check("Acceptance", "shape")
async def another_topic(rig: Rig) -> str:
    """A plan made for one zone does not count on the topic of another."""
    return await refused(
        rig,
        Reason.WRONG_TOPIC,
        lambda topic, plan: (topic.replace(rig.zone, rig.town), rig.sign(Kind.PLAN, topic, plan)),
    )


@check("Acceptance", "shape")
async def another_type(rig: Rig) -> str:
    """A plan's topic carries nothing but loa-plan."""
    return await refused(rig, Reason.WRONG_TYPE, lambda topic, plan: (topic, rig.sign(Kind.COMMAND, topic, plan)))


@check("Acceptance", "shape")
async def foreign_zone(rig: Rig) -> str:
    """The plan of a zone that is not in its config is not-mine, also as a copy."""

    def forge(_topic: str, document: msgspec.Struct) -> tuple[str, bytes]:
        text = strict_json.encode(document).replace(rig.zone.encode(), b"thon-khac")
        date = json.loads(text)["date"]
        return _copy(rig), rig.sign(Kind.PLAN, rig.topics.plan("thon-khac", date), text)

    return await refused(rig, Reason.NOT_MINE, forge)


@check("Acceptance", "shape")
async def expired_plan(rig: Rig) -> str:
    """A plan after its exp is expired."""
    return await refused(
        rig, Reason.EXPIRED, lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, exp=rig.now() - 1_000))
    )


@check("Acceptance", "shape")
async def future_dated_plan(rig: Rig) -> str:
    """A plan with a seq more than 5 minutes ahead is future-dated."""
    return await refused(
        rig,
        Reason.FUTURE_DATED,
        lambda topic, plan: (topic, rig.sign(Kind.PLAN, topic, plan, seq=rig.now() + 6 * MINUTE)),
    )


@check("Acceptance", "shape")
async def rolled_back_plan(rig: Rig) -> str:
    """A plan older than the one in force on its topic is rolled-back."""

    def forge(_topic: str, document: msgspec.Struct) -> tuple[str, bytes]:
        topic = plan_in_force(rig)  # late in the evening that is the one of tomorrow
        of_its_day = msgspec.structs.replace(document, date=topic.rpartition("/")[2])
        return topic, rig.sign(Kind.PLAN, topic, of_its_day, seq=rig.now() - HOUR)

    return await refused(rig, Reason.ROLLED_BACK, forge)


@check("Acceptance", "shape")
async def same_seq_other_payload(rig: Rig) -> str:
    """Another payload under a seq that was used is replayed."""

    def forge(_topic: str, document: msgspec.Struct) -> tuple[str, bytes]:
        used = envelope.parse(rig.in_force[plan_in_force(rig)]).header
        text = strict_json.encode(document)
        return used.topic, rig.sign(Kind.PLAN, used.topic, text, seq=used.seq)

    return await refused(rig, Reason.REPLAYED, forge)


@check("Acceptance", "shape")
async def command_twice(rig: Rig) -> str:
    """A command that comes again is replayed."""
    message = await order(rig, Action.STOP, "nothing-of-this-name")
    async with rig.counted(Reason.REPLAYED):
        rig.send(rig.topics.command(rig.zone), message)
    return "counted replayed"


@check("Command", "shape")
async def stale_command(rig: Rig) -> str:
    """A command after its exp is expired."""
    topic, seq = rig.topics.command(rig.zone), rig.now() - MINUTE
    payload = b'{"action":"stop","broadcast":"nothing-of-this-name"}'
    async with rig.counted(Reason.EXPIRED):
        rig.send(topic, rig.sign(Kind.COMMAND, topic, payload, seq=seq, exp=seq + 20_000))
    return "counted expired"


def plan_in_force(rig: Rig) -> str:
    """The topic of a plan that the speaker has."""
    return next(topic for topic in rig.in_force if rig.topics.parse(topic).kind is Kind.PLAN)
