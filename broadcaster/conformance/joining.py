"""Checks of the way in: what a new speaker says of itself, and that it is silent until it is welcomed."""

from typing import TYPE_CHECKING, Final

from broadcaster.conformance.check import check, expect
from broadcaster.conformance.link import Link
from broadcaster.conformance.papers import LEAD_MS
from broadcaster.conformance.rig import JOIN_S, Rig
from broadcaster.conformance.sounds import SHORT
from broadcaster.wire import enrolment, keys, strict_json
from broadcaster.wire.documents import PROTOCOL_VERSION, Event, SpeakerState, State
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind

if TYPE_CHECKING:
    from broadcaster.transport import Message

_FIRST_AGAIN_S: Final = 5.0
_SLACK_S: Final = 8.0
_RETAINED_S: Final = 5.0


async def prepare(rig: Rig) -> None:
    """A new speaker on a broker where nobody answers."""
    rig.answering = False
    await rig.switch_on()


@check("Joining", "joining")
async def says_hello(rig: Rig) -> str:
    """After connecting it says state ready, about and hello; a broker may turn their order."""

    def said() -> bool:
        return bool(rig.tape.states() and rig.tape.about() and rig.tape.hellos())

    expect(await rig.tape.until(said, JOIN_S), f"only {[entry.kind.value for entry in rig.tape.entries]}")
    state = rig.tape.states()[0]
    expect(state.state is SpeakerState.READY, f"state {state.state.value}")
    expect(state.boot == rig.tape.hellos()[0].boot, "state and hello name different boots")
    return f"boot {state.boot}, connection {state.connection}"


@check("About", "joining")
async def proves_its_key(rig: Rig) -> str:
    """Its about names protocol 1 and proves its own key with the claim code."""
    await rig.joined()
    about = rig.tape.about()
    expect(about, "no about")
    if about is None:
        return ""
    keys.public_key(about.key)
    proven = enrolment.proves(about.proof, rig.claim_code, rig.station, rig.speaker, about.key)
    expect(proven, "the proof does not match")
    expect(about.protocol == PROTOCOL_VERSION, f"protocol {about.protocol}")
    return f"{about.model}, firmware {about.firmware}"


@check("State", "joining")
async def state_is_retained(rig: Rig) -> str:
    """Whoever subscribes later hears its state at once."""
    await rig.joined()
    heard: list[Message] = []
    late = Link(rig.brokerage.url, [f"{rig.topics.base}/speaker/{rig.speaker}/up/#"], heard.append)
    await late.open()
    state_topic = rig.topics.up(rig.speaker, "state")
    await rig.tape.until(lambda: any(message.topic == state_topic for message in heard), _RETAINED_S)
    await late.close()
    states = [message for message in heard if message.topic == state_topic]
    expect(states, "no retained state")
    return strict_json.decode(states[0].payload, State).state.value


@check("Joining", "joining")
async def repeats_hello(rig: Rig) -> str:
    """Without an answer the hello comes again after 5 s, with a new nonce."""
    await rig.joined()
    wait_s = _FIRST_AGAIN_S + _SLACK_S
    again = await rig.tape.until(lambda: len(rig.tape.hellos()) > 1, wait_s)
    expect(again, f"no second hello in {wait_s:.0f} s")
    nonces = [hello.nonce for hello in rig.tape.hellos()]
    expect(len(set(nonces)) == len(nonces), "a nonce came twice")
    at = [entry.at for entry in rig.tape.of(Kind.HELLO)]
    return f"again after {(at[-1] - at[-2]) / 1000:.1f} s"


@check("Joining", "joining")
async def silent_before_welcome(rig: Rig) -> str:
    """With an empty store nothing is played before one welcome, though trust, config, plan and clip are there."""
    await rig.joined()
    await rig.trust()
    rig.send(rig.topics.down(rig.speaker, "copy"), rig.in_force[rig.topics.trust(rig.town)])
    await rig.configure()
    item = rig.item(SHORT, rig.slot(SHORT.length_ms, LEAD_MS))
    await rig.plan(item)
    rig.deliver(SHORT)
    await rig.past(item.start_at + SHORT.length_ms + 500)
    expect(not rig.tape.events(item.id, Event.STARTED, Event.FINISHED), rig.tape.story(item.id))
    return rig.tape.story(item.id)


@check("Acceptance", "joining")
async def stale_welcome(rig: Rig) -> str:
    """A welcome with a nonce that no open hello has is counted stale-welcome, and opens nothing."""
    since = rig.now()
    expect(await rig.tape.until(lambda: rig.tape.hellos(since), 4 * JOIN_S), "no hello")
    async with rig.counted(Reason.STALE_WELCOME):
        rig.welcome(rig.tape.hellos()[-1], rig.now(), nonce="c3RhbGUtbm9uY2U")
    item = rig.item(SHORT, rig.slot(SHORT.length_ms, 1_500))
    await rig.plan(item)
    await rig.past(item.start_at + 500)
    expect(not rig.tape.events(item.id, Event.STARTED), rig.tape.story(item.id))
    return "counted, silent"


@check("Welcome", "joining")
async def plays_after_welcome(rig: Rig) -> str:
    """Once it is welcomed it plays."""
    rig.answering = True
    rig.welcome(rig.tape.hellos()[-1], rig.tape.of(Kind.HELLO)[-1].at)
    item = rig.item(SHORT, rig.slot(SHORT.length_ms))
    await rig.plan(item)
    rig.deliver(SHORT)
    started = await rig.tape.until(lambda: rig.tape.events(item.id, Event.STARTED), JOIN_S)
    expect(started, rig.tape.story(item.id))
    return rig.tape.story(item.id)
