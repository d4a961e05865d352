"""Alerts over rows: what is raised, what speakers are told of it, and how it ends."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster import (
    alert_orders,
    alert_tables,
    alert_templates,
    alerting,
    chain,
    publishing,
    setup_documents,
    standing,
)
from broadcaster.alert_documents import grow, sign
from broadcaster.alert_orders import Order, OrderError
from broadcaster.alerting import By, Done, NotInForceError, OtherRequestError
from broadcaster.clock import to_ms
from broadcaster.core import Core
from broadcaster.database import Database
from broadcaster.rows import (
    Alert,
    AlertSound,
    AuditEntry,
    Clip,
    Published,
    StandingSound,
)
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import Part
from tests.broadcaster import town
from tests.broadcaster.databases import emptied
from tests.clocks import FixedClock

DUTY = By(account_id=1)


def order(**changes: Any) -> Order:
    given: dict[str, Any] = {"request": "form-1", "template": "bao", "places": ("xa",)} | changes
    return Order(**given)


def clip(session: Session, core: Core, text: str, *, seconds: int = 3) -> Clip:
    """A clip that says ``text``, as the speech would make it."""
    sha256 = standing.sentence_key(text)
    made = Clip(
        sha256=sha256, manifest_sha256=town.MANIFEST, bytes=9, duration_ms=seconds * 1000, created_at=core.clock.now()
    )
    return session.get(Clip, sha256) or made


def keep_everything(core: Core) -> None:
    """Every speaker has its sirens and ready sentences."""
    with core.database.write() as session:
        standing.follow(session, core.alert_table)
        session.flush()
        for sound in session.scalars(select(StandingSound)):
            sound.clip = clip(session, core, sound.text)
            session.flush()


def raised(core: Core, **changes: Any) -> Done:
    with core.database.write() as session:
        done = alerting.raise_alert(session, core, order(**changes), DUTY)
        session.expunge_all()
    return done


def told(core: Core, done: Done) -> list[Document]:
    """What speakers read in the documents, after the checks that the station can make."""
    read = []
    for row in done.documents:
        message = envelope.parse(row.envelope)
        envelope.verify(message, core.keyring.emergency.public)
        assert (message.header.typ, message.header.topic) == (Kind.ALERT.value, row.topic)
        assert message.header.exp == row.exp > 0
        read.append(strict_json.decode(message.payload, Document))
    return read


def test_raising_sends_siren_and_ready_sentences_at_once_and_says_that_more_will_follow(core: Core) -> None:
    keep_everything(core)
    [document] = told(core, raised(core, values={"so": "13"}))
    assert [part.part for part in document.parts] == [Part.SIREN, Part.SPEECH, Part.SPEECH]  # then the storm's number
    assert document.growing
    assert document.start_at == core.clock.now_ms() + 400
    [nothing_open] = told(core, raised(core, request="form-2"))
    assert len(nothing_open.parts) == 5
    assert not nothing_open.growing
    assert nothing_open.repeats == 3
    assert nothing_open.every_ms == 30 * 60_000


def test_an_electronic_board_reads_what_is_said_until_it_is_over(core: Core, clock: FixedClock) -> None:
    done = raised(core, values={"so": "13"})
    [document] = told(core, done)
    assert "Bão số 13 đang đến gần." in document.text.splitlines()
    assert "còi báo động" not in document.text
    with core.database.write() as session:
        [ended] = told(core, alerting.end_alert(session, core, done.alert.id, DUTY, words=False))
    assert ended.text == ""


def test_one_small_document_goes_to_ten_thousand(core: Core) -> None:
    keep_everything(core)
    [row] = raised(core).documents
    assert len(row.envelope) < 2_300


def test_a_high_risk_is_told_at_full_volume_and_a_lower_one_as_loud_as_the_hour_is(core: Core) -> None:
    for level, volume in ((3, None), (4, 100), (5, 100)):
        [document] = told(core, raised(core, request=f"level-{level}", level=level))
        assert document.volume == volume


def test_a_sentence_that_was_spoken_is_appended_and_nothing_before_it_moves(core: Core, clock: FixedClock) -> None:
    keep_everything(core)
    [before] = told(core, raised(core, values={"so": "13"}))
    clock.advance(timedelta(seconds=4))
    with core.database.write() as session:
        sound = session.scalars(select(AlertSound).where(AlertSound.text == "Bão số 13 đang đến gần.")).one()
        sound.clip = clip(session, core, sound.text)
        alert = alerting.get(session, sound.alert_id)
        assert alert
        [after] = told(core, Done(alert, grow(session, core, alert)))
    assert after.parts[: len(before.parts)] == before.parts
    assert len(after.parts) == 6
    assert not after.growing


def test_a_sentence_that_comes_too_late_for_its_turn_is_said_a_little_later_and_whole(
    core: Core, clock: FixedClock
) -> None:
    keep_everything(core)
    done = raised(core, values={"so": "13"})
    clock.advance(timedelta(minutes=1))
    with core.database.write() as session:
        alert = alerting.get(session, done.alert.id)
        assert alert
        for sound in alert.sounds:
            sound.clip = sound.clip or clip(session, core, sound.text)
        [document] = told(core, Done(alert, grow(session, core, alert)))
    late = document.parts[3]
    assert document.start_at + late.at_ms >= clock.now_ms() + 1_000


def test_a_sentence_that_cannot_be_spoken_is_left_out_and_the_rest_is_heard(core: Core) -> None:
    keep_everything(core)
    done = raised(core, values={"so": "13"})
    with core.database.write() as session:
        alert = alerting.get(session, done.alert.id)
        assert alert
        next(sound for sound in alert.sounds if sound.clip is None).failed = "engine gone"
        [document] = told(core, Done(alert, grow(session, core, alert)))
    assert len(document.parts) == 5
    assert not document.growing


def test_every_village_is_told_by_its_own_name(core: Core) -> None:
    done = raised(core, places=("thon-dong", "thon-doai"))
    assert len(done.documents) == 2
    with core.database.read() as session:
        said = session.scalars(select(AlertSound.text).where(AlertSound.alert_id == done.alert.id)).all()
    assert {"Mời bà con thon-dong chú ý nghe.", "Mời bà con thon-doai chú ý nghe."} <= set(said)


def test_a_village_inside_a_commune_that_was_chosen_is_not_told_twice(core: Core) -> None:
    assert len(raised(core, places=("xa", "thon-dong", "ven-suoi")).documents) == 1
    assert (
        len(raised(core, request="form-2", places=("thon-doai", "ven-suoi")).documents) == 2
    )  # ban-na-loc is in the group


def test_the_same_request_again_raises_nothing_and_with_other_contents_is_refused(core: Core) -> None:
    first, again = raised(core), raised(core)
    assert first.fresh
    assert not again.fresh
    assert (again.alert.id, again.documents) == (first.alert.id, ())
    with pytest.raises(OtherRequestError):
        raised(core, level=5)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"template": "mua-da"}, ("template", "unknown")),
        ({"template": "ket-thuc"}, ("template", "not-alone")),
        ({"places": ()}, ("places", "none")),
        ({"places": ("mars",)}, ("places", "unknown")),
        ({"level": 6}, ("level", "unknown")),
        ({"values": {"so": "x" * 1001}}, ("so", "too-long")),
        ({"values": {"mật khẩu": "x"}}, ("values", "unknown")),
        ({"template": "khac"}, ("loi", "missing")),
        ({"life": timedelta(days=30)}, ("life", "out-of-range")),
        ({"life": timedelta(0)}, ("life", "out-of-range")),
        ({"request": ""}, ("request", "missing")),
    ],
)
def test_an_order_that_cannot_be_carried_out_names_its_fault(
    core: Core, changes: dict[str, Any], fault: tuple[str, str]
) -> None:
    with pytest.raises(OrderError) as refused:
        raised(core, **changes)
    assert [(one.field, one.code) for one in refused.value.faults] == [fault]
    with core.database.read() as session:
        assert not session.scalars(select(Alert)).all()


def test_an_update_takes_the_place_and_sounds_the_siren_only_when_the_level_rises(core: Core) -> None:
    first = raised(core)
    higher = raised(core, request="form-2", level=4, follows=first.alert.id)
    old, new = told(core, higher)
    assert (old.alert, old.ended) == (first.alert.id, True)
    assert (new.alert, new.ended, new.level) == (higher.alert.id, False, 4)
    lower = raised(core, request="form-3", level=2, follows=higher.alert.id)
    flight = raised(core, request="form-4", template="so-tan", level=2, follows=lower.alert.id)
    assert [one.alert.siren for one in (first, higher, lower, flight)] == [True, True, False, True]


def test_a_template_that_wants_no_siren_begins_with_the_bell(core: Core) -> None:
    done = raised(core, template="lu-1")
    with core.database.read() as session:
        begins = session.scalars(
            select(AlertSound.text).where(AlertSound.alert_id == done.alert.id, AlertSound.position == 0)
        ).all()
    assert begins == [standing.BELL]


def test_an_end_silences_and_its_words_wait_for_the_morning(core: Core, clock: FixedClock) -> None:
    done, morning = raised(core), clock.now() + timedelta(hours=5)
    with core.database.write() as session:
        ended = alerting.end_alert(session, core, done.alert.id, DUTY, words=True, not_before=morning)
        [document] = told(core, ended)
        assert document.ended
        words = session.scalars(select(Alert).where(Alert.follows_id == done.alert.id)).one()
        assert (words.template, words.siren, words.start_at) == ("ket-thuc", False, morning)
        assert session.get(Published, town.TOPICS.alert("xa", words.id)) is None
        clock.advance(timedelta(hours=5))
        [said] = told(core, Done(words, sign(session, core, words)))
        assert said.start_at == to_ms(morning)
        with pytest.raises(NotInForceError):
            alerting.end_alert(session, core, done.alert.id, DUTY, words=False)


def test_a_correction_silences_and_is_said_at_once(core: Core) -> None:
    keep_everything(core)
    done = raised(core, places=("thon-dong", "thon-doai"))
    with core.database.write() as session:
        documents = told(core, alerting.correct_alert(session, core, done.alert.id, DUTY))
    assert [one.ended for one in documents] == [True, True, False, False]
    assert all(not one.growing and len(one.parts) == 4 for one in documents[2:])  # all of it stood ready


def test_a_drill_says_so_before_and_after_and_is_heard_once(core: Core) -> None:
    done = raised(core, drill=True)
    [document] = told(core, done)
    assert (document.drill, document.repeats, document.every_ms) == (True, 1, 0)
    with core.database.read() as session:
        said = session.scalars(
            select(AlertSound.text).where(AlertSound.alert_id == done.alert.id).order_by(AlertSound.position)
        ).all()
    assert (said[1], said[-1]) == ("Đây là diễn tập.", "Đây là diễn tập.")


def test_whoever_joins_is_told_of_alerts_in_force_and_of_their_end_until_they_expire(
    core: Core, clock: FixedClock
) -> None:
    done = raised(core)
    topic = town.TOPICS.alert("xa", done.alert.id)

    def in_force() -> list[str]:
        with core.database.read() as session:
            rows = publishing.in_force_for(session, "loa-1", ("thon-dong", "xa"), town.TOPICS, clock.now())
            return [row.topic for row in rows]

    assert topic in in_force()
    with core.database.write() as session:
        alerting.end_alert(session, core, done.alert.id, DUTY, words=False)
    assert topic in in_force()
    clock.advance(alert_orders.DEFAULT_LIFE)
    assert topic not in in_force()
    with core.database.write() as session:
        assert publishing.take_expired(session, clock.now_ms()) == [topic]


def test_everything_a_person_does_is_in_the_audit_log(core: Core) -> None:
    first = raised(core)
    second = raised(core, request="form-2", level=4, follows=first.alert.id)
    with core.database.write() as session:
        alerting.correct_alert(session, core, second.alert.id, DUTY)
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [(one.action, one.account_id) for one in entries] == [
            ("alert.raise", 1),
            ("alert.update", 1),
            ("alert.correct", 1),
        ]
        assert chain.first_break(session, AuditEntry) is None


def test_every_template_has_its_colour_and_says_something_without_being_filled_in() -> None:
    for one in (one for one in alert_templates.all_templates() if one.kind != "rehearsal"):
        assert alert_templates.colour(one.level).hex.startswith("#")
        assert len(one.standing("Thôn Đông")) >= 2
        assert len({field.name for field in one.fields}) == len(one.fields)
        filled = one.say("Thôn Đông", {field.name: "x" for field in one.fields})
        assert len(filled) == len(one.sentences)
    assert alert_tables.load().of_kind("end").code == "ket-thuc"


def test_an_alert_that_never_left_goes_out_before_all_plans_and_after_trust(core: Core) -> None:
    done = raised(core)
    with core.database.write() as session:
        setup_documents.put_trust(session, core, SigningKey.generate())
        setup_documents.put_configs(session, core, 60_000)
        standing.put_plans(session, core, standing.unsigned(session, core))
        waiting = [row.topic for row in publishing.unconfirmed(session)]
    assert waiting[:2] == [town.TOPICS.trust("xa"), town.TOPICS.alert("xa", done.alert.id)]


def test_a_correction_is_only_for_those_who_had_begun_what_it_speaks_of(core: Core) -> None:
    first = raised(core).alert.id
    second = raised(core, request="form-2", follows=first).alert.id
    with core.database.write() as session:
        [end, words] = told(core, alerting.correct_alert(session, core, second, DUTY))
    assert (end.if_begun, words.if_begun) == ((), (second, first))


@pytest.mark.parametrize("drill", [True, False])
def test_the_spoken_end_of_a_drill_is_for_those_who_had_begun_it_and_a_real_one_for_everybody(
    core: Core, drill: bool
) -> None:
    alert = raised(core, drill=drill).alert.id
    with core.database.write() as session:
        documents = told(core, alerting.end_alert(session, core, alert, DUTY, words=True))
    assert documents[-1].if_begun == ((alert,) if drill else ())


@pytest.mark.parametrize("second", ["end", "correct", "update"])
def test_of_two_people_who_end_an_alert_at_once_the_second_is_told_that_it_is_over(
    postgres_kept: Database, clock: FixedClock, second: str
) -> None:
    database = emptied(postgres_kept)  # on SQLite nobody reads what another is about to write
    with database.write() as session:
        town.fill(session, clock)
    core = town.core(database, clock)
    alert = raised(core).alert.id
    both_have_read = threading.Barrier(2)

    def do(what: str) -> str:
        try:
            with core.database.write() as session:
                assert alerting.get(session, alert)
                both_have_read.wait(10)
                match what:
                    case "correct":
                        alerting.correct_alert(session, core, alert, DUTY)
                    case "update":
                        alerting.raise_alert(session, core, order(request="form-2", follows=alert), DUTY)
                    case _:
                        alerting.end_alert(session, core, alert, DUTY, words=True)
        except NotInForceError:
            return "already over"
        return "ended"

    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(do, ["end", second])) == ["already over", "ended"]
    with database.read() as session:
        assert len(session.scalars(select(Alert)).all()) == 2
        assert len(session.scalars(select(AuditEntry)).all()) == 2
        assert chain.first_break(session, AuditEntry) is None
