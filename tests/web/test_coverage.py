"""How far a broadcast has come, counted by the databases that a station may have."""

from sqlalchemy import select

from broadcaster.airing import Coverage
from broadcaster.database import Database
from broadcaster.rows import Broadcast, Delivery, DeliveryState, Speaker
from broadcaster.wire.fields import SpeakerRole
from tests.broadcaster import town
from tests.clocks import FixedClock
from web import coverage


def test_a_gateway_that_has_played_is_counted_as_sent(filled: Database, clock: FixedClock) -> None:
    with filled.write() as session:
        number = town.broadcast(session, clock).id
        session.flush()
        for delivery in session.scalars(select(Delivery)):
            delivery.state = DeliveryState.FINISHED
        session.get_one(Speaker, "loa-2").role = SpeakerRole.GATEWAY
    with filled.read() as session:
        broadcast = session.get_one(Broadcast, number)
        counted = coverage.of_broadcasts(session, [broadcast], clock.now())[number]
        by_place = [place.coverage for place in coverage.by_place(session, broadcast, clock.now())]
    assert counted == Coverage(heard=3, sent=1)
    assert sum(one.sent for one in by_place) == 1
    assert sum(one.heard for one in by_place) == 3
