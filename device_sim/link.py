"""Staying connected: to which broker, how soon again, and with whose certificate. What is said there is the machine's."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final

from broadcaster.wire.broker_address import BrokerAddress
from device_sim.brokers import BrokerList
from device_sim.errors import DeviceError
from device_sim.kit import Kit, broker_of

log = logging.getLogger(__name__)

FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 60.0
STEADY_S: Final = 10.0
"""A connection that is lost sooner is no success: a broker that throws a speaker out is not hammered."""
LOOK_S: Final = 5.0
"""How often a list on trial is judged."""


class Link:
    """The connection of one speaker.

    Args:
        open_to: connects and says hello, or raises.
        give_up: drops whatever there is of a connection.
        ended: called after each connection and each failure.
        keep: keeps the list of brokers over a reboot.

    Attributes:
        gone: set when the connection has ended.
    """

    def __init__(
        self,
        kit: Kit,
        brokers: BrokerList,
        *,
        open_to: Callable[[BrokerAddress], Awaitable[None]],
        give_up: Callable[[], None],
        ended: Callable[[], None],
        keep: Callable[[tuple[str, ...]], None],
    ) -> None:
        self._name, self.brokers = kit.speaker, brokers
        self._like = [broker_of(url) for url in kit.brokers][0]  # noqa: RUF015  all of them must be good
        self._open_to, self._give_up, self._ended, self._keep = open_to, give_up, ended, keep
        self.gone = asyncio.Event()
        self._changed = asyncio.Event()

    def offer(self, brokers: tuple[str, ...]) -> None:
        """A signed config names brokers. One that can't be read is none, and is said."""
        good = []
        for url in brokers:
            try:
                broker_of(url, self._like)
            except DeviceError as error:
                log.warning("broker can't be used speaker=%s reason=%s", self._name, error)
            else:
                good.append(url)
        if good or not brokers:
            before = self.brokers.kept
            if self.brokers.offer(good, self._now()):
                log.info("speaker tries other brokers speaker=%s", self._name)
                self._changed.set()
            if self.brokers.kept != before:
                self._keep(self.brokers.kept)

    async def stay(self) -> None:
        """Connect, and again whenever the connection ends, for ever."""
        pause_s = FIRST_RETRY_S
        while True:
            self._changed.clear()
            for url in self.brokers.current:
                self.gone.clear()
                if await self._connect(broker_of(url, self._like)):
                    if await self._hold() >= STEADY_S or self._changed.is_set():
                        pause_s = FIRST_RETRY_S
                    self._ended()
                    break
                self._ended()
                self._judge()
                if self._changed.is_set():
                    break
            await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311  spreads a fleet, guards nothing
            pause_s = min(pause_s * 2, LAST_RETRY_S)

    async def _connect(self, address: BrokerAddress) -> bool:
        """Whether the connection stands, and the speaker has said hello over it."""
        try:
            await self._open_to(address)
        except (DeviceError, TimeoutError) as error:
            log.info("speaker can't connect speaker=%s reason=%r", self._name, error)
        except Exception:
            log.exception("speaker can't connect speaker=%s", self._name)
        else:
            return True
        self._give_up()
        return False

    async def _hold(self) -> float:
        """Wait until the connection ends, or another list is to be tried; returns how long it stood, seconds."""
        since = self._now()
        self.brokers.connected(since)
        while not self.gone.is_set() and not self._changed.is_set():
            await self._wait(LOOK_S if self.brokers.on_trial else LAST_RETRY_S)
            self._judge()
        if not self.gone.is_set():
            self._give_up()
        self.brokers.disconnected(self._now())
        return self._now() - since

    async def _wait(self, seconds: float) -> None:
        """Wait for either event, so long at most."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self.gone, self._changed)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    def _judge(self) -> None:
        before = self.brokers.current
        if self.brokers.tick(self._now()):
            self._keep(self.brokers.kept)
            if self.brokers.current[0] != before[0]:
                log.warning("speaker goes back to its old brokers speaker=%s", self._name)
                self._changed.set()
            else:
                log.info("speaker keeps its new brokers speaker=%s", self._name)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
