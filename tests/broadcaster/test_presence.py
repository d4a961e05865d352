from datetime import timedelta

import msgspec
import pytest

from broadcaster import presence
from broadcaster.clock import to_ms
from broadcaster.database import Database
from broadcaster.rows import Speaker
from broadcaster.wire import enrolment, keys, strict_json
from broadcaster.wire.documents import About, SpeakerState, State, Telemetry
from broadcaster.wire.fields import SpeakerRole
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import RejectedError
from tests.clocks import FixedClock

NOW = FixedClock().now()
LATER = NOW + timedelta(minutes=1)
READY, LOST = SpeakerState.READY, SpeakerState.LOST


def told(state: SpeakerState, boot: str = "boot-1", connection: int = 1) -> bytes:
    return strict_json.encode(State(state=state, boot=boot, connection=connection, since=0))


def speaker(**facts: object) -> Speaker:
    return Speaker(**{"id": "loa-1", "connection": 0, "claim_code": "secret"} | facts)


def test_a_first_word_makes_a_speaker_known() -> None:
    one = speaker()
    presence.take_state(one, told(READY), NOW)
    assert (one.state, one.boot, one.connection, one.seen_at, one.state_since) == (READY, "boot-1", 1, NOW, NOW)


def test_a_will_marks_a_speaker_lost_but_not_seen() -> None:
    one = speaker()
    presence.take_state(one, told(READY), NOW)
    presence.take_state(one, told(LOST), LATER)
    assert (one.state, one.state_since, one.seen_at) == (LOST, LATER, NOW)


def test_the_will_of_an_old_connection_is_ignored() -> None:
    one = speaker()
    presence.take_state(one, told(READY, connection=2), NOW)
    presence.take_state(one, told(LOST, connection=1), LATER)
    assert one.state is READY


def test_the_will_of_an_old_boot_is_ignored() -> None:
    one = speaker()
    presence.take_state(one, told(READY, "boot-2"), NOW)
    presence.take_state(one, told(LOST, "boot-1", 9), LATER)
    assert (one.state, one.boot) == (READY, "boot-2")


def test_a_retained_state_that_comes_again_is_no_sign_of_life() -> None:
    one = speaker()
    presence.take_state(one, told(READY), NOW)
    presence.take_state(one, told(READY), LATER)
    assert one.seen_at == NOW
    one.state = LOST  # the station noticed that it fell silent
    presence.take_state(one, told(READY), LATER)
    assert (one.state, one.seen_at) == (LOST, NOW)


def test_a_new_connection_brings_a_lost_speaker_back() -> None:
    one = speaker()
    presence.take_state(one, told(READY), NOW)
    presence.take_state(one, told(LOST), NOW)
    presence.take_state(one, told(READY, connection=2), LATER)
    assert (one.state, one.seen_at) == (READY, LATER)


def test_a_heartbeat_is_a_sign_of_life_whatever_was_thought() -> None:
    one = speaker(state=LOST)
    heartbeat = Telemetry(
        at=0, boot="b", offset_ms=-7, error_ms=3, clips=1, waiting_receipts=0, rejected={"expired": 2, "malformed": 1}
    )
    presence.take_telemetry(one, strict_json.encode(heartbeat), LATER)
    assert (one.state, one.seen_at, one.clock_offset_ms, one.clock_error_ms) == (READY, LATER, -7, 3)
    assert one.rejected == 3


def test_a_heartbeat_tells_of_faults_amplifier_and_bytes_and_a_moment_of_tomorrow_is_a_lie() -> None:
    one, now = speaker(), to_ms(NOW)
    beat = Telemetry(at=0, boot="b", offset_ms=0, error_ms=3, clips=1, waiting_receipts=0)
    amplifier = ((now - 9_000, now - 5_000), (now - 1_000, 0))
    told = msgspec.structs.replace(beat, faults=("safe-mode", "of-version-9"), amplifier=amplifier)
    presence.take_telemetry(one, strict_json.encode(told), NOW)
    assert one.faults == "safe-mode"
    assert (one.amplifier_on_at, one.amplifier_off_at) == (NOW - timedelta(seconds=1), NOW - timedelta(seconds=5))
    assert one.month_bytes is None
    late = 2**47  # in the year 6429
    lie = msgspec.structs.replace(beat, amplifier=((late, late),), month_bytes=48_211_034)
    presence.take_telemetry(one, strict_json.encode(lie), NOW)
    assert one.faults == ""
    assert one.amplifier_on_at == NOW - timedelta(seconds=1)
    assert one.month_bytes == 48_211_034


def about(key: SigningKey, claim_code: str, role: str = "speaker") -> bytes:
    text = keys.public_text(key.public)
    proof = enrolment.proof(claim_code, "an-binh", "loa-1", text)
    return strict_json.encode(
        About(model="M", firmware="1.2", protocol=1, key=text, proof=proof, boot_count=4, role=role)
    )


def test_a_key_is_pinned_when_its_speaker_knows_the_claim_code() -> None:
    one, key = speaker(), SigningKey.generate()
    presence.take_about("an-binh", one, about(key, "secret"), NOW)
    assert (one.public_key, one.model, one.firmware) == (keys.public_text(key.public), "M", "1.2")


def test_a_speaker_that_says_it_is_a_gateway_is_one_and_a_person_may_have_said_so_before() -> None:
    one, key = speaker(role=SpeakerRole.SPEAKER), SigningKey.generate()
    presence.take_about("an-binh", one, about(key, "secret", "of-version-9"), NOW)
    assert one.role.value == "speaker"
    presence.take_about("an-binh", one, about(key, "secret", "gateway"), NOW)
    presence.take_about("an-binh", one, about(key, "secret"), NOW)
    assert one.role.value == "gateway"


def test_a_key_without_the_claim_code_is_refused_and_the_pinned_one_stays() -> None:
    one = speaker(public_key="pinned")
    with pytest.raises(RejectedError, match="bad-signature"):
        presence.take_about("an-binh", one, about(SigningKey.generate(), "guess"), NOW)
    with pytest.raises(RejectedError, match="bad-signature"):
        presence.take_about("elsewhere", one, about(SigningKey.generate(), "secret"), NOW)
    assert (one.public_key, one.seen_at) == ("pinned", None)


def test_speakers_whose_heartbeats_stay_away_are_lost(filled: Database, clock: FixedClock) -> None:
    minutes = {"loa-1": 2, "loa-2": 4, "loa-3": 4, "loa-4": 4}
    states = {"loa-1": READY, "loa-2": READY, "loa-3": SpeakerState.SLEEPING, "loa-4": SpeakerState.DISCONNECTED}
    with filled.write() as session:
        for name, ago in minutes.items():
            row = session.get_one(Speaker, name)
            row.state, row.seen_at = states[name], clock.now() - timedelta(minutes=ago)
        session.flush()
        presence.mark_silent(session, clock.now(), 60_000)
    with filled.read() as session:
        assert session.get_one(Speaker, "loa-2").state_since == clock.now()
        now = {name: session.get_one(Speaker, name).state for name in minutes}
    assert now == states | {"loa-2": LOST}
