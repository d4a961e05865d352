"""A province's alert at the station: what is taken in, kept as it came, and what is refused for which reason."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from broadcaster import alert_reports, alerting, chain, guest_keys, guests, publishing, setup_documents, signed_alerts
from broadcaster.alert_documents import grow
from broadcaster.alert_orders import Order
from broadcaster.alerting import By, NotOursError
from broadcaster.core import Core
from broadcaster.guest_keys import GuestKeyError, KeyState
from broadcaster.guests import Guests, LackingClipsError, Taken
from broadcaster.recovery import Recovery
from broadcaster.rows import Alert, AlertEnd, AlertSource, AuditEntry, GuestKey, Place, Published
from broadcaster.transport import Message
from broadcaster.uplink import Uplink
from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.documents import Class, Event, Receipt, Trust, TrustedKey
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, MINUTE, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from tests.broadcaster import town
from tests.broadcaster.town import TOPICS, FakeTransport
from tests.clocks import FixedClock

SOUND = town.opus(1, 4_000)


@dataclass
class Desk:
    """A station that trusts a province up to level 3 in Thôn Đông and in the commune, and the province."""

    core: Core
    clock: FixedClock
    root: SigningKey
    province: SigningKey

    @property
    def guests(self) -> Guests:
        return Guests(self.core, self.root.public)

    @property
    def name(self) -> str:
        return f"{self.province.kid}-lu"

    def document(self, **changes: Any) -> Document:
        told = {"alert": self.name, "level": 3, "start_at": self.clock.now_ms() + 400, "title": "Lũ khẩn cấp"}
        return Document(**{**told, **changes})

    def signed(
        self,
        document: Document | None = None,
        zone: str = "thon-dong",
        key: SigningKey | None = None,
        *,
        seq: int = 0,
        exp: int | None = None,
        topic: str = "",
    ) -> tuple[str, bytes]:
        said, signer = document or self.document(), key or self.province
        now = self.clock.now_ms()
        topic = topic or TOPICS.alert(zone, said.alert)
        message = envelope.sign(
            signer.private,
            signer.kid,
            typ=Kind.ALERT.value,
            topic=topic,
            seq=UnixMs(seq or now),
            payload=strict_json.encode(said),
            exp=UnixMs(now + HOUR if exp is None else exp),
        )
        return topic, message

    def take(self, topic: str, message: bytes, *, clips_first: bool = True) -> Taken:
        with self.core.database.write() as session:
            return self.guests.take(session, topic, message, clips_first=clips_first)

    def why(self, topic: str, message: bytes) -> str:
        with pytest.raises(RejectedError) as refused:
            self.take(topic, message)
        return refused.value.reason.value

    def published(self) -> dict[str, bytes]:
        with self.core.database.read() as session:
            rows = session.scalars(select(Published).where(Published.typ == Kind.ALERT.value))
            return {row.topic: row.envelope for row in rows}

    def alert(self) -> Alert:
        with self.core.database.read() as session:
            found = alerting.get(session, self.name)
            assert found
            return found

    def overhear(self, topic: str, message: bytes, line: FakeTransport | None = None) -> list[bool]:
        """What the uplink makes of something that somebody has published."""
        told: list[bool] = []
        uplink = Uplink(self.core, None)  # type: ignore[arg-type]  # nobody asks for clips
        uplink.answer_over(line or FakeTransport())
        uplink.admit(self.guests, Recovery(self.core, self.root.public), lambda: told.append(True))
        uplink.take([Message(topic, message, self.clock.now_ms())])
        return told


@pytest.fixture
def desk(core: Core, clock: FixedClock) -> Desk:
    made = Desk(core, clock, SigningKey.generate(), SigningKey.generate())
    with core.database.write() as session:
        setup_documents.put_trust(session, core, made.root)
        places = session.scalars(select(Place).where(Place.id.in_([town.DONG, town.DOAI]))).all()
        guest_keys.ask(
            session,
            clock.now(),
            name="Đài tỉnh",
            public=keys.public_text(made.province.public),
            max_level=3,
            places=places,
            account_id=1,
        )
        guest_keys.sign(session, core, made.root, made.province.kid)
    return made


def test_a_provinces_alert_is_kept_byte_for_byte_and_shown_as_its_own(desk: Desk) -> None:
    topic, message = desk.signed()
    taken = desk.take(topic, message)
    assert taken.fresh
    assert desk.published() == {topic: message}
    alert = desk.alert()
    assert (alert.source, alert.level, alert.title, alert.targets[0].code) == (
        AlertSource.PROVINCE,
        3,
        "Lũ khẩn cấp",
        "thon-dong",
    )
    with desk.core.database.read() as session:
        assert [one.id for one in alerting.in_force(session, desk.clock.now())] == [desk.name]
        assert [row.topic for row in publishing.unconfirmed(session, {Kind.ALERT})] == [topic]
        mine = publishing.in_force_for(session, "loa-1", ["thon-dong", "xa"], TOPICS, desk.clock.now())
        assert topic in [row.topic for row in mine]
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.forward")).one()
        assert (entry.subject, entry.detail["key"]) == (desk.name, desk.province.kid)
        assert chain.first_break(session, AuditEntry) is None


def test_a_title_is_shown_without_what_nobody_can_read(desk: Desk) -> None:
    desk.take(*desk.signed(desk.document(title="Lũ\u0000 lớn\u202e")))
    assert desk.alert().title == "Lũ lớn"


def test_the_same_again_is_no_news(desk: Desk) -> None:
    topic, message = desk.signed()
    assert [desk.take(topic, message).fresh for _ in range(3)] == [True, False, False]
    with desk.core.database.read() as session:
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.forward")).all()) == 1


def test_every_attack_has_its_reason_and_publishes_nothing(desk: Desk) -> None:
    now, kid = desk.clock.now_ms(), desk.province.kid
    stranger = SigningKey.generate()
    impostor = SigningKey.generate()
    impostor.kid = kid
    stranger_said = desk.document(alert=f"{stranger.kid}-lu")
    topic, message = desk.signed()
    attacks = {
        "level": desk.signed(desk.document(level=4)),
        "end above its level": desk.signed(desk.document(level=4, ended=True)),
        "another zone": desk.signed(zone="ban-na-loc"),
        "no such zone": desk.signed(zone="khong-co"),
        "expired": desk.signed(exp=now),
        "endless": desk.signed(exp=0),
        "for years": desk.signed(exp=now + 49 * HOUR),
        "future": desk.signed(seq=now + 6 * MINUTE),
        "altered": (topic, message.replace(b'"level":3', b'"level":2')),
        "stranger": desk.signed(stranger_said, key=stranger),
        "impostor": desk.signed(key=impostor),
        "a name of the station": desk.signed(desk.document(alert="kc-20261122-0123456789")),
        "another topic": (TOPICS.alert("thon-doai", desk.name), message),
        "another alert inside": desk.signed(desk.document(alert=f"{kid}-khac"), topic=topic),
        "another kind": (TOPICS.command("thon-dong"), message),
        "another station": (topic.replace("an-binh", "khac"), message),
        "rubbish": (topic, b"rubbish"),
        "too large": (topic, message + b" " * 120_000),
    }
    assert {name: desk.why(*attack) for name, attack in attacks.items()} == {
        "level": "out-of-scope",
        "end above its level": "out-of-scope",
        "another zone": "out-of-scope",
        "no such zone": "not-mine",
        "expired": "expired",
        "endless": "malformed",
        "for years": "malformed",
        "future": "future-dated",
        "altered": "bad-signature",
        "stranger": "unknown-key",
        "impostor": "bad-signature",
        "a name of the station": "out-of-scope",
        "another topic": "wrong-topic",
        "another alert inside": "wrong-topic",
        "another kind": "wrong-topic",
        "another station": "unknown-topic",
        "rubbish": "malformed",
        "too large": "oversized",
    }
    assert desk.published() == {}
    with desk.core.database.read() as session:
        assert session.scalars(select(Alert)).all() == []


def test_what_is_older_or_another_with_the_same_number_is_refused(desk: Desk) -> None:
    now = desk.clock.now_ms()
    topic, first = desk.signed()
    desk.take(topic, first)
    assert desk.why(*desk.signed(seq=now - 1)) == "rolled-back"
    assert desk.why(*desk.signed(desk.document(level=1))) == "replayed"
    assert desk.why(*desk.signed(seq=now + 1, exp=now + MINUTE)) == "malformed"
    assert desk.published() == {topic: first}


def test_its_end_by_the_same_road_ends_it_once_it_is_over_in_all_of_its_places(desk: Desk) -> None:
    for zone in ("thon-dong", "thon-doai"):
        desk.take(*desk.signed(zone=zone))
    desk.clock.advance(timedelta(minutes=1))
    over = desk.document(ended=True)
    later = desk.clock.now_ms() + HOUR
    desk.take(*desk.signed(over, exp=later))
    assert desk.alert().ended_at is None
    desk.take(*desk.signed(over, "thon-doai", exp=later))
    assert desk.alert().ended_at == desk.clock.now()
    assert [place.code for place in desk.alert().targets] == ["thon-dong", "thon-doai"]


def test_nobody_here_can_end_correct_or_sign_it_anew(desk: Desk) -> None:
    topic, message = desk.signed()
    desk.take(topic, message)
    with desk.core.database.write() as session, pytest.raises(NotOursError):
        alerting.end_alert(session, desk.core, desk.name, By(), words=True)
    with desk.core.database.write() as session, pytest.raises(NotOursError):
        alerting.correct_alert(session, desk.core, desk.name, By())
    with desk.core.database.write() as session:
        assert grow(session, desk.core, session.get_one(Alert, desk.name)) == ()
    assert desk.published() == {topic: message}


def test_receipts_of_it_are_written_like_those_of_any_alert(desk: Desk) -> None:
    desk.take(*desk.signed())
    with desk.core.database.write() as session:
        told = Receipt(id="r1", broadcast=desk.name, event=Event.ARMED, at=desk.clock.now_ms())
        alert_reports.take(session, [("loa-1", told)])
        lines = alert_reports.lines(session, session.get_one(Alert, desk.name), desk.clock.now())
        assert [(line.speaker.id, bool(line.report.armed_at)) for line in lines] == [("loa-1", True)]


def part(sound: bytes = SOUND, manifest: str = "") -> AlertPart:
    made, _ = clips.describe(sound)
    digest = manifest or clips.sha256(strict_json.encode(made))
    return AlertPart(
        part=Part.SPEECH, at_ms=0, clip=made.clip, manifest=digest, bytes=made.bytes, duration_ms=1_000, sent_by=1
    )


def bring(desk: Desk) -> None:
    manifest, _ = clips.describe(SOUND)
    digest = clips.sha256(strict_json.encode(manifest))
    with desk.core.database.write() as session:
        guests.keep_clip(session, manifest, digest, duration_ms=1_000, at=desk.clock.now())


def test_an_alert_waits_for_its_clips_and_an_end_does_not(desk: Desk) -> None:
    said = desk.document(parts=(part(),))
    with pytest.raises(LackingClipsError) as refused:
        desk.take(*desk.signed(said))
    assert refused.value.lacking == (clips.sha256(SOUND),)
    bring(desk)
    assert desk.take(*desk.signed(said)).fresh
    assert [(sound.place_id, sound.clip_sha256) for sound in desk.alert().sounds] == [(town.DONG, clips.sha256(SOUND))]
    assert desk.why(*desk.signed(desk.document(parts=(part(manifest="0" * 64),)), seq=desk.clock.now_ms() + 1)) == (
        "wrong-hash"
    )
    other = part(town.opus(1, 4_000, seed=1))
    end = desk.document(parts=(other,), ended=True)
    assert desk.take(*desk.signed(end, seq=desk.clock.now_ms() + 1)).fresh


def test_one_that_came_by_the_broker_before_its_clip_gets_it_when_it_comes(desk: Desk) -> None:
    topic, message = desk.signed(desk.document(parts=(part(),)))
    assert desk.overhear(topic, message) == [True]
    assert desk.alert().sounds[0].clip is None
    bring(desk)
    assert desk.alert().sounds[0].clip_sha256 == clips.sha256(SOUND)


def test_healing_leaves_a_provinces_news_alone_and_overrules_everybody_else(desk: Desk) -> None:
    line = FakeTransport()
    topic, message = desk.signed()
    assert desk.overhear(topic, message, line) == [True]
    assert desk.overhear(topic, message, line) == []
    desk.clock.advance(timedelta(minutes=1))
    newer = desk.signed(desk.document(ended=True))[1]
    assert desk.overhear(topic, newer, line) == [True]
    assert desk.overhear(topic, message, line) == []  # crossed with its successor
    assert line.sent == []
    assert desk.core.counters.rejected == {}
    for forged in (b"", newer.replace(b'"level":3', b'"level":2'), desk.signed(desk.document(level=5))[1]):
        assert desk.overhear(topic, forged, line) == []
    assert [(sent.topic, sent.payload) for sent in line.sent] == [(topic, newer)] * 3
    other = desk.document(alert=f"{desk.province.kid}-khac")
    assert desk.overhear(*desk.signed(other, "ban-na-loc"), line) == []
    assert desk.core.counters.rejected == {"tampered": 3, "replayed": 2, "out-of-scope": 1}
    assert len(line.sent) == 3


def test_an_alert_to_many_places_at_once_and_its_end_are_all_taken_in(desk: Desk) -> None:
    uplink, told = Uplink(desk.core, None), []  # type: ignore[arg-type]  # nobody asks for clips
    line = FakeTransport()
    uplink.answer_over(line)
    uplink.admit(desk.guests, Recovery(desk.core, desk.root.public), lambda: told.append(True))
    for ended in (False, True):
        said = [desk.document(alert=f"{desk.province.kid}-{number}", ended=ended) for number in range(60)]
        now = desk.clock.now_ms()
        uplink.take([Message(*desk.signed(one), now) for one in said])
        desk.clock.advance(timedelta(seconds=1))
    assert len(told) == 120
    assert line.sent == []
    with desk.core.database.read() as session:
        assert all(alert.ended_at for alert in session.scalars(select(Alert)))
    forged = [desk.signed(one, key=SigningKey.generate()) for one in said]
    uplink.take([Message(topic, message, now) for topic, message in forged])
    assert len(line.sent) <= 40, "who floods the broker gets few answers"
    assert desk.core.counters.rejected["too-many"] >= 20


def test_an_end_that_expires_too_early_is_refused_to_its_sender_and_believed_once_speakers_have_heard_it(
    desk: Desk,
) -> None:
    topic, message = desk.signed()
    desk.take(topic, message)
    desk.clock.advance(timedelta(seconds=1))
    end = desk.signed(desk.document(ended=True), exp=desk.clock.now_ms() + MINUTE)
    assert desk.why(*end) == "malformed"
    assert desk.overhear(*end) == [True]
    assert desk.alert().ended_at
    desk.clock.advance(timedelta(minutes=2))
    assert desk.overhear(topic, message) == []
    assert desk.published() == {topic: end[1]}, "what it ended can't come back before its own time is over"


def test_what_speakers_believe_of_a_guest_is_not_overruled_though_it_is_not_taken_in(desk: Desk) -> None:
    line = FakeTransport()
    bring(desk)
    topic, message = desk.signed()
    desk.take(topic, message)
    desk.clock.advance(timedelta(seconds=1))
    of_another_clip = desk.signed(desk.document(parts=(part(manifest="0" * 64),)))[1]
    assert desk.overhear(topic, of_another_clip, line) == []
    assert line.sent == []
    assert desk.core.counters.rejected == {"wrong-hash": 1}
    too_high = desk.signed(desk.document(level=5))[1]
    endless = desk.signed(desk.document(), exp=desk.clock.now_ms() + 100 * HOUR)[1]
    assert [desk.overhear(topic, one, line) for one in (too_high, endless)] == [[], []]
    assert [sent.payload for sent in line.sent] == [message, message]


def test_a_key_without_a_highest_level_may_raise_all(desk: Desk) -> None:
    own = SigningKey.generate()
    trusted = TrustedKey(kid=own.kid, key=keys.public_text(own.public), scopes=(Class.EMERGENCY,))
    with desk.core.database.write() as session:
        publisher = publishing.Publisher(session, desk.core.clock)
        publisher.put(desk.root, Kind.TRUST, TOPICS.trust("xa"), Trust(keys=(trusted,)))
    said = desk.document(alert=f"{own.kid}-lu", level=5)
    assert desk.take(*desk.signed(said, key=own)).alert.level == 5


def test_a_revoked_key_and_one_that_is_locked_out_are_believed_no_longer(desk: Desk) -> None:
    topic, message = desk.signed()
    desk.take(topic, message)
    with desk.core.database.write() as session:
        until = guest_keys.lock_out(session, desk.core, desk.province.kid, 1)
    assert until == desk.clock.now() + timedelta(hours=24)
    assert desk.alert().ended_at == desk.clock.now()
    assert desk.why(*desk.signed(desk.document(alert=f"{desk.province.kid}-hai"))) == "locked-out"
    with desk.core.database.write() as session:
        assert publishing.take_expired(session, desk.clock.now_ms()) == [topic]
    assert desk.why(topic, message) == "rolled-back"
    with desk.core.database.write() as session:
        guest_keys.ask_revocation(session, desk.clock.now(), desk.province.kid, 1)
        guest_keys.sign(session, desk.core, desk.root, desk.province.kid)
    assert desk.why(*desk.signed(desk.document(alert=f"{desk.province.kid}-hai"))) == "revoked-key"


def trust(desk: Desk) -> Trust:
    with desk.core.database.read() as session:
        return setup_documents.signed_trust(session, desk.root)


def test_only_the_root_key_trusts_and_revokes_and_what_it_signed_stays(desk: Desk) -> None:
    guest = {key.kid: key for key in trust(desk).keys}[desk.province.kid]
    assert (guest.scopes, guest.zones, guest.max_level) == ((Class.EMERGENCY,), ("thon-dong", "thon-doai"), 3)
    with desk.core.database.write() as session:
        setup_documents.put_trust(session, desk.core, desk.root)  # as `loa init` does again
    assert desk.province.kid in {key.kid for key in trust(desk).keys}
    with desk.core.database.write() as session:
        guest_keys.ask_revocation(session, desk.clock.now(), desk.province.kid, 1)
        key = session.get_one(GuestKey, desk.province.kid)
        assert guest_keys.state_of(key) is KeyState.LEAVING
    assert desk.province.kid in {key.kid for key in trust(desk).keys}
    with desk.core.database.write() as session:
        assert (
            guest_keys.state_of(guest_keys.sign(session, desk.core, desk.root, desk.province.kid)) is KeyState.REVOKED
        )
    assert desk.province.kid in trust(desk).revoked
    assert desk.province.kid not in {key.kid for key in trust(desk).keys}
    with desk.core.database.read() as session:
        actions = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == desk.province.kid)).all()
        assert actions == ["key.ask", "key.sign", "key.ask-revocation", "key.revoke"]


def test_a_row_in_the_database_makes_nobody_trusted(desk: Desk) -> None:
    stranger = SigningKey.generate()
    with desk.core.database.write() as session:
        text = keys.public_text(stranger.public)
        key = guest_keys.ask(session, desk.clock.now(), name="x", public=text, max_level=5, places=[], account_id=1)
        key.signed_at = desk.clock.now()
        session.flush()
        setup_documents.put_trust(session, desk.core, desk.root)
    assert stranger.kid not in {key.kid for key in trust(desk).keys}
    assert desk.why(*desk.signed(desk.document(alert=f"{stranger.kid}-lu"), key=stranger)) == "unknown-key"


def test_the_stations_own_keys_are_never_made_guests(desk: Desk) -> None:
    own = desk.core.keyring.emergency
    with desk.core.database.write() as session:
        text = keys.public_text(own.public)
        guest_keys.ask(session, desk.clock.now(), name="x", public=text, max_level=1, places=[], account_id=1)
    with desk.core.database.write() as session, pytest.raises(GuestKeyError, match="own"):
        guest_keys.sign(session, desk.core, desk.root, own.kid)
    assert {key.kid: key for key in trust(desk).keys}[own.kid].max_level is None


# What the station has signed itself, and lost.


def lost(desk: Desk, **changes: Any) -> list[tuple[str, bytes]]:
    """The documents of an alert of two places whose rows a power cut took."""
    part = AlertPart(
        part=Part.SIREN, at_ms=0, clip="a" * 64, manifest="b" * 64, bytes=9, duration_ms=1_000, sent_by=UnixMs(1)
    )
    document = desk.document(alert=f"{alerting.PREFIX}20261122-lost", parts=(part,), title="Bão khẩn cấp", **changes)
    emergency = desk.core.keyring.emergency
    return [desk.signed(document, zone, emergency) for zone in ("thon-dong", "thon-doai")]


def test_an_alert_whose_rows_were_lost_is_taken_back_and_can_be_ended(desk: Desk) -> None:
    documents = lost(desk)
    assert [desk.overhear(*one) for one in documents] == [[True], [True]]
    assert [desk.overhear(*one) for one in documents] == [[], []]
    assert desk.published() == dict(documents)
    with desk.core.database.read() as session:
        [alert] = alerting.in_force(session, desk.clock.now())
        assert (alert.source, alert.title, alert.level) == (AlertSource.RECOVERED, "Bão khẩn cấp", 3)
        assert {place.code for place in alert.targets} == {"thon-dong", "thon-doai"}
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "alert.recover")).first()
        assert entry
        assert entry.account_id is None
    with desk.core.database.write() as session:
        ended = alerting.end_alert(session, desk.core, alert.id, By(), words=True).documents
        assert [envelope.parse(one.envelope).header.topic for one in ended[:2]] == [topic for topic, _ in documents]
        assert chain.first_break(session, AuditEntry) is None


@pytest.mark.parametrize("drill", [False, True])
def test_words_after_an_alert_that_are_taken_back_warn_of_nothing(desk: Desk, *, drill: bool) -> None:
    with desk.core.database.write() as session:
        before = alerting.raise_alert(session, desk.core, Order("form-1", "bao", ("thon-dong",)), By()).alert.id
    for one in lost(desk, if_begun=(before,), drill=drill):
        assert desk.overhear(*one) == [True]
    with desk.core.database.read() as session:
        taken = next(one for one in alerting.in_force(session, desk.clock.now()) if one.id != before)
        assert (taken.source, taken.follows_id, alerting.is_warning(taken)) == (AlertSource.RECOVERED, before, False)


def test_a_place_that_comes_back_after_the_end_is_told_of_it(desk: Desk) -> None:
    first, second = lost(desk)
    desk.overhear(*first)
    with desk.core.database.write() as session:
        alerting.end_alert(session, desk.core, f"{alerting.PREFIX}20261122-lost", By(), words=False)
    assert desk.overhear(*second) == [True]
    said = strict_json.decode(envelope.parse(desk.published()[second[0]]).payload, Document)
    assert said.ended


@pytest.mark.parametrize("first", ["the end", "what it ended"])
def test_an_alert_that_ended_after_the_copy_was_made_never_comes_back_to_life(desk: Desk, first: str) -> None:
    raised = lost(desk)
    desk.clock.advance(timedelta(seconds=1))
    (topic, end), _ = lost(desk, ended=True)
    (_, second) = raised
    heard = [(topic, end), second] if first == "the end" else [second, (topic, end)]
    line = FakeTransport()
    assert [desk.overhear(*one, line) for one in heard] == [[True], [True]]
    read = [strict_json.decode(envelope.parse(one).payload, Document) for one in desk.published().values()]
    assert [one.ended for one in read] == [True, True]
    for replayed in raised:
        assert desk.overhear(*replayed, line) == []
    with desk.core.database.read() as session:
        assert alerting.in_force(session, desk.clock.now()) == []
        assert [alert.end for alert in session.scalars(select(Alert))] == [AlertEnd.ENDED]
        assert chain.first_break(session, AuditEntry) is None


@pytest.mark.parametrize("what", ["forged", "expired", "rehearsal", "nowhere", "by the station's key"])
def test_nothing_else_is_taken_back(desk: Desk, what: str) -> None:
    (topic, message), _ = lost(desk)
    name, core = f"{alerting.PREFIX}20261122-lost", desk.core
    match what:
        case "forged":
            topic, message = desk.signed(desk.document(alert=name), key=SigningKey.generate())
        case "expired":
            desk.clock.advance(timedelta(hours=2))
        case "rehearsal":
            topic, message = desk.signed(desk.document(alert=name, drill=True), key=core.keyring.emergency)
        case "nowhere":
            topic, message = desk.signed(desk.document(alert=name), "elsewhere", core.keyring.emergency)
        case "by the station's key":
            topic, message = desk.signed(desk.document(alert=name), key=core.keyring.station)
    assert desk.overhear(topic, message) == []
    with core.database.read() as session:
        assert session.scalars(select(Alert)).all() == []


def test_a_document_of_an_alert_that_is_known_adds_no_place_to_it(desk: Desk) -> None:
    """A thief with an old copy of one topic finds the alert's row there."""
    (topic, message), _ = lost(desk)
    with desk.core.database.write() as session:
        document = desk.document(alert=f"{alerting.PREFIX}20261122-lost")
        kept = signed_alerts.make(session, desk.clock.now(), document, envelope.parse(message), source=AlertSource.DUTY)
        assert kept.id
    assert desk.overhear(topic, message) == []
    assert desk.published() == {}


def test_an_end_whose_rows_were_lost_is_taken_back_and_said_in_every_place(desk: Desk) -> None:
    order = Order("form-1", "bao", ("thon-dong", "thon-doai"))
    with desk.core.database.write() as session:
        alert = alerting.raise_alert(session, desk.core, order, By()).alert.id
    before = desk.published()
    document = desk.document(alert=alert, ended=True)
    desk.clock.advance(timedelta(seconds=1))
    expires = max(envelope.parse(one).header.exp for one in before.values())
    forged = desk.signed(document, exp=expires)
    assert desk.overhear(*forged) == []
    topic, message = desk.signed(document, key=desk.core.keyring.emergency, exp=expires)
    line = FakeTransport()
    assert desk.overhear(topic, message, line) == [True]
    assert line.sent == []
    with desk.core.database.read() as session:
        found = alerting.get(session, alert)
        assert found
        assert (found.ended_at, found.end) == (desk.clock.now(), AlertEnd.ENDED)
    read = [strict_json.decode(envelope.parse(one).payload, Document) for one in desk.published().values()]
    assert [one.ended for one in read] == [True, True]
    assert desk.overhear(topic, before[topic], line) == []
    assert desk.published()[topic] != before[topic]


def test_an_older_copy_of_the_database_undoes_no_revocation(desk: Desk) -> None:
    topic = TOPICS.trust("xa")
    with desk.core.database.read() as session:
        before = session.get_one(Published, topic)
        trust = strict_json.decode(envelope.parse(before.envelope).payload, Trust)

    def signed(key: SigningKey, seq: int) -> bytes:
        payload = strict_json.encode(Trust(keys=trust.keys, revoked=(desk.province.kid,)))
        return envelope.sign(key.private, key.kid, typ=Kind.TRUST.value, topic=topic, seq=UnixMs(seq), payload=payload)

    line = FakeTransport()
    assert desk.overhear(topic, signed(desk.core.keyring.station, before.seq + 1), line) == []
    assert [sent.payload for sent in line.sent] == [before.envelope]
    newer = signed(desk.root, before.seq + 1)
    assert desk.overhear(topic, newer, line) == [True]
    with desk.core.database.read() as session:
        assert session.get_one(Published, topic).envelope == newer
    assert len(line.sent) == 1
    with pytest.raises(RejectedError):
        desk.take(*desk.signed())
