"""Live voice without a browser: who may begin, what is sent, what ends it, and what is kept of it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import FileIO
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from sqlalchemy import select

from broadcaster import chain, talks, village
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.rows import Account, AuditEntry, Grant, Role, Station, Talk, TalkEnd
from broadcaster.sounds import SoundStore
from broadcaster.talks import Order
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Class
from broadcaster.wire.topics import Kind
from broadcaster.wire.urgent import LiveOpen
from device_sim.opus import PacketDecoder
from device_sim.stream import split
from scheduler import recordings, talking
from scheduler.microphone import DELAY_MS, MOST_AT_ONCE_MS, OutOfOrderError, TooMuchError
from scheduler.talking import OnAir, OverError, RefusedTalkError, Talks
from tests.broadcaster import town
from tests.broadcaster.town import COMMUNE, DOAI, DONG, EMPTY, NA_LOC, TOPICS, FakeTransport
from tests.clocks import FixedClock
from tests.streams import programme
from tts.flac import from_flac, to_flac
from tts.live_encoding import RATE_HZ
from tts.pcm import Pcm

VOICE = programme(8)
PART = RATE_HZ // 5
LAN, HOA = 1, 2


@pytest.fixture
def filled_core(filled: Database, clock: FixedClock) -> Core:
    with filled.write() as session:
        held = [Grant(role=Role.DUTY_OFFICER, granted_at=clock.now())]
        session.add(Account(username="hoa", full_name="Hòa", password_hash="", created_at=clock.now(), grants=held))
    return town.core(filled, clock)


@pytest.fixture
def line() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def open_talks(filled_core: Core, line: FakeTransport, tmp_path: Path) -> Iterator[Talks]:
    made = Talks(filled_core, line, tmp_path / "talks", SoundStore(tmp_path / "sounds"))
    yield made
    made.stop()


def order(*places: int, account: int = LAN, klass: Class = Class.ROUTINE, most_ms: int = talking.MOST_MS) -> Order:
    return Order(account, places or (COMMUNE,), klass, most_ms)


def speak(made: Talks, talk: OnAir, clock: FixedClock, first: int = 0, parts: int = 10) -> None:
    """A fifth of a second at a time, as it goes by."""
    for number in range(first, first + parts):
        clock.advance(timedelta(milliseconds=200))
        made.take(talk.name, talk.key, number * PART, VOICE[number * PART : (number + 1) * PART])


def opens(line: FakeTransport) -> list[LiveOpen]:
    said = [one.payload for one in line.sent if TOPICS.parse(one.topic).kind is Kind.LIVE_OPEN]
    return [strict_json.decode(envelope.parse(payload).payload, LiveOpen) for payload in said]


def segments(line: FakeTransport, zone: str = "xa") -> dict[int, bytes]:
    live = [(TOPICS.parse(one.topic), one.payload) for one in line.sent]
    return {
        at.segment: envelope.parse(payload).payload for at, payload in live if at.kind is Kind.LIVE and at.zone == zone
    }


def row(core: Core, talk: OnAir) -> Talk:
    with core.database.read() as session:
        return session.get_one(Talk, talk.name)


def test_what_is_spoken_is_sent_in_its_place_and_kept_with_who_when_where_and_how_long(
    open_talks: Talks, filled_core: Core, line: FakeTransport, clock: FixedClock, tmp_path: Path
) -> None:
    begun = clock.now_ms()
    talk = open_talks.begin(order(DONG, DOAI, NA_LOC), RATE_HZ)
    speak(open_talks, talk, clock, parts=10)
    open_talks.take(talk.name, talk.key, 10 * PART, VOICE[10 * PART : 10 * PART + 1_234])
    open_talks.end(talk.name, talk.key)
    first, last = opens(line)[0], opens(line)[-1]
    assert (first.start_at, first.unit_ms, first.klass, first.ended) == (begun + DELAY_MS, 200, Class.ROUTINE, False)
    assert last.ended
    sent = segments(line)
    assert sorted(sent) == list(range(11))
    decoder = PacketDecoder()
    heard = np.concatenate([decoder.decode(split(sent[number])) for number in sorted(sent)]).astype(float)
    open_talks.recordings.archive()
    kept = row(filled_core, talk)
    assert (kept.account_id, kept.end, kept.duration_ms) == (LAN, TalkEnd.RELEASED, 2_051)
    with filled_core.database.read() as session:
        shown = talks.latest(session)[0]
        assert [place.code for place in shown.targets] == ["xa"]  # all its villages that have speakers
        assert shown.audience == ["loa-1", "loa-2", "loa-3", "loa-4"]
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == talk.name)).all()
        assert actions == ["talk.begin", "talk.end", "talk.archive"]
        assert chain.first_break(session, AuditEntry) is None
    said = from_flac(SoundStore(tmp_path / "sounds").read(kept.sound_sha256 or "")).samples.astype(float)
    assert len(said) == 10 * PART + 1_234
    delay = 156  # samples: the encoder looks ahead
    assert np.corrcoef(heard[delay : delay + len(said)], said)[0, 1] > 0.99
    assert not list((tmp_path / "talks").iterdir())


def test_hostile_sound_is_refused_and_does_not_disturb_the_talk(
    open_talks: Talks, line: FakeTransport, clock: FixedClock
) -> None:
    talk = open_talks.begin(order(), RATE_HZ)
    speak(open_talks, talk, clock, parts=2)
    for name, key in ((talk.name, "guessed"), (talk.name, ""), ("live-000000000000", talk.key), (talk.name, "ổ")):
        with pytest.raises(OverError) as told:
            open_talks.take(name, key, 2 * PART, VOICE[:PART])
        assert told.value.end is None
        with pytest.raises(OverError):
            open_talks.end(name, key)
    for position in (0, PART, 3 * PART):  # replayed, replayed, and one that is missing
        with pytest.raises(OutOfOrderError) as expected:
            open_talks.take(talk.name, talk.key, position, VOICE[:PART])
        assert expected.value.expected == 2 * PART
    for much in (VOICE[:0], VOICE[: RATE_HZ * MOST_AT_ONCE_MS // 1000 + 1], VOICE[: RATE_HZ * 2 + PART]):
        with pytest.raises(TooMuchError):  # nothing, too much at once, and more than time has gone by
            open_talks.take(talk.name, talk.key, 2 * PART, much)
    speak(open_talks, talk, clock, first=2, parts=3)
    assert sorted(segments(line)) == list(range(4))  # the last fifth waits for its end


def test_what_comes_too_late_for_its_place_is_recorded_and_not_sent(
    open_talks: Talks, filled_core: Core, line: FakeTransport, clock: FixedClock
) -> None:
    talk = open_talks.begin(order(), RATE_HZ)
    speak(open_talks, talk, clock, parts=3)
    clock.advance(timedelta(milliseconds=1_400))  # the phone was in a dead spot
    open_talks.take(talk.name, talk.key, 3 * PART, VOICE[3 * PART : 10 * PART])
    open_talks.end(talk.name, talk.key)
    assert not {2, 3} & set(segments(line))
    assert {8, 9} <= set(segments(line))
    open_talks.recordings.archive()
    assert row(filled_core, talk).duration_ms == 2_000


def test_the_second_person_is_told_who_speaks_and_elsewhere_anybody_may(open_talks: Talks) -> None:
    open_talks.begin(order(DONG, account=HOA), RATE_HZ)
    for places in ((DONG,), (COMMUNE,)):
        with pytest.raises(RefusedTalkError) as refused:
            open_talks.begin(order(*places), RATE_HZ)
        assert (refused.value.code, refused.value.values) == ("occupied", ("Hòa",))
    open_talks.begin(order(DOAI), RATE_HZ)
    assert len(open_talks.on_air()) == 2


def test_an_emergency_takes_the_air_and_is_not_taken_it(open_talks: Talks, filled_core: Core) -> None:
    chat = open_talks.begin(order(DONG, account=HOA), RATE_HZ)
    urgent = open_talks.begin(order(COMMUNE, klass=Class.EMERGENCY), RATE_HZ)
    assert row(filled_core, chat).end is TalkEnd.DISPLACED
    with pytest.raises(OverError) as over:
        open_talks.take(chat.name, chat.key, 0, VOICE[:PART])
    assert over.value.end is TalkEnd.DISPLACED
    with pytest.raises(RefusedTalkError, match="occupied"):
        open_talks.begin(order(DONG, account=HOA, klass=Class.EMERGENCY), RATE_HZ)
    assert [talk.name for talk in open_talks.on_air()] == [urgent.name]


def test_whoever_was_cut_off_may_press_again_at_once(open_talks: Talks, filled_core: Core) -> None:
    lost = open_talks.begin(order(), RATE_HZ)
    again = open_talks.begin(order(), RATE_HZ)
    assert row(filled_core, lost).end is TalkEnd.DROPPED
    assert [talk.name for talk in open_talks.on_air()] == [again.name]


def test_a_phone_that_is_gone_a_time_that_is_over_and_silence_end_a_talk(
    open_talks: Talks, filled_core: Core, line: FakeTransport, clock: FixedClock
) -> None:
    gone = open_talks.begin(order(DONG), RATE_HZ)
    speak(open_talks, gone, clock, parts=3)
    clock.advance(timedelta(milliseconds=talking.DROPPED_MS))
    open_talks.look()
    assert row(filled_core, gone).end is TalkEnd.DROPPED
    assert opens(line)[-1].ended
    short = open_talks.begin(order(DONG, most_ms=1_000), RATE_HZ)
    speak(open_talks, short, clock, parts=5)
    open_talks.look()
    assert row(filled_core, short).end is TalkEnd.LIMIT
    mute = open_talks.begin(order(DONG), RATE_HZ)
    for number in range(talking.SILENT_MS // 200):
        clock.advance(timedelta(milliseconds=200))
        open_talks.take(mute.name, mute.key, number * PART, np.zeros(PART, np.int16))
    open_talks.look()
    assert row(filled_core, mute).end is TalkEnd.SILENT


def test_quiet_hours_keep_all_but_emergencies_silent_and_shorten_what_runs_into_them(
    open_talks: Talks, filled_core: Core, clock: FixedClock
) -> None:
    with filled_core.database.write() as session:
        station = session.query(Station).one()
        station.quiet_start, station.quiet_until = "10:04", "10:30"  # it is 10:00
    assert open_talks.begin(order(DONG), RATE_HZ).order.most_ms == 4 * 60_000
    clock.advance(timedelta(minutes=5))
    with pytest.raises(RefusedTalkError) as refused:
        open_talks.begin(order(DOAI), RATE_HZ)
    assert (refused.value.code, refused.value.values) == ("quiet-hours", ("10:04", "10:30"))
    assert open_talks.begin(order(DOAI, klass=Class.EMERGENCY), RATE_HZ).order.most_ms == talking.MOST_MS


def test_nothing_begins_where_nobody_hears_it(open_talks: Talks, line: FakeTransport) -> None:
    with pytest.raises(RefusedTalkError, match="no-speakers"):
        open_talks.begin(order(EMPTY), RATE_HZ)
    with pytest.raises(ValueError, match="rate"):
        open_talks.begin(order(), 1_000_000)
    line.connected = False
    with pytest.raises(RefusedTalkError, match="broker"):
        open_talks.begin(order(), RATE_HZ)
    assert not open_talks.on_air()


def test_a_person_stops_a_talk_and_stop_all_leaves_an_emergency(open_talks: Talks, filled_core: Core) -> None:
    first = open_talks.begin(order(DONG, account=HOA), RATE_HZ)
    open_talks.stop_talk(first.name, LAN)
    with pytest.raises(OverError):
        open_talks.stop_talk(first.name, LAN)
    second = open_talks.begin(order(DONG, account=HOA), RATE_HZ)
    urgent = open_talks.begin(order(DOAI, klass=Class.EMERGENCY), RATE_HZ)
    open_talks.stop_all(LAN)
    assert [row(filled_core, each).end for each in (first, second, urgent)] == [TalkEnd.STOPPED, TalkEnd.STOPPED, None]


KILLED = """
import os, signal, sys
from pathlib import Path
from zoneinfo import ZoneInfo
from broadcaster.database import Database
from scheduler.talking import Talks
from broadcaster.sounds import SoundStore
from tests.broadcaster import town
from tests.clocks import FixedClock
from tests.scheduler.test_talking import order, speak
from tts.live_encoding import RATE_HZ
from tts.pcm import Pcm
home, clock = Path(sys.argv[1]), FixedClock()
core = town.core(Database(f"sqlite:///{home / 'loa.db'}"), clock)
made = Talks(core, town.FakeTransport(), home / "talks", SoundStore(home / "sounds"))
made.start()
speak(made, made.begin(order(), RATE_HZ), clock, parts=15)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_station_that_is_killed_keeps_what_was_said_until_then(tmp_path: Path, clock: FixedClock) -> None:
    database = Database(f"sqlite:///{tmp_path / 'loa.db'}")
    database.migrate()
    with database.write() as session:
        town.fill(session, clock)
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    core = town.core(database, clock)
    again = Talks(core, FakeTransport(), tmp_path / "talks", SoundStore(tmp_path / "sounds"))
    again.start()
    again.stop()
    with database.read() as session:
        talk = session.query(Talk).one()
        assert (talk.end, talk.ended_at) == (TalkEnd.STATION, clock.now())
        assert talk.duration_ms == 2_988  # all but the 12 ms that the guard looks ahead
        assert from_flac(SoundStore(tmp_path / "sounds").read(talk.sound_sha256 or "")).samples.size == 2_988 * 24
    assert not list((tmp_path / "talks").iterdir())
    database.dispose()


def test_a_full_disk_ends_the_recording_and_not_the_voice(
    open_talks: Talks, line: FakeTransport, clock: FixedClock
) -> None:
    talk = open_talks.begin(order(), RATE_HZ)
    recording = talk.microphone._recording
    recording.close()
    recording._file = FileIO("/dev/full", "ab")
    speak(open_talks, talk, clock, parts=5)
    open_talks.end(talk.name, talk.key)
    assert sorted(segments(line)) == list(range(6))
    assert recording._file is None


def test_where_nothing_can_be_written_the_voice_is_heard_all_the_same(
    filled_core: Core, line: FakeTransport, clock: FixedClock, tmp_path: Path
) -> None:
    (tmp_path / "talks").write_text("in the way")
    made = Talks(filled_core, line, tmp_path / "talks", SoundStore(tmp_path / "sounds"))
    speak(made, made.begin(order(), RATE_HZ), clock, parts=5)
    assert len(segments(line)) == 4
    made.stop()
    with filled_core.database.read() as session:
        assert session.query(Talk).one().end is TalkEnd.STATION


@pytest.mark.parametrize("taken", ["account", "grant", "place", "class"])
def test_a_right_that_is_taken_back_ends_the_talk_at_the_next_look(
    open_talks: Talks, filled_core: Core, clock: FixedClock, taken: str
) -> None:
    klass = Class.EMERGENCY if taken == "class" else Class.ROUTINE
    talk = open_talks.begin(order(DONG, DOAI, account=HOA, klass=klass), RATE_HZ)
    speak(open_talks, talk, clock, parts=3)
    open_talks.look()
    assert open_talks.on_air() == [talk]
    with filled_core.database.write() as session:
        account = session.get_one(Account, HOA)
        if taken == "account":
            account.disabled_at = clock.now()
        else:
            for grant in account.grants:
                grant.revoked_at = clock.now()
        if taken == "place":
            account.grants.append(Grant(role=Role.DUTY_OFFICER, place_id=DONG, granted_at=clock.now()))
        if taken == "class":
            account.grants.append(Grant(role=Role.APPROVER, granted_at=clock.now()))
    open_talks.look()
    assert row(filled_core, talk).end is TalkEnd.REVOKED
    with pytest.raises(OverError) as over:
        open_talks.take(talk.name, talk.key, 3 * PART, VOICE[:PART])
    assert over.value.end is TalkEnd.REVOKED


def test_a_talk_under_way_counts_what_has_been_said(open_talks: Talks, filled_core: Core, clock: FixedClock) -> None:
    with filled_core.database.write() as session:
        grant = Grant(account_id=HOA, role=Role.VILLAGE_HEAD, place_id=DONG, granted_at=clock.now(), daily_minutes=1)
        session.add(grant)
        session.flush()
    talk = open_talks.begin(replace(order(DONG, account=HOA, most_ms=60_000), grant_id=grant.id), RATE_HZ)
    speak(open_talks, talk, clock, parts=10)
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    with filled_core.database.read() as session:
        assert village.left_ms(session, grant, clock.now(), zone) == 58_000
    open_talks.end(talk.name, talk.key)
    clock.advance(timedelta(minutes=5))
    with filled_core.database.read() as session:
        assert village.left_ms(session, grant, clock.now(), zone) == 58_000


def test_a_microphone_that_does_not_open_leaves_no_talk_open(
    open_talks: Talks, filled_core: Core, line: FakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(*_args: object, **_facts: object) -> bool:
        raise OSError("torn")

    with monkeypatch.context() as broken:
        broken.setattr(line, "publish", torn)
        with pytest.raises(OSError, match="torn"):
            open_talks.begin(order(), RATE_HZ)
    with filled_core.database.read() as session:
        assert session.query(Talk).one().end is TalkEnd.STATION
    assert open_talks.begin(order(), RATE_HZ) in open_talks.on_air()


def test_an_end_that_could_not_be_written_down_is_written_at_the_next_look(
    open_talks: Talks, filled_core: Core, line: FakeTransport, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = open_talks.begin(order(), RATE_HZ)
    speak(open_talks, talk, clock, parts=5)

    def full(*_args: object, **_facts: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(talks, "end", full)
        open_talks.end(talk.name, talk.key)
    assert opens(line)[-1].ended
    assert row(filled_core, talk).ended_at is None
    assert filled_core.counters.errors == {"talks": 1}
    ended_at = clock.now()
    clock.advance(timedelta(minutes=1))
    open_talks.look()
    assert (row(filled_core, talk).end, row(filled_core, talk).ended_at) == (TalkEnd.RELEASED, ended_at)


def test_a_recording_that_is_being_archived_keeps_nobody_on_the_air(
    filled_core: Core, line: FakeTransport, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(pcm: Pcm) -> bytes:
        begun.set()
        assert go_on.wait(30)
        return to_flac(pcm)

    monkeypatch.setattr(recordings, "to_flac", slow)
    made = Talks(filled_core, line, tmp_path / "talks", SoundStore(tmp_path / "sounds"))
    made.start()
    first, gone = made.begin(order(DONG), RATE_HZ), made.begin(order(DOAI, account=HOA), RATE_HZ)
    speak(made, first, clock, parts=3)
    made.end(first.name, first.key)
    assert begun.wait(30)
    clock.advance(timedelta(milliseconds=talking.DROPPED_MS))
    made.look()
    assert row(filled_core, gone).end is TalkEnd.DROPPED
    assert row(filled_core, first).sound_sha256 is None
    go_on.set()
    made.stop()
    assert row(filled_core, first).sound_sha256 is not None
