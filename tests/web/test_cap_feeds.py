"""CAP feeds that are polled, and the sounds that messages bring."""

import base64
import hashlib
import socket
from datetime import timedelta
from queue import SimpleQueue

import pytest
from sqlalchemy import select

from broadcaster import alerting
from broadcaster.rows import Alert, AlertEnd, AlertSound, CapMessage, CapOutcome, CapSource
from scheduler import cap_rounds
from scheduler.cap_recordings import Recordings
from scheduler.cap_rounds import Rounds
from tests import cap
from tests.http_servers import plain, serving
from tests.tts.sound_files import made
from tests.web.station import Stage

SECOND = timedelta(seconds=1)


class Feed:
    """A server with pages; ``asked`` are the requests it got."""

    def __init__(self) -> None:
        self.pages: dict[str, bytes] = {}
        self.asked: list[str] = []

    def __call__(self, to: socket.socket, request: str) -> None:
        path = request.split()[1]
        self.asked.append(path)
        page = self.pages.get(path)
        tag = f'"{hashlib.sha256(page or b"").hexdigest()[:8]}"'
        if page is None:
            to.sendall(plain(b"", status="404 Not Found"))
        elif f"If-None-Match: {tag}" in request:
            to.sendall(plain(b"", status="304 Not Modified"))
        else:
            to.sendall(plain(page, f"ETag: {tag}"))


def atom(*entries: str) -> bytes:
    return f'<feed xmlns="http://www.w3.org/2005/Atom">{"".join(entries)}</feed>'.encode()


def entry(name: str, where: str = "") -> str:
    link = f'<link type="application/cap+xml" href="{where or name}"/>'
    return f"<entry><id>{name}</id><updated>2026-11-21T03:00:00Z</updated>{link}</entry>"


@pytest.fixture
def feed() -> Feed:
    return Feed()


def recordings(stage: Stage) -> Recordings:
    return Recordings(stage.orders.core, stage.services.speech, stage.services.clips, lambda: None)


def rounds(stage: Stage) -> Rounds:
    return Rounds(stage.orders.core, stage.services.cap, recordings(stage), deadline_s=5)


def subscribe(stage: Stage, url: str, *, direct: bool = True) -> None:
    with stage.rows() as session:
        session.add(CapSource(name="KTTV", url=url, direct=direct, created_at=stage.clock.now()))


def source(stage: Stage) -> CapSource:
    with stage.rows() as session:
        return session.scalars(select(CapSource)).one()


def poll(stage: Stage, after: timedelta = timedelta(minutes=2)) -> CapSource:
    stage.clock.advance(after)
    rounds(stage).poll_due()
    return source(stage)


def outcomes(stage: Stage) -> list[tuple[str, CapOutcome, str]]:
    with stage.rows() as session:
        rows = session.scalars(select(CapMessage).order_by(CapMessage.id))
        return [(row.identifier, row.outcome, row.reason) for row in rows]


def test_a_feed_is_taken_oldest_first_and_each_message_once(stage: Stage, feed: Feed) -> None:
    later = "2026-11-21T09:59:00+07:00"
    feed.pages = {
        "/all": atom(entry("/2"), entry("/bad"), entry("/1")),
        "/1": cap.alert("1"),
        "/2": cap.alert("2", msgType="Update", references=cap.reference("1"), sent=later),
        "/bad": b"<!DOCTYPE bomb><alert/>",
    }
    with serving(feed) as url:
        subscribe(stage, f"{url}/all")
        assert poll(stage).problem == ""
        assert [(name, outcome) for name, outcome, _ in outcomes(stage)] == [
            ("", CapOutcome.REFUSED),
            ("1", CapOutcome.DONE),
            ("2", CapOutcome.DONE),
        ]
        assert sorted(feed.asked) == ["/1", "/2", "/all", "/bad"]
        poll(stage)
        assert feed.asked[4:] == ["/all"], "nothing is fetched twice"
        feed.pages["/all"] += b" "
        poll(stage)
        assert feed.asked[5:] == ["/all"]
        assert len(outcomes(stage)) == 3
    with stage.rows() as session:
        ends = session.scalars(select(Alert.end).order_by(Alert.level, Alert.end.desc())).all()
        assert sorted(ends, key=str) == [None, AlertEnd.REPLACED]


def test_a_feed_is_for_a_person_unless_an_administrator_has_said_otherwise(stage: Stage, feed: Feed) -> None:
    feed.pages = {"/all": cap.alert()}
    with serving(feed) as url:
        subscribe(stage, f"{url}/all", direct=False)
        poll(stage)
    assert outcomes(stage) == [("13-01", CapOutcome.PROPOSED, "by-setting")]


def test_a_feed_that_fails_is_left_alone_for_longer_and_its_state_is_told(stage: Stage, feed: Feed) -> None:
    with serving(feed) as url:
        subscribe(stage, f"{url}/all")
        assert (poll(stage).problem, source(stage).failures) == ("status-404", 1)
        poll(stage, SECOND)
        assert len(feed.asked) == 1
        assert (poll(stage).failures, len(feed.asked)) == (2, 2)
        poll(stage)
        assert len(feed.asked) == 2
        feed.pages = {"/all": b"<html/>"}
        assert poll(stage).problem.startswith("not-feed")
        feed.pages = {"/all": atom()}
        assert (poll(stage, timedelta(hours=1)).problem, source(stage).failures) == ("", 0)
        assert source(stage).good_at == stage.clock.now()


def test_a_feed_leads_to_no_other_machine(stage: Stage, feed: Feed) -> None:
    feed.pages = {
        "/all": atom(entry("/1"), entry("x", "http://localhost:1/secret"), entry("y", "http://[")),
        "/1": cap.alert("1"),
    }
    with serving(feed) as url:
        subscribe(stage, f"{url}/all")
        assert poll(stage).problem == "entry other-host"
        assert outcomes(stage) == [("1", CapOutcome.DONE, "")]
        assert source(stage).failures == 0, "the feed itself answers"


def test_what_no_feed_should_answer_stops_nobody_else(stage: Stage, feed: Feed) -> None:
    huge = b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n"
    feed.pages = {"/all": cap.alert()}
    with serving(lambda to, _: to.sendall(huge)) as bad, serving(feed) as good:
        subscribe(stage, f"{bad}/all")
        subscribe(stage, f"{good}/all")
        stage.clock.advance(SECOND)
        rounds(stage).poll_due()
        rounds(stage).poll_due()
    with stage.rows() as session:
        assert [one.problem for one in session.scalars(select(CapSource).order_by(CapSource.id))] == ["too-large", ""]
    assert outcomes(stage) == [("13-01", CapOutcome.DONE, "")]


# Sounds.


def resource(uri: str = "", content: str = "", digest: str = "") -> str:
    inside = f"<uri>{uri}</uri>" if uri else ""
    inside += f"<derefUri>{content}</derefUri>" if content else ""
    inside += f"<digest>{digest}</digest>" if digest else ""
    return f"<resource><resourceDesc>Lời đọc</resourceDesc><mimeType>audio/wav</mimeType>{inside}</resource>"


def recording(stage: Stage) -> AlertSound | None:
    """The sound that came with the one alert, after it was looked for."""
    recordings(stage).make_all()
    with stage.rows() as session:
        [row] = session.scalars(select(Alert)).all()
        alert = alerting.get(session, row.id)
        assert alert
        last = alert.sounds[-1]
        return last if last.text.startswith("bản ghi âm") else None


@pytest.fixture
def wav() -> bytes:
    return made("bulletin.wav", 1.0)


def test_a_sound_is_said_after_the_words_if_its_digest_matches(stage: Stage, feed: Feed, wav: bytes) -> None:
    with serving(feed) as url:
        block = cap.info(areas=resource(f"{url}/voice.wav", digest=hashlib.sha1(wav).hexdigest()) + cap.area())
        feed.pages = {"/all": cap.alert(infos=[block]), "/voice.wav": wav}
        subscribe(stage, f"{url}/all")
        poll(stage)
        found = recording(stage)
    assert found
    assert found.clip
    assert stage.services.clips.has(found.clip.sha256)
    assert 1000 <= found.clip.duration_ms <= 2000


@pytest.mark.parametrize("case", ["other sound", "no sound", "other machine", "cut off"])
def test_a_sound_that_is_not_what_it_should_be_is_left_out(stage: Stage, wav: bytes, case: str) -> None:
    digest = hashlib.sha256(wav).hexdigest()
    content = base64.b64encode({"other sound": wav + b"x", "no sound": b"MZ", "cut off": wav}.get(case, wav)).decode()
    if case == "no sound":
        digest = hashlib.sha256(b"MZ").hexdigest()
    if case == "cut off":
        content = content[:-3]
    one = (
        resource("http://127.0.0.1:1/x", digest=digest)
        if case == "other machine"
        else resource(content=content, digest=digest)
    )
    subscribe(stage, "")
    stage.services.cap.take(1, cap.alert(infos=[cap.info(more=one)]))
    found = recording(stage)
    assert found
    assert found.clip is None
    assert found.failed


def test_a_sound_inside_the_message_needs_no_network(stage: Stage, wav: bytes) -> None:
    one = resource(content=base64.b64encode(wav).decode(), digest=hashlib.sha256(wav).hexdigest().upper())
    subscribe(stage, "")
    stage.services.cap.take(1, cap.alert(infos=[cap.info(more=one)]))
    found = recording(stage)
    assert found
    assert found.clip


def test_a_sound_without_a_digest_is_not_used(stage: Stage, wav: bytes) -> None:
    subscribe(stage, "")
    one = resource(content=base64.b64encode(wav).decode())
    row = stage.services.cap.take(1, cap.alert(infos=[cap.info(more=one)])).row
    assert [note["code"] for note in row.notes["notes"]] == ["audio-without-digest"]
    assert recording(stage) is None


def test_a_wake_also_reaches_the_one_who_is_at_work(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    polled, at_work, go_on = SimpleQueue[int](), SimpleQueue[int](), SimpleQueue[int]()

    def work() -> None:
        at_work.put(1)
        go_on.get(timeout=10)

    monkeypatch.setattr(cap_rounds, "_LOOK_S", 3600.0)
    monkeypatch.setattr(Rounds, "poll_due", lambda _: polled.put(1))
    found = recordings(stage)
    monkeypatch.setattr(found, "make_all", work)
    both = Rounds(stage.orders.core, stage.services.cap, found)
    both.start()
    at_work.get(timeout=10)
    polled.get(timeout=10)
    both.wake()
    polled.get(timeout=10)
    go_on.put(1)
    at_work.get(timeout=10)
    go_on.put(1)
    both.stop()
