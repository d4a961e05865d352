"""Keeping what must survive on a disk that may be full: what it does not take now is owed, and tried again first."""

import logging
import sqlite3
from collections.abc import Sequence
from typing import Final

from device_sim.actions import (
    Action,
    CountDropped,
    ForgetDocument,
    ForgetReceipts,
    KeepDocument,
    KeepNote,
    KeepReceipt,
    KeepSegment,
    KeepStopped,
)
from device_sim.store import Store

log = logging.getLogger(__name__)

_OWED: Final = (KeepDocument, ForgetDocument, KeepNote, KeepStopped, KeepReceipt, ForgetReceipts, CountDropped)
"""What is kept later when the disk is full now; segments are asked for again instead."""


class Keeper:
    """The store of one speaker, whatever the state of its disk.

    Attributes:
        full: the disk did not take what was to be kept last.
    """

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name
        self._owed: list[Action] = []
        self.full = False

    def keep(self, actions: Sequence[Action]) -> list[KeepSegment]:
        """Keep what concerns the store, all or nothing; what is owed comes first, so the order stays.

        Returns the segments that were not kept.
        """
        try:
            self._store.keep([*self._owed, *actions])
        except (sqlite3.Error, OSError):
            if not self.full:  # said once, and in telemetry until it is over
                log.exception("speaker can't keep speaker=%s", self._name)
            self._owed += [action for action in actions if isinstance(action, _OWED)]
            self.full = True
            return [action for action in actions if isinstance(action, KeepSegment)]
        else:
            if self._owed or any(isinstance(action, KeepSegment) for action in actions):
                self.full = False  # a small note that fits says nothing about a segment
            if self._owed:
                log.warning("speaker keeps again speaker=%s owed=%d", self._name, len(self._owed))
            self._owed = []
            return []

    def retry(self) -> None:
        """Try to keep what is owed, if anything is."""
        if self._owed:
            self.keep(())
