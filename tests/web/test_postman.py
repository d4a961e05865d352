from collections.abc import Iterator
from datetime import timedelta

import pytest

from broadcaster.notices import tell
from broadcaster.rows import Address, NoticeKind, Role, Station
from tests.broadcaster import town
from tests.broadcaster.webhook import Webhook, webhook
from tests.web.station import Stage, account
from web.postman import Rounds, postman


@pytest.fixture
def hook() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


def test_the_thread_pushes_what_waits_as_soon_as_it_is_woken_in_the_stations_language(
    stage: Stage, hook: Webhook
) -> None:
    core = town.core(stage.services.database, stage.clock)
    rounds = Rounds(core, postman(core, "vi", "Asia/Ho_Chi_Minh"))
    rounds.start()
    try:
        with stage.rows() as session:
            session.query(Station).one().approval = True
            session.add(account("chu-tich", Role.APPROVER, stage.clock.now()))
            session.flush()
            session.add(Address(account_id=4, url=hook.url, created_at=stage.clock.now()))
        stage.broadcast(starts_in=timedelta(hours=5))
        rounds.wake()
        assert hook.arrived.wait(60)
    finally:
        rounds.stop()
    assert hook.taken[0]["title"] == "Có bản tin chờ duyệt"
    assert hook.taken[0]["message"] == "“Họp thôn”, Xã An Bình, 15:00 21/11/2026. Mời nghe và duyệt."
    assert core.counters.errors == {}


@pytest.mark.parametrize("kind", NoticeKind)
@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_notice_has_words_even_when_it_knows_nothing(
    stage: Stage, hook: Webhook, kind: NoticeKind, language: str
) -> None:
    core = town.core(stage.services.database, stage.clock)
    with stage.rows() as session:
        session.add(Address(account_id=1, url=hook.url, created_at=stage.clock.now()))
        session.flush()
        tell(session, [1], kind, "1", stage.clock.now())
    postman(core, language, "Asia/Ho_Chi_Minh").round()
    (said,) = hook.taken
    assert said["title"]
    assert said["message"]
