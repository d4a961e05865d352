"""The thread that tells people what they should know: nothing else waits for it, and it waits for nobody's page."""

import threading
from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster import alert_notices, notices, rehearsals
from broadcaster.carrier import AppriseCarrier
from broadcaster.core import Core
from broadcaster.notices import Carrier, Postman
from broadcaster.rows import NoticeKind
from web import notice_words
from web.say import speaker_of

_ROUND_S: Final = 10.0


def postman(core: Core, language: str, timezone: str, carrier: Carrier | None = None) -> Postman:
    """A postman who speaks the station's language."""
    say, zone = speaker_of(language), ZoneInfo(timezone)

    def words(kind: NoticeKind, detail: dict[str, Any]) -> tuple[str, str]:
        return notice_words.sentences(say, kind, detail, zone)

    looks = (notices.look, alert_notices.look, rehearsals.look)
    return Postman(core.database, core.clock, carrier or AppriseCarrier(), words, looks)


class Rounds:
    """Sends the postman round every ten seconds, or at once when woken."""

    def __init__(self, core: Core, whom: Postman, first: Callable[[], None] = lambda: None) -> None:
        self._core, self._postman, self._first = core, whom, first
        self._woken = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to tell."""
        self._woken.set()

    def stop(self) -> None:
        """End after the push under way; what waits is sent at the next start."""
        self._stopping = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(15)

    def _run(self) -> None:
        while not self._stopping:
            with self._core.counters.edge("rehearsal"):
                self._first()
            with self._core.counters.edge("notices"):
                self._postman.round()
            self._woken.wait(_ROUND_S)
            self._woken.clear()
