"""The thread that tells people what they should know: nothing else waits for it, and it waits for nobody's page."""

from collections.abc import Callable
from typing import Any, Final
from zoneinfo import ZoneInfo

from broadcaster import alert_notices, notices, rehearsals
from broadcaster.carrier import AppriseCarrier
from broadcaster.core import Core
from broadcaster.notices import Carrier, Postman
from broadcaster.rows import NoticeKind
from broadcaster.worker import Worker
from web import notice_words
from web.say import speaker_of

_ROUND_S: Final = 10.0
_PATIENCE_S: Final = 15.0
"""For the push under way."""


def postman(core: Core, language: str, timezone: str, carrier: Carrier | None = None) -> Postman:
    """A postman who speaks the station's language."""
    say, zone = speaker_of(language), ZoneInfo(timezone)

    def words(kind: NoticeKind, detail: dict[str, Any]) -> tuple[str, str]:
        return notice_words.sentences(say, kind, detail, zone)

    looks = (notices.look, alert_notices.look, rehearsals.look)
    return Postman(core.database, core.clock, carrier or AppriseCarrier(), words, looks)


class Rounds(Worker):
    """Sends the postman round every ten seconds, or at once when woken; what waits at the end is sent at the next start."""

    def __init__(self, core: Core, whom: Postman, first: Callable[[], None] = lambda: None) -> None:
        super().__init__("notices", core.counters, self._round, rest_s=_ROUND_S, patience_s=_PATIENCE_S)
        self._core, self._postman, self._first = core, whom, first

    def _round(self) -> float:
        with self._core.counters.edge("rehearsal"):
            self._first()
        self._postman.round()
        return _ROUND_S
