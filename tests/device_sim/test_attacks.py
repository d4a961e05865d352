"""Nobody else makes it speak: every message that must not be acted on plays nothing and is counted by its reason."""

from collections.abc import Callable
from pathlib import Path

import pytest

from broadcaster.wire.documents import Class, PlanItem
from broadcaster.wire.rejection import Reason
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import DAY, HOUR, MINUTE, SECOND
from tests.device_sim.bench import Bench
from tests.device_sim.station import DATE, ELSEWHERE, NOON, OWN, SPEAKER, TOMORROW, Message, Station, trusted

pytestmark = pytest.mark.unit

EVIL_AT = NOON + MINUTE


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A speaker that has joined and holds the clip of tomorrow's bulletin, which the attacks would like to play."""
    bench = Bench(tmp_path)
    item = bench.station.item("tomorrow", TOMORROW)
    bench.station.trust(), bench.station.config(), bench.station.plan(item, date="2026-11-22", exp=TOMORROW + HOUR)
    bench.join()
    bench.deliver(*bench.station.sound(item))
    bench.station.now += SECOND
    return bench


def evil(station: Station) -> PlanItem:
    return station.item("evil", EVIL_AT)


def _changed(message: Message, old: bytes, new: bytes) -> Message:
    assert old in message.payload
    return Message(message.topic, message.payload.replace(old, new, 1))


def _with_signature_of(message: Message, other: Message) -> Message:
    header, payload = message.payload.partition(b"..")[0], message.payload.partition(b"\n")[2]
    signature = other.payload.partition(b"..")[2].partition(b"\n")[0]
    return Message(message.topic, header + b".." + signature + b"\n" + payload)


def _plan_json(station: Station, text: str) -> Message:
    topic = station.topics.plan(OWN, DATE)
    return station.sign(Kind.PLAN, topic, text.encode(), exp=NOON + HOUR)


def _twice(station: Station) -> Message:
    plan = station.plan(evil(station))
    body = plan.payload.partition(b"\n")[2].decode()
    return _plan_json(station, body[:-1] + ',"zone":"' + OWN + '"}')


def _on(topic: str, message: Message) -> Message:
    return Message(topic, message.payload)


ATTACKS: dict[str, tuple[Reason, Callable[[Station], Message]]] = {
    "signed by nobody we know": (Reason.UNKNOWN_KEY, lambda st: st.plan(evil(st), key=st.stranger)),
    "signed by the root itself": (Reason.UNKNOWN_KEY, lambda st: st.plan(evil(st), key=st.root)),
    "forged under the name of our key": (
        Reason.BAD_SIGNATURE,
        lambda st: _with_signature_of(st.plan(evil(st)), st.plan(evil(st), key=st.stranger)),
    ),
    "payload altered": (
        Reason.BAD_SIGNATURE,
        lambda st: _changed(st.plan(evil(st)), b'"late_ms":300000', b'"late_ms":900000'),
    ),
    "not signed at all": (
        Reason.MALFORMED,
        lambda st: Message(st.topics.plan(OWN, DATE), st.plan(evil(st)).payload.partition(b"\n")[2]),
    ),
    "sent to another day's topic": (
        Reason.WRONG_TOPIC,
        lambda st: _on(st.topics.plan(OWN, "2026-11-23"), st.plan(evil(st))),
    ),
    "sent to another zone's topic": (
        Reason.WRONG_TOPIC,
        lambda st: _on(st.topics.plan(OWN, DATE), st.plan(evil(st), zone=ELSEWHERE)),
    ),
    "a plan that says it is of another zone": (
        Reason.WRONG_TOPIC,
        lambda st: _plan_json(
            st, st.plan(evil(st)).payload.partition(b"\n")[2].decode().replace(f'"{OWN}"', '"xa"', 1)
        ),
    ),
    "a config where a plan should be": (
        Reason.WRONG_TYPE,
        lambda st: st.sign(Kind.CONFIG, st.topics.plan(OWN, DATE), b"{}"),
    ),
    "a zone that is not ours": (Reason.NOT_MINE, lambda st: st.plan(evil(st), zone=ELSEWHERE)),
    "a copy from a zone that is not ours": (Reason.NOT_MINE, lambda st: st.copy(st.plan(evil(st), zone=ELSEWHERE))),
    "another speaker's config": (
        Reason.NOT_MINE,
        lambda st: _on(st.topics.down("loa-002", "copy"), st.plan(evil(st))),
    ),
    "another station's": (
        Reason.UNKNOWN_TOPIC,
        lambda st: Message("loa/1/other/zone/thon-1/plan/" + DATE, st.plan(evil(st)).payload),
    ),
    "a topic that does not exist": (Reason.UNKNOWN_TOPIC, lambda st: Message("loa/1/st/zone/thon-1/play", b"!")),
    "expired": (Reason.EXPIRED, lambda st: st.plan(evil(st), exp=st.now)),
    "from the future": (
        Reason.FUTURE_DATED,
        lambda st: st.plan(evil(st), seq=st.now + 5 * MINUTE + 1, exp=st.now + HOUR),
    ),
    "an emergency signed by the station key": (
        Reason.OUT_OF_SCOPE,
        lambda st: st.plan(st.item("evil", EVIL_AT, klass=Class.EMERGENCY)),
    ),
    "a routine bulletin signed by the emergency key": (
        Reason.OUT_OF_SCOPE,
        lambda st: st.plan(evil(st), key=st.emergency),
    ),
    "a config signed by the emergency key": (
        Reason.OUT_OF_SCOPE,
        lambda st: st.sign(Kind.CONFIG, st.topics.down(SPEAKER, "config"), b"{}", key=st.emergency),
    ),
    "trust signed by the station key": (
        Reason.UNKNOWN_KEY,
        lambda st: st.sign(Kind.TRUST, st.topics.trust("xa"), b'{"keys":[]}'),
    ),
    "oversized": (Reason.OVERSIZED, lambda st: _plan_json(st, '{"zone":"' + "x" * 130_000 + '"}')),
    "a copy of nothing": (Reason.MALFORMED, lambda st: Message(st.topics.down(SPEAKER, "copy"), b"")),
    "not JSON": (Reason.MALFORMED, lambda st: _plan_json(st, "evil")),
    "JSON of another shape": (Reason.MALFORMED, lambda st: _plan_json(st, '{"zone":"thon-1","items":[]}')),
    "a member twice": (Reason.DUPLICATE_MEMBER, _twice),
    "a receipt of its own sent back": (
        Reason.WRONG_TYPE,
        lambda st: st.copy(st.sign(Kind.RECEIPT, st.topics.up(SPEAKER, "receipt"), b"{}")),
    ),
    "a segment of a clip that nobody planned": (
        Reason.UNKNOWN_CLIP,
        lambda st: Message(st.topics.segment(OWN, "0" * 64, 0), b"OggS"),
    ),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_plays_nothing_and_is_counted(bench: Bench, attack: str) -> None:
    reason, make = ATTACKS[attack]
    bench.deliver(make(bench.station))
    bench.run(EVIL_AT + MINUTE)
    assert bench.plays("evil") == []
    assert bench.heard == []
    assert bench.machine.rejected == {reason: 1}
    assert bench.telemetry.rejected == {reason.value: 1}


@pytest.mark.parametrize("attack", [name for name, (reason, _) in ATTACKS.items() if reason is not Reason.UNKNOWN_CLIP])
def test_what_was_refused_leaves_nothing_in_the_store(bench: Bench, attack: str) -> None:
    before = bench.store.recall().documents
    bench.deliver(ATTACKS[attack][1](bench.station))
    assert bench.store.recall().documents == before


def test_a_plan_that_was_replaced_does_not_come_back(bench: Bench) -> None:
    station = bench.station
    old = station.plan(evil(station))
    station.now += SECOND
    bench.deliver(old, station.plan(), old, station.copy(old))
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"rolled-back": 2}


def test_nor_does_it_come_back_after_a_reboot(bench: Bench) -> None:
    station = bench.station
    old = station.plan(evil(station))
    station.now += SECOND
    bench.deliver(old, station.plan())
    bench.reboot()
    bench.connect()
    bench.deliver(old)
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"rolled-back": 1}


def test_a_plan_that_the_welcome_knows_a_successor_of_is_a_rollback(bench: Bench) -> None:
    station = bench.station
    old = station.plan(evil(station))
    station.now += SECOND
    lost = station.plan()
    bench.disconnect()
    bench.connect()
    bench.deliver(station.welcome(bench.hello), old)
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"rolled-back": 1}
    bench.deliver(lost)
    assert bench.machine.rejected == {"rolled-back": 1}


def test_two_plans_with_one_number_are_a_replay(bench: Bench) -> None:
    station = bench.station
    first = station.plan(seq=station.now)
    bench.deliver(first, station.plan(evil(station), seq=station.now))
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"replayed": 1}


def test_a_shorter_lived_successor_does_not_let_its_predecessor_back_in(bench: Bench) -> None:
    station = bench.station
    old = station.plan(evil(station), exp=NOON + HOUR)
    station.now += SECOND
    bench.deliver(old, station.plan(exp=NOON + 10 * SECOND))
    bench.run(NOON + 20 * SECOND)
    bench.deliver(old)
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"rolled-back": 1}


def test_a_key_may_not_speak_outside_its_zones(bench: Bench) -> None:
    station = bench.station
    guest = trusted(station.stranger, Class.ROUTINE, zones=("khac",))
    bench.deliver(station.trust(also=[guest]), station.plan(evil(station), key=station.stranger))
    bench.deliver(station.sign(Kind.CONFIG, station.topics.down(SPEAKER, "config"), b"{}", key=station.stranger))
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"out-of-scope": 2}


def test_a_key_may_speak_in_its_zones(bench: Bench) -> None:
    station = bench.station
    guest = trusted(station.stranger, Class.ROUTINE, zones=(OWN,))
    bench.deliver(station.trust(also=[guest]), station.plan(evil(station), key=station.stranger))
    bench.run(EVIL_AT + MINUTE)
    assert len(bench.plays("evil")) == 1


def test_a_revoked_key_is_silent_and_so_is_what_it_has_planned_before(bench: Bench) -> None:
    station = bench.station
    guest = trusted(station.stranger, Class.ROUTINE)
    planned = station.plan(evil(station), key=station.stranger)
    bench.deliver(station.trust(also=[guest]), planned)
    assert "evil" in [item.id for item in bench.machine.beliefs.items]
    station.now += SECOND
    bench.deliver(station.trust(also=[guest], revoked=[station.stranger.kid]), planned)
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"revoked-key": 1}
    bench.reboot()
    assert [item.id for item in bench.machine.beliefs.items] == ["tomorrow"]
    assert bench.machine.rejected == {}


def test_an_older_trust_from_another_zone_brings_no_key_back(bench: Bench) -> None:
    station = bench.station
    guest = trusted(station.stranger, Class.ROUTINE)
    old = station.trust(zone=ELSEWHERE, also=[guest])
    station.now += SECOND
    bench.deliver(station.trust(), station.copy(old), station.plan(evil(station), key=station.stranger))
    bench.run(EVIL_AT + MINUTE)
    assert bench.heard == []
    assert bench.machine.rejected == {"unknown-key": 1}


def test_what_a_revoked_key_displaced_counts_again(bench: Bench) -> None:
    """A thief's plan with a high number must not keep the station's own plan out."""
    station = bench.station
    mine = station.plan(station.item("mine", EVIL_AT), seq=station.now)
    bench.deliver(station.trust(also=[trusted(station.stranger, Class.ROUTINE)]), mine)
    bench.deliver(station.plan(evil(station), key=station.stranger, seq=station.now + 4 * MINUTE))
    station.now += SECOND
    bench.deliver(station.trust(revoked=[station.stranger.kid]), mine)
    bench.run(EVIL_AT + MINUTE)
    assert [sound.broadcast for sound in bench.heard] == ["mine"]


def test_a_day_of_nonsense_leaves_no_floor_behind(bench: Bench) -> None:
    before = dict(bench.machine.beliefs.floors)
    for _, make in ATTACKS.values():
        bench.deliver(make(bench.station))
    assert bench.machine.beliefs.floors == before
    bench.run(NOON + DAY + 2 * HOUR, answered=True)
    assert set(bench.machine.beliefs.floors) <= {message.topic for message in bench.station.documents.values()} | {
        bench.station.topics.down(SPEAKER, "welcome"),
        bench.station.topics.down(SPEAKER, "ack"),
    }
