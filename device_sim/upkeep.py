"""What a box knows of itself besides what it plays: amplifier, self-test, bytes, boots. Kept over reboots, told in telemetry."""

import logging
from typing import Final

import msgspec

from broadcaster.wire.documents import Telemetry
from broadcaster.wire.units import MINUTE
from device_sim.actions import Action
from device_sim.boots import Boots, refuse
from device_sim.kit import Kit
from device_sim.machine import SpeakerMachine
from device_sim.mqtt import Traffic
from device_sim.power import Fault, Power
from device_sim.self_test import SelfTest, Verdict
from device_sim.sim_month import SimMonth, month_of
from device_sim.store import Store

log = logging.getLogger(__name__)

_KEPT: Final = "upkeep"
_SAVE_MS: Final = MINUTE
"""A power cut costs at most so much of a count; oftener would wear out a memory card."""
_SAFE_AHEAD_MS: Final = 15_000
"""Longer than anything is handed to the card ahead."""
_TOLD_WINDOWS: Final = 16
_HOME_OFFSET_MIN: Final = 7 * 60
"""Vietnam, until a config says otherwise."""


class Kept(msgspec.Struct):
    """What a reboot does not take away."""

    windows: list[tuple[int, int]] = []
    tested_at: int = 0
    verdict: Verdict | None = None
    month: str = ""
    month_bytes: int = 0
    boots: list[tuple[int, int]] = []


class Upkeep:
    """The upkeep of one speaker.

    Args:
        now: by the own clock, when this boot began.
    """

    def __init__(self, kit: Kit, store: Store, traffic: Traffic, rate: int, now: int) -> None:
        self._kit, self._store, self._traffic, self._began = kit, store, traffic, now
        kept = self._recall()
        self.power = Power.recall(rate, kept.windows)
        self.test = SelfTest(now, kept.tested_at, kept.verdict)
        self.month = SimMonth(kept.month, kept.month_bytes)
        self.boots = Boots(kept.boots)
        self.boots.boot(now)
        if self.boots.safe:
            log.error("speaker is in safe mode speaker=%s: emergencies only", kit.speaker)
        self.store_full = False
        self._saved = now
        self.save()

    def _recall(self) -> Kept:
        try:
            return msgspec.json.decode(self._store.value(_KEPT) or b"{}", type=Kept)
        except msgspec.MsgspecError:
            return Kept()

    def save(self) -> None:
        """Keep it all. Errors: sqlite3.Error."""
        kept = Kept(
            self.power.windows,
            self.test.at,
            self.test.verdict,
            self.month.month,
            self.month.count,
            self.boots.log,
        )
        self._store.remember(_KEPT, msgspec.json.encode(kept))

    def tick(self, machine: SpeakerMachine, now: int, ran_ms: int) -> list[Action]:
        """Count, and in safe mode refuse what is no emergency; `ran_ms` is monotonic. Errors: sqlite3.Error."""
        config = machine.beliefs.config
        station_now = machine.time.station(now)
        month = None
        if machine.time.known:
            offset = config.utc_offset_min if config else _HOME_OFFSET_MIN
            month = month_of(station_now, offset, self._kit.sim_day)
        self.month.saw(self._traffic.bytes_in + self._traffic.bytes_out, month)
        self.boots.ran(ran_ms)
        if not 0 <= now - self._saved < _SAVE_MS:
            self._saved = now
            self.save()
        machine.stage.live.emergencies_only = self.boots.safe
        if self.boots.safe and machine.may_play:
            return refuse(machine.beliefs.items, machine.journal, station_now, _SAFE_AHEAD_MS)
        return []

    def complete(self, telemetry: Telemetry) -> Telemetry:
        """What telemetry says of all this."""
        heard = self.power.heard_dbfs
        return msgspec.structs.replace(
            telemetry,
            faults=tuple(sorted(fault.value for fault in self._faults(telemetry.dropped_receipts))),
            amplifier=tuple(self.power.windows[-_TOLD_WINDOWS:]),
            self_test=self.test.verdict.value if self.test.verdict else "",
            self_test_at=max(self.test.at, 0),
            month_bytes=self.month.count,
            output_db=None if heard is None else min(0, round(heard)),
        )

    def _faults(self, dropped: int) -> set[Fault]:
        found = set(self.power.faults)
        if self.store_full:
            found.add(Fault.STORE_FULL)
        if self.test.verdict not in {None, Verdict.OK}:
            found.add(Fault.SELF_TEST)
        if dropped:
            found.add(Fault.RECEIPTS_DROPPED)
        if self.boots.safe:
            found.add(Fault.SAFE_MODE)
        return found
