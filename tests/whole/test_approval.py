"""From the form over the approver's phone to the horn: silence until the word is given, then exactly what was heard."""

import re
from collections.abc import Iterator
from html import unescape

import pytest
from demo import Browser
from sqlalchemy import select

from broadcaster import people
from broadcaster.clock import SystemClock
from broadcaster.people import Given
from broadcaster.rows import Account, Address, Bulletin, Decision, Role, Station
from device_sim.hearing import Heard
from tests.broadcaster.webhook import Webhook, webhook
from tests.whole.town import TEXT, LiveTown, Town, live, wait_until
from web.passwords import hash_password

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("town")]

SPEAKERS = 2
PASSWORD = "một-mật-khẩu-dài"


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory, hook: Webhook) -> Iterator[LiveTown]:
    """A station that asks for approval, with an approver whose address is a real webhook."""
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS)
    now = SystemClock().now()
    with made.database.write() as session:
        session.scalars(select(Station)).one().approval = True
        chair = Account(username="chu-tich", password_hash=hash_password(PASSWORD), created_at=now)
        session.add(chair)
        session.flush()
        people.grant(session, chair, Given(Role.APPROVER), by=chair.id, now=now)
        session.add(Address(account_id=chair.id, url=hook.url, created_at=now))
    with live(made) as running:
        wait_until(lambda: made.ready() == SPEAKERS)
        yield running


def prepared(town: LiveTown) -> bool:
    with town.town.database.read() as session:
        return session.scalars(select(Bulletin.clip_sha256)).one() is not None


def test_nothing_sounds_before_the_approver_has_heard_it_and_then_it_is_that_very_sound(
    town: LiveTown, hook: Webhook
) -> None:
    form = {"text": TEXT, "kind": "now", "klass": "routine", "category": "họp dân", "voice": "north", "repeats": "1"}
    town.browser().send("/write", form | {"places": ["thon-dong"]})
    wait_until(lambda: prepared(town))
    assert hook.arrived.wait(60), "the approver is called"
    assert town.town.broadcast().sent_at is None
    assert town.town.states() == {}

    chair = Browser(town.pages.port)
    chair.send("/sign-in", {"username": "chu-tich", "password": PASSWORD})
    page = chair.ask("GET", "/approval")[2]
    clip = re.search(r"/clips/([0-9a-f]{64})\.mp3", page)
    item = re.search(r'name="item" value="([^"]+)"', page)
    assert clip
    assert item
    chair.send("/approval", {"item": unescape(item[1])})

    wait_until(lambda: town.town.finished(1) == SPEAKERS)
    with town.town.database.read() as session:
        decision = session.scalars(select(Decision)).one()
        assert decision.facts["clip"] == clip[1] == town.town.broadcast().clip_sha256
    town.stop_fleet()
    heard = town.town.heard(town.town.broadcast(), "loa-001")
    assert isinstance(heard, Heard)
    assert heard.played_fraction > 0.99
