"""The tabs at the head of every page: what a person may open, the most needed first, the rest behind "Mục khác"."""

from dataclasses import dataclass
from typing import Final

from flask_babel import lazy_gettext as _l

from broadcaster.permissions import Action
from web import access

_SHOWN: Final = 4
"""As many as a phone shows in one row beside "Mục khác"."""


@dataclass(frozen=True)
class Tab:
    """One entry.

    Attributes:
        places: the blueprints whose pages belong to it.
        takes: one of these actions is needed; none for everybody who is signed in.
    """

    word: str
    endpoint: str
    places: tuple[str, ...]
    takes: tuple[Action, ...] = ()
    urgent: bool = False


_RAISE: Final = Tab(
    _l("Khẩn cấp"),
    "duty.choose",
    ("duty", "pasted", "board", "contacts", "rehearsals", "sirens", "cap", "cap_sources"),
    access.RAISERS,
    urgent=True,
)
_WATCH: Final = Tab(_l("Khẩn cấp"), "board.listing", ("board", "contacts", "rehearsals"), urgent=True)
_TABS: Final = (
    Tab(_l("Lịch phát"), "broadcasts.home", ("broadcasts", "stopping", "week", "day", "moving", "switching", "feeds")),
    Tab(_l("Viết bản tin"), "bulletins.begin", ("bulletins", "drafts"), access.WRITERS),
    Tab(_l("Phát ở thôn"), "village.form", ("village",), access.VILLAGE_HEADS),
    _RAISE,
    _WATCH,
    Tab(_l("Nói trực tiếp"), "live.show", ("live",), access.TALKERS),
    Tab(_l("Duyệt"), "approval.listing", ("approval",), access.APPROVERS + access.MANAGERS),
    Tab(_l("Chương trình"), "programmes.listing", ("programmes",)),
    Tab(_l("Cụm loa"), "speakers.listing", ("speakers", "enrolment")),
    Tab(_l("Kho tư liệu"), "library.shelf", ("library", "lexicon", "recorded", "defaults"), access.WRITERS),
    Tab(_l("Quy định phát"), "rules.show", ("rules",)),
    Tab(_l("Người và quyền"), "people.listing", ("people", "tokens", "outlines"), access.MANAGERS),
    Tab(
        _l("Kỹ thuật"), "status.show", ("status", "timekeeping", "guest_keys", "own_keys", "sirens"), access.TECHNICIANS
    ),
)


def tabs() -> tuple[tuple[Tab, ...], tuple[Tab, ...]]:
    """What is shown at once, and what stands behind "Mục khác"; a single one that is left over is shown too."""
    open_to = [tab for tab in _TABS if not tab.takes or access.may(*tab.takes)]
    open_to = [tab for tab in open_to if tab is not _WATCH or _RAISE not in open_to]
    if len(open_to) == _SHOWN + 1:
        return tuple(open_to), ()
    return tuple(open_to[:_SHOWN]), tuple(open_to[_SHOWN:])
