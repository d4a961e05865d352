"""A stolen key of the station: locked out, replaced, and what is in force said anew with the next one."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from broadcaster import alerting, chain, guest_keys, keyring, lock_outs, own_keys, publishing, setup_documents
from broadcaster.alert_orders import Order
from broadcaster.alerting import By
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.guest_keys import GuestKeyError
from broadcaster.keyring import KeyFileError, Keyring
from broadcaster.publishing import Publisher
from broadcaster.recovery import Recovery
from broadcaster.rows import AuditEntry, OwnKey, Published
from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.documents import Action, Command, Plan, Trust
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import HOUR, UnixMs
from broadcaster.wire.urgent import Alert as Document
from tests.broadcaster.town import TOPICS
from tests.clocks import FixedClock

PLAN, CONFIG = TOPICS.plan("thon-dong", "2026-11-22"), TOPICS.down("loa-1", "config")


@dataclass
class Office:
    """A station with a plan, configs and an alert in force, its key files, and the root key."""

    core: Core
    clock: FixedClock
    root: SigningKey
    folder: Path
    alert: str

    def published(self) -> dict[str, Published]:
        with self.core.database.read() as session:
            rows = session.scalars(select(Published)).all()
            return {row.topic: row for row in rows if row.typ in publishing.RETAINED}

    def signers(self) -> dict[str, str]:
        return {topic: envelope.parse(row.envelope).header.kid for topic, row in self.published().items()}

    def trust(self) -> Trust:
        with self.core.database.read() as session:
            return setup_documents.signed_trust(session, self.root)

    def replace(self, name: str, *, settle: bool = True) -> tuple[str, own_keys.Renewed]:
        """As the command does it, in a process of its own; also returns the id of the new key."""
        with self.core.database.read() as session:
            kept = own_keys.open_keyring(session, self.folder)
        other = Core(self.core.database, kept, TOPICS, self.clock, self.core.counters)
        new = keyring.create_next(self.folder, name)
        with other.database.write() as session:
            done = own_keys.replace(session, other, self.root, name, new)
        if settle:
            keyring.settle(self.folder, name, new.kid)
        return new.kid, done

    def lock(self, kid: str) -> None:
        with self.core.database.write() as session:
            own_keys.lock_out(session, self.core, kid, 1)

    def locked(self) -> list[tuple[str, Command]]:
        with self.core.database.write() as session:
            locks = lock_outs.in_force(session, self.clock.now())
            sent = lock_outs.to_everybody(session, self.core, locks)
        for _, message in sent:
            envelope.verify(envelope.parse(message), self.core.keyring.emergency.public)
        return [(topic, strict_json.decode(envelope.parse(message).payload, Command)) for topic, message in sent]


@pytest.fixture
def office(core: Core, clock: FixedClock, tmp_path: Path) -> Office:
    folder, root = tmp_path / "keys", SigningKey.generate()
    kept = Keyring(keyring.create(folder, keyring.STATION), keyring.create(folder, keyring.EMERGENCY))
    core.keyring.station, core.keyring.emergency = kept.station, kept.emergency
    order = Order("form-1", "bao", ("thon-dong",))
    with core.database.write() as session:
        chain.audit(session, at=clock.now() - timedelta(days=9), account_id=None, action="init", subject="an-binh")
        own_keys.note(session, core)
        setup_documents.put_trust(session, core, root)
        setup_documents.put_configs(session, core, 60_000)
        plan = Plan(zone="thon-dong", date="2026-11-22", items=())
        Publisher(session, core.clock).put(kept.station, Kind.PLAN, PLAN, plan, UnixMs(clock.now_ms() + HOUR))
        alert = alerting.raise_alert(session, core, order, By(account_id=1)).alert.id
    return Office(core, clock, root, folder, alert)


def test_the_keys_are_noted_once_with_the_day_the_station_began(office: Office) -> None:
    with office.core.database.write() as session:
        own_keys.note(session, office.core)
        found = own_keys.all_keys(session)
    assert [(key.name, key.kid) for key in found] == [
        ("station", office.core.keyring.station.kid),
        ("emergency", office.core.keyring.emergency.kid),
    ]
    assert {key.since for key in found} == {office.clock.now() - timedelta(days=9)}


def test_a_lock_out_is_said_to_everybody_for_a_day_and_renewed_by_a_press(office: Office) -> None:
    kid = office.core.keyring.station.kid
    office.lock(kid)
    office.clock.advance(timedelta(hours=20))
    office.lock(kid)
    office.clock.advance(timedelta(hours=20))
    [(topic, said)] = office.locked()
    assert topic == TOPICS.command("xa")
    assert (said.action, said.keys, said.until) == (Action.LOCK_OUT, (kid,), office.clock.now_ms() + 4 * HOUR)
    with office.core.database.read() as session:
        assert own_keys.locked_until(session, office.clock.now()) == office.clock.now() + timedelta(hours=4)
        entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.lock-out")).all()
        assert [(entry.subject, entry.account_id) for entry in entries] == [(kid, 1), (kid, 1)]
    office.clock.advance(timedelta(hours=4))
    assert office.locked() == []


def test_only_the_station_key_in_use_is_locked_out(office: Office) -> None:
    old = office.core.keyring.station.kid
    office.replace(keyring.STATION)
    for kid in (office.core.keyring.emergency.kid, old, "0" * 16):
        with pytest.raises(GuestKeyError):
            office.lock(kid)


def test_a_replaced_station_key_is_revoked_and_what_it_had_signed_is_said_anew(office: Office) -> None:
    before, old, emergency = office.published(), office.core.keyring.station.kid, office.core.keyring.emergency.kid
    office.lock(old)
    office.clock.advance(timedelta(seconds=1))
    new, done = office.replace(keyring.STATION)
    trust = office.trust()
    assert trust.revoked == (old,)
    assert {key.kid for key in trust.keys} == {new, emergency}
    signers, after = office.signers(), office.published()
    assert {signers[PLAN], signers[CONFIG]} == {new}
    assert signers[TOPICS.alert("thon-dong", office.alert)] == emergency
    for topic in (PLAN, CONFIG):
        one, other = envelope.parse(before[topic].envelope), envelope.parse(after[topic].envelope)
        assert (one.payload, one.header.exp) == (other.payload, other.header.exp)
        assert before[topic].seq < after[topic].seq
        assert after[topic].confirmed_seq < after[topic].seq
    assert done.signed == len([topic for topic, row in before.items() if row.typ in {Kind.PLAN, Kind.CONFIG}])
    assert office.locked() == []  # the old one needs none any more, the new one has none
    assert keyring.load(office.folder, keyring.STATION).kid == new
    with office.core.database.read() as session:
        assert chain.first_break(session, AuditEntry) is None
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "key.replace")).one()
        assert (entry.subject, entry.detail["revoked"]) == (new, [old])


def test_a_running_station_takes_the_new_key_up_and_mends_what_it_signed_meanwhile(office: Office) -> None:
    assert not own_keys.take_up(office.core, office.folder)
    new, _ = office.replace(keyring.STATION)
    with office.core.database.write() as session:  # it has not noticed yet
        plan = Plan(zone="thon-dong", date="2026-11-22", items=())
        late = UnixMs(office.clock.now_ms() + 2 * HOUR)
        Publisher(session, office.clock).put(office.core.keyring.station, Kind.PLAN, PLAN, plan, late)
    assert office.signers()[PLAN] != new
    assert own_keys.take_up(office.core, office.folder)
    assert office.core.keyring.station.kid == new
    assert office.signers()[PLAN] == new
    assert not own_keys.take_up(office.core, office.folder)


def test_where_the_disk_fails_meanwhile_the_next_look_takes_the_key_up(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = office.core.keyring.station.kid
    new, _ = office.replace(keyring.STATION)

    def full(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(own_keys, "sign_anew", full)
        with pytest.raises(OSError, match="full"):
            own_keys.take_up(office.core, office.folder)
    assert office.core.keyring.station.kid == old
    assert own_keys.take_up(office.core, office.folder)
    assert office.core.keyring.station.kid == new


@pytest.mark.parametrize("running", [False, True])
def test_killed_before_the_file_took_its_place_the_station_finishes_it(office: Office, *, running: bool) -> None:
    new, _ = office.replace(keyring.EMERGENCY, settle=False)
    assert keyring.load(office.folder, keyring.EMERGENCY).kid != new
    if running:
        assert own_keys.take_up(office.core, office.folder)
        kept = office.core.keyring
    else:
        with office.core.database.read() as session:
            kept = own_keys.open_keyring(session, office.folder)
    assert kept.emergency.kid == keyring.load(office.folder, keyring.EMERGENCY).kid == new
    assert [path.name for path in office.folder.glob("*.next.pem")] == []


@pytest.mark.parametrize("torn", [False, True])
def test_killed_before_anything_was_signed_the_old_key_works_and_the_command_is_run_again(
    office: Office, *, torn: bool
) -> None:
    made = keyring.create_next(office.folder, keyring.STATION)
    if torn:
        (office.folder / "station.next.pem").write_bytes(b"-----BEG")
    with office.core.database.read() as session:
        assert own_keys.open_keyring(session, office.folder).station.kid == office.core.keyring.station.kid
    new, _ = office.replace(keyring.STATION)
    assert (new == made.kid) is not torn
    assert own_keys.take_up(office.core, office.folder)


def test_a_lost_file_is_told_by_its_name_and_the_next_replacement_revokes_it_too(office: Office) -> None:
    lost, _ = office.replace(keyring.STATION, settle=False)
    (office.folder / "station.next.pem").unlink()
    with pytest.raises(KeyFileError, match="loa key replace station"):
        own_keys.take_up(office.core, office.folder)
    old = office.core.keyring.station.kid
    office.replace(keyring.STATION)
    assert set(office.trust().revoked) == {old, lost}
    assert own_keys.take_up(office.core, office.folder)


def test_a_key_of_the_station_is_no_guest_in_use_or_replaced(office: Office) -> None:
    old = office.core.keyring.station
    office.replace(keyring.STATION)
    for key in (old, office.core.keyring.emergency):
        text, now = keys.public_text(key.public), office.clock.now()
        with office.core.database.write() as session, pytest.raises(GuestKeyError, match="known"):
            guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[], account_id=1)


def test_rows_and_files_from_before_a_replacement_are_told_when_the_broker_knows_of_it(office: Office) -> None:
    core = office.core
    old, before = core.keyring.emergency, {topic: row.envelope for topic, row in office.published().items()}
    office.clock.advance(timedelta(seconds=1))
    office.replace(keyring.EMERGENCY)
    topic = TOPICS.trust("xa")
    newer = office.published()[topic].envelope
    with core.database.write() as session:  # all as it was
        session.execute(delete(OwnKey).where(OwnKey.kid != old.kid, OwnKey.name == keyring.EMERGENCY))
        session.get_one(OwnKey, old.kid).replaced_at = None
        row = session.get_one(Published, topic)
        row.envelope, row.seq = before[topic], envelope.parse(before[topic]).header.seq
    assert not own_keys.take_up(core, office.folder)
    with core.database.write() as session:
        row = session.get_one(Published, topic)
        assert Recovery(core, office.root.public).take_trust(session, row, newer)
        assert own_keys.revoked(session, core.keyring) == [keyring.EMERGENCY]
    with pytest.raises(KeyFileError, match="loa key replace emergency"):
        own_keys.take_up(core, office.folder)


def test_a_replaced_emergency_key_leaves_our_alerts_in_force_and_withdraws_the_thiefs(office: Office) -> None:
    thief = office.core.keyring.emergency
    topic = TOPICS.alert("thon-doai", f"{alerting.PREFIX}evil")
    evil = Document(alert=f"{alerting.PREFIX}evil", level=5, start_at=UnixMs(office.clock.now_ms()), title="Giả")
    now = office.clock.now_ms()

    def forged(seq: int) -> bytes:
        payload, exp = strict_json.encode(evil), UnixMs(now + HOUR)
        return envelope.sign(
            thief.private, thief.kid, typ=Kind.ALERT.value, topic=topic, seq=UnixMs(seq), payload=payload, exp=exp
        )

    recovery = Recovery(office.core, office.root.public)
    with office.core.database.write() as session:
        assert recovery.take_back(session, topic, forged(now))
    office.clock.advance(timedelta(seconds=1))
    new, done = office.replace(keyring.EMERGENCY)
    assert done.withdrawn == ("Giả",)
    with office.core.database.write() as session:
        assert publishing.take_expired(session, office.clock.now_ms()) == [topic]
    with office.core.database.write() as session:  # the running station has not noticed yet
        assert recovery.take_back(session, topic, forged(office.clock.now_ms()))
    own_keys.take_up(office.core, office.folder)
    ours = TOPICS.alert("thon-dong", office.alert)
    assert office.signers()[ours] == new
    with office.core.database.write() as session:
        assert [alert.id for alert in alerting.in_force(session, office.clock.now())] == [office.alert]
        assert publishing.take_expired(session, office.clock.now_ms()) == [topic]
        assert not recovery.take_back(session, topic, forged(office.clock.now_ms()))
        row = session.get_one(Published, ours)
        assert row.payload_sha256 == clips.sha256(envelope.parse(row.envelope).payload)


def test_guests_stay_trusted_when_an_own_key_is_replaced(office: Office) -> None:
    province = SigningKey.generate()
    with office.core.database.write() as session:
        text, now = keys.public_text(province.public), office.clock.now()
        guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[], account_id=1)
        guest_keys.sign(session, office.core, office.root, province.kid)
    office.replace(keyring.STATION)
    assert province.kid in {key.kid for key in office.trust().keys}


def test_an_older_copy_of_the_database_learns_the_key_of_the_file(office: Office) -> None:
    with office.core.database.write() as session:
        for row in session.scalars(select(OwnKey)):
            row.kid = f"{row.kid[:-1]}x"
    with office.core.database.write() as session:
        own_keys.note(session, office.core)
        found = own_keys.all_keys(session)
    assert [key.kid for key in found if not key.replaced_at] == [
        office.core.keyring.station.kid,
        office.core.keyring.emergency.kid,
    ]
    assert not own_keys.take_up(office.core, office.folder)


def test_lock_outs_of_guests_and_of_the_station_stand_side_by_side(office: Office) -> None:
    province = SigningKey.generate()
    with office.core.database.write() as session:
        text, now = keys.public_text(province.public), office.clock.now()
        guest_keys.ask(session, now, name="Đài tỉnh", public=text, max_level=3, places=[], account_id=1)
        guest_keys.lock_out(session, office.core, province.kid, 1)
    office.lock(office.core.keyring.station.kid)
    until = to_ms(office.clock.now() + timedelta(hours=24))
    assert sorted((said.keys[0], said.until) for _, said in office.locked()) == sorted(
        (kid, until) for kid in (province.kid, office.core.keyring.station.kid)
    )
