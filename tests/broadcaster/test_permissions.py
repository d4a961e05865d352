from datetime import timedelta

import pytest

from broadcaster import people, permissions
from broadcaster.database import Database
from broadcaster.geography import Geography
from broadcaster.people import Given, LastAdministratorError, NotLendableError
from broadcaster.permissions import ACTIONS, Action, Holding, Person
from broadcaster.rows import Account, AuditEntry, Grant, Role
from tests.broadcaster.town import COMMUNE, DOAI, DONG, GROUP, NA_LOC
from tests.clocks import FixedClock

DAY = timedelta(days=1)


def someone(role: Role, place: int | None) -> Person:
    return Person(1, (Holding(role, place, 1),))


@pytest.fixture
def tree(filled: Database) -> Geography:
    with filled.read() as session:
        return Geography.load(session)


def test_every_role_may_look_and_only_an_approver_approves() -> None:
    assert set(ACTIONS) == set(Role)
    assert all(Action.VIEW in allowed for allowed in ACTIONS.values())
    assert [role for role in Role if Action.APPROVE in ACTIONS[role]] == [Role.APPROVER]
    assert [role for role in Role if Action.MANAGE in ACTIONS[role]] == [Role.ADMINISTRATOR]
    assert ACTIONS[Role.VIEWER] == {Action.VIEW}


def test_a_grant_holds_in_its_place_and_below_and_nowhere_else(tree: Geography) -> None:
    editor = someone(Role.EDITOR, DONG)
    assert permissions.may(editor, Action.WRITE, DONG, tree)
    for place in (DOAI, COMMUNE, GROUP, None, 999):
        assert not permissions.may(editor, Action.WRITE, place, tree), place
    assert permissions.may(someone(Role.EDITOR, COMMUNE), Action.WRITE, NA_LOC, tree)
    assert permissions.may(someone(Role.EDITOR, COMMUNE), Action.WRITE, None, tree)
    assert permissions.may(someone(Role.EDITOR, None), Action.WRITE, GROUP, tree)


def test_a_group_is_covered_when_all_its_members_are(tree: Geography) -> None:
    halves = Person(1, (Holding(Role.EDITOR, DOAI, 1), Holding(Role.EDITOR, NA_LOC, 2)))
    assert permissions.may(halves, Action.WRITE, GROUP, tree)
    assert not permissions.may(someone(Role.EDITOR, DOAI), Action.WRITE, GROUP, tree)


def test_several_grants_add_up_and_a_role_lends_nothing_to_another(tree: Geography) -> None:
    both = Person(1, (Holding(Role.EDITOR, DONG, 1), Holding(Role.APPROVER, DOAI, 2)))
    assert permissions.may(both, Action.WRITE, DONG, tree)
    assert permissions.may(both, Action.APPROVE, DOAI, tree)
    assert not permissions.may(both, Action.APPROVE, DONG, tree)


def account(database: Database, clock: FixedClock, name: str, given: Given | None = None) -> int:
    with database.write() as session:
        made = Account(username=name, password_hash="", created_at=clock.now())
        session.add(made)
        session.flush()
        if given:
            people.grant(session, made, given, by=made.id, now=clock.now())
        return made.id


def holds(database: Database, clock: FixedClock, number: int) -> tuple[Role, ...]:
    with database.read() as session:
        return people.person_of(session.get_one(Account, number), clock.now()).roles


def test_the_right_to_approve_is_lent_for_a_time_and_comes_back_by_itself(filled: Database, clock: FixedClock) -> None:
    chair, deputy = account(filled, clock, "ct", Given(Role.APPROVER, DONG)), account(filled, clock, "pct")
    with filled.write() as session:
        own = session.get_one(Account, chair).grants[0]
        to = session.get_one(Account, deputy)
        now = clock.now()
        people.lend(session, own, to, valid_from=now + DAY, valid_until=now + 3 * DAY, now=now)
    assert holds(filled, clock, deputy) == ()
    clock.advance(DAY)
    assert holds(filled, clock, deputy) == (Role.APPROVER,)
    with filled.read() as session:
        (held,) = people.person_of(session.get_one(Account, deputy), clock.now()).holdings
        assert (held.place_id, held.on_behalf_of) == (DONG, chair)
    clock.advance(2 * DAY)
    assert holds(filled, clock, deputy) == ()


def test_what_was_lent_ends_with_what_it_was_lent_from(filled: Database, clock: FixedClock) -> None:
    chair, deputy = account(filled, clock, "ct", Given(Role.APPROVER)), account(filled, clock, "pct")
    with filled.write() as session:
        own, to = session.get_one(Account, chair).grants[0], session.get_one(Account, deputy)
        people.lend(session, own, to, valid_from=clock.now(), valid_until=clock.now() + DAY, now=clock.now())
    with filled.write() as session:
        session.get_one(Account, chair).disabled_at = clock.now()
    assert holds(filled, clock, deputy) == ()


def test_only_ones_own_right_to_approve_is_lent_and_not_lent_on(filled: Database, clock: FixedClock) -> None:
    chair, deputy = account(filled, clock, "ct", Given(Role.APPROVER)), account(filled, clock, "pct")
    with filled.write() as session:
        now, own, to = clock.now(), session.get_one(Account, chair).grants[0], session.get_one(Account, deputy)
        lent = people.lend(session, own, to, valid_from=now, valid_until=now + DAY, now=now)
        editor = session.get_one(Account, 1)
        wrong = [(lent, editor, now + DAY), (editor.grants[0], to, now + DAY), (own, own.account, now + DAY)]
        for grant, whom, until in [*wrong, (own, to, now - DAY)]:
            with pytest.raises(NotLendableError):
                people.lend(session, grant, whom, valid_from=now, valid_until=until, now=now)


def test_the_last_administrator_of_the_station_stays(filled: Database, clock: FixedClock) -> None:
    boss = account(filled, clock, "qt", Given(Role.ADMINISTRATOR))
    account(filled, clock, "qt-thon", Given(Role.ADMINISTRATOR, DONG))
    with pytest.raises(LastAdministratorError), filled.write() as session:
        people.switch(session, session.get_one(Account, boss), on=False, by=boss, now=clock.now())
    with pytest.raises(LastAdministratorError), filled.write() as session:
        people.revoke(session, session.get_one(Account, boss).grants[0], by=boss, now=clock.now())
    assert holds(filled, clock, boss) == (Role.ADMINISTRATOR,)


def test_every_change_of_rights_is_in_the_audit_log(filled: Database, clock: FixedClock) -> None:
    account(filled, clock, "qt", Given(Role.ADMINISTRATOR))
    other = account(filled, clock, "tt", Given(Role.VILLAGE_HEAD, DONG, unapproved=True, daily_minutes=20))
    with filled.write() as session:
        people.revoke(session, session.get_one(Account, other).grants[0], by=1, now=clock.now())
        people.switch(session, session.get_one(Account, other), on=False, by=1, now=clock.now())
    with filled.read() as session:
        said = [(row.action, row.subject, row.detail) for row in session.query(AuditEntry).order_by(AuditEntry.id)]
        assert session.query(Grant).count() == 3, "the one of the town, and these two: none is deleted"
    assert [(action, subject) for action, subject, _ in said] == [
        ("account.grant", "qt"),
        ("account.grant", "tt"),
        ("account.revoke", "tt"),
        ("account.switch-off", "tt"),
    ]
    assert said[1][2]["minutes"] == 20
