"""The threads that go to the CAP feeds, finish what a restart interrupted, and fetch the sounds that messages bring.

A feed that fails is left alone for longer and longer, up to an hour; what it answers is limited in time, size and depth, and a bad
message in it does not keep the others from being taken.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from sqlalchemy import select

from broadcaster.cap import feed
from broadcaster.cap import message as cap
from broadcaster.cap.feed import MAX_FEED_BYTES, Entry
from broadcaster.cap.safe_xml import MAX_CAP_BYTES, BadXmlError
from broadcaster.core import Core
from broadcaster.rows import CapSource
from broadcaster.worker import Worker
from scheduler import fetching
from scheduler.cap_archive import TooManyError
from scheduler.cap_desk import Desk
from scheduler.cap_recordings import Recordings, hosts_of
from scheduler.fetching import Fetched, FetchError

log = logging.getLogger(__name__)

_LOOK_S: Final = 1.0
_AT_ONCE: Final = 4
_LONGEST_REST: Final = timedelta(hours=1)
_MOST_FETCHED: Final = 30
"""Messages of one feed in one round; the rest follows in the next."""
_ROUND: Final = timedelta(seconds=60)
"""After which a round is left, so that the other feeds have their turn."""
_UNDER_WAY: Final = timedelta(seconds=30)
"""What became due so lately is in the hands of the thread that took it."""
_MAX_PROBLEM: Final = 300
_MORE: Final = "more-to-come"
_OF_ENTRY: Final = "entry"
"""Begins the problem of one message; the feed itself was read."""


class Rounds:
    """Polls what is due.

    Args:
        deadline_s: of one fetch.
    """

    def __init__(
        self, core: Core, desk: Desk, recordings: Recordings, *, deadline_s: float = fetching.DEADLINE_S
    ) -> None:
        self._core, self._desk, self._deadline_s = core, desk, deadline_s
        self._stopping = threading.Event()
        jobs = {"cap-feeds": self.poll_due, "cap-sounds": recordings.make_all}
        self._workers = [
            Worker(name, core.counters, partial(_looked, job), rest_s=_LOOK_S, patience_s=deadline_s + 10)
            for name, job in jobs.items()
        ]

    def start(self) -> None:
        """Begin to look, after what was interrupted has been carried out."""
        with self._core.counters.edge("cap"):
            self._desk.carry_out_due()
        for worker in self._workers:
            worker.start()

    def wake(self) -> None:
        """A message or a source is new."""
        for worker in self._workers:
            worker.wake()

    def stop(self) -> None:
        """End after the fetch under way."""
        self._stopping.set()
        for worker in self._workers:
            worker.stop()

    def poll_due(self) -> None:
        """Go to every feed whose time has come, after what an error interrupted has been carried out."""
        self._desk.carry_out_due(since=_UNDER_WAY)
        now = self._core.clock.now()
        due = (CapSource.next_at.is_(None)) | (CapSource.next_at <= now)
        with self._core.database.read() as session:
            sources = session.scalars(
                select(CapSource).where(CapSource.url != "", CapSource.removed_at.is_(None), due).order_by(CapSource.id)
            ).all()
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="cap-feed") as pool:
            list(pool.map(self._poll, sources))

    def _poll(self, source: CapSource) -> None:
        """One feed; its row is the detached one that was read."""
        if self._stopping.is_set():
            return
        before = self._core.clock.now()
        problem, etag, modified = "", source.etag, source.modified
        seen = dict(source.seen)
        try:
            fetched = fetching.fetch(
                source.url,
                hosts_of(source),
                MAX_FEED_BYTES,
                etag=etag,
                modified=modified,
                deadline_s=self._deadline_s,
            )
            if fetched.status != fetching.NOT_MODIFIED:
                safe = fetching.is_guarded(fetched.url)
                seen, problem = self._entries(source, feed.entries(fetched.body, fetched.url), before, safe=safe)
                etag, modified = ("", "") if problem else (fetched.etag, fetched.modified)
        except FetchError as error:
            problem = error.code
        except BadXmlError as error:
            problem = f"not-feed {error}"
        except Exception as error:  # one feed must not keep the others from being heard
            log.exception("feed failed source=%s", source.id)
            problem = f"broken {type(error).__name__}"
        self._note(source.id, problem, etag=etag, modified=modified, seen=seen)

    def _entries(
        self, source: CapSource, entries: list[Entry], began: datetime, *, safe: bool
    ) -> tuple[dict[str, str], str]:
        """Take what is new, the oldest first; returns what has been taken by now, and why something was not."""
        seen = {entry.id: entry.updated for entry in entries if source.seen.get(entry.id) == entry.updated}
        problem = ""
        fresh: list[tuple[Entry, bytes, bool]] = []
        for entry in [one for one in entries if not one.id or one.id not in seen]:
            if len(fresh) >= _MOST_FETCHED or self._core.clock.now() - began > _ROUND or self._stopping.is_set():
                problem = problem or _MORE
                break
            try:
                if entry.inside:
                    fresh.append((entry, entry.inside, safe))
                else:
                    got = self._fetched(entry, source)
                    fresh.append((entry, got.body, safe and fetching.is_guarded(got.url)))
            except FetchError as error:
                problem = f"{_OF_ENTRY} {error.code}"
        for entry, data, whole in sorted(fresh, key=lambda one: _sent(one[1])):
            try:
                self._desk.take(source.id, data, safe=whole)
            except TooManyError:
                return seen, _MORE
            except Exception as error:  # it is tried again, and the others are taken
                log.exception("message failed source=%s entry=%s", source.id, entry.id)
                problem = f"{_OF_ENTRY} broken {type(error).__name__}"
                continue
            seen[entry.id] = entry.updated
        return seen, problem

    def _fetched(self, entry: Entry, source: CapSource) -> Fetched:
        return fetching.fetch(entry.url, hosts_of(source), MAX_CAP_BYTES, deadline_s=self._deadline_s)

    def _note(self, number: int, problem: str, *, etag: str, modified: str, seen: dict[str, str]) -> None:
        now = self._core.clock.now()
        with self._core.database.write() as session:
            row = session.get_one(CapSource, number)
            if problem != row.problem:
                log.log(logging.WARNING if problem else logging.INFO, "feed source=%s problem=%s", number, problem)
            row.polled_at, row.problem = now, problem[:_MAX_PROBLEM]
            row.etag, row.modified, row.seen = etag, modified, seen
            if problem in {"", _MORE} or problem.startswith(_OF_ENTRY):
                row.failures, row.good_at = 0, now
            else:
                row.failures = min(row.failures + 1, 20)
            row.next_at = now + min(timedelta(seconds=row.every_s) * 2**row.failures, _LONGEST_REST)


def _looked(job: Callable[[], None]) -> float:
    """Do a job; returns for how many seconds to rest, unless woken."""
    job()
    return _LOOK_S


def _sent(data: bytes) -> str:
    """For order: a message that can't be read comes first."""
    try:
        return cap.read(data).name.sent.isoformat()
    except BadXmlError:
        return ""
