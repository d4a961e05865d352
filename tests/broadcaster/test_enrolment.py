from datetime import timedelta

import pytest
from sqlalchemy import select

from broadcaster import chain, enrolment, setup_documents
from broadcaster.core import Core
from broadcaster.enrolment import EnrolmentError, Registrar
from broadcaster.geography import Geography
from broadcaster.publishing import take_expired
from broadcaster.rows import AuditEntry, Published
from tests.broadcaster.town import TOPICS
from tests.clocks import FixedClock

CONFIG = TOPICS.down("loa-9", "config")


def test_a_speaker_that_waits_may_connect_and_hears_nothing(core: Core, clock: FixedClock) -> None:
    with core.database.write() as session:
        made = Registrar(session, TOPICS, clock).enrol("loa-9", "thon-dong")
        setup_documents.put_configs(session, core, 60_000)
        assert enrolment.broker_users(session)["loa-9"] == made.broker_token
        assert "loa-9" not in Geography.load(session).speakers
        assert session.get(Published, CONFIG) is None
        assert (len(made.claim_code), len(made.broker_token)) == (32, 48)


def test_its_config_is_signed_when_confirmed_and_cleared_when_retired(core: Core, clock: FixedClock) -> None:
    with core.database.write() as session:
        registrar = Registrar(session, TOPICS, clock)
        registrar.enrol("loa-9", "thon-dong").public_key = "k" * 43
        registrar.confirm("loa-9")
        setup_documents.put_configs(session, core, 60_000)
        assert session.get(Published, CONFIG)
        registrar.retire("loa-9")
        setup_documents.put_configs(session, core, 60_000)
        assert take_expired(session, clock.now_ms()) == [CONFIG]
        assert "loa-9" not in enrolment.broker_users(session)
        assert "loa-9" not in Geography.load(session).speakers


def test_a_new_board_waits_again_and_is_configured_again(core: Core, clock: FixedClock) -> None:
    with core.database.write() as session:
        registrar = Registrar(session, TOPICS, clock)
        setup_documents.put_configs(session, core, 60_000)
        topic = TOPICS.down("loa-1", "config")
        before = session.get_one(Published, topic).seq
        registrar.replace("loa-1").public_key = "k" * 43
        clock.advance(timedelta(seconds=1))
        registrar.confirm("loa-1")
        setup_documents.put_configs(session, core, 60_000)
        row = session.get_one(Published, topic)
        assert row.seq > before  # the same config, but for a board that has not got it
        assert take_expired(session, clock.now_ms()) == []


def test_every_change_is_audited_and_moves_the_mark(core: Core, clock: FixedClock) -> None:
    with core.database.write() as session:
        registrar = Registrar(session, TOPICS, clock, 1)
        marks = [enrolment.mark(session)]
        for change in (
            lambda: registrar.enrol("loa-9", "thon-dong"),
            lambda: registrar.move("loa-1", "thon-doai"),
            lambda: registrar.change("loa-1", {"volume": 55}),
            lambda: registrar.replace("loa-1"),
            lambda: registrar.retire("loa-2"),
        ):
            change()
            marks.append(enrolment.mark(session))
        assert marks == sorted(set(marks))
        said = [(entry.action, entry.account_id) for entry in session.scalars(select(AuditEntry))]
        words = ("enrol", "move", "change", "replace", "retire")
        assert said[-5:] == [(f"speaker.{word}", 1) for word in words]
        registrar.move("loa-1", "thon-doai")  # there already
        chain.audit(session, at=clock.now(), account_id=1, action="alert.raise", subject="kc-1")
        assert enrolment.mark(session) == marks[-1]


@pytest.mark.parametrize("name", ["station", "", "Loa-1", "a" * 41, "loa/1", "loa 1"])
def test_a_name_that_is_none_on_the_wire_is_refused(core: Core, clock: FixedClock, name: str) -> None:
    with core.database.write() as session, pytest.raises(EnrolmentError, match="bad-id"):
        Registrar(session, TOPICS, clock).enrol(name, "thon-dong")
