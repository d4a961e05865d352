"""One speaker in the world: the state machine, its store, its MQTT connection and its sound card, on one event loop."""

import asyncio
import logging
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from broadcaster.wire.keys import public_key
from broadcaster.wire.units import HOUR
from device_sim.actions import (
    Action,
    Amplifier,
    AssembleClip,
    EndStream,
    Identify,
    LocalMicrophone,
    PlayUnit,
    Publish,
    SelfTest,
    StartSound,
    StopSound,
    Subscribe,
)
from device_sim.brokers import BrokerList
from device_sim.card_events import Finished, Started
from device_sim.errors import CloseReason, DeviceError
from device_sim.keeping import Keeper
from device_sim.kit import BrokerAddress, Kit
from device_sim.link import Link
from device_sim.machine import Identity, SpeakerMachine
from device_sim.microphone import Source
from device_sim.mqtt import Connect, Message, MqttClient, Will
from device_sim.output import RATE, Decoder, OpenCard, Output
from device_sim.own_clock import OwnClock
from device_sim.store import Store
from device_sim.system_time import StepWatch, always
from device_sim.tls import client_context
from device_sim.upkeep import Upkeep

log = logging.getLogger(__name__)

_BUSY_S: Final = 0.05
_IDLE_S: Final = 1.0
_BROKERS: Final = "brokers"
_SUBACK_TIMEOUT_S: Final = 20.0


class Speaker:
    """A speaker that plays on a card.

    Args:
        kit: what the box was given.
        store: what it keeps.
        open_card: makes its sound card, from its name and its clock.
        decoder: shared by the speakers of one process.
        synchronised: whether NTP keeps the clock right now; simulated speakers share the station's.
        source: the microphone at the speaker.
    """

    def __init__(
        self,
        kit: Kit,
        store: Store,
        open_card: OpenCard,
        decoder: Decoder,
        clock: OwnClock,
        *,
        synchronised: Callable[[], bool] = always,
        source: Source | None = None,
    ) -> None:
        self.kit, self._store, self._clock = kit, store, clock
        self.name = kit.speaker
        identity = Identity(
            station=kit.station,
            speaker=kit.speaker,
            root=public_key(kit.root),
            claim_code=kit.claim_code,
            key=store.key(),
            boot=secrets.token_urlsafe(6),
            boot_count=store.count_boot(),
            horns=kit.horns,
            role=kit.role.value,
        )
        now = clock.now_ms()
        self.machine = SpeakerMachine(identity, store.recall(), synchronised=synchronised())
        self._client = MqttClient(self._received, self._disconnected)
        self.upkeep = Upkeep(kit, store, self._client.traffic, RATE, now)
        self.machine.complete = self.upkeep.complete
        self._synchronised, self._steps = synchronised, StepWatch()
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        brokers = BrokerList(kit.brokers, msgspec.json.decode(store.value(_BROKERS) or b"[]", type=list[str]))
        self._link = Link(
            kit,
            brokers,
            open_to=self._open,
            give_up=self._client.abort,
            ended=self.machine.disconnected,
            keep=self._keep_brokers,
        )
        card = open_card(kit.speaker, clock.now_ms)
        self.output = Output(
            card, decoder, self._sound_failed, power=self.upkeep.power, test=self.upkeep.test, source=source
        )
        self._zero = time.monotonic()
        self._offered: tuple[str, ...] | None = None
        self._keeper = Keeper(store, kit.speaker)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failing = self._talking = False

    async def run(self) -> None:
        """Live until `stop`."""
        connecting = asyncio.create_task(self._link.stay())
        try:
            while not self._stopping.is_set():
                self._beat()
                await self._rest()
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            if self._client.connected:
                self._carry_out(self.machine.reports.leaving(self._clock.now_ms()))
                await self._client.disconnect()
            await self.output.close()
            self._store.close()

    def stop(self) -> None:
        """End `run` in good order."""
        self._stopping.set()
        self._wake.set()

    # People at the speaker.

    def press_stop(self) -> None:
        """Somebody pressed the button: what sounds falls silent here, and the station is told."""
        self._carry_out(self.machine.stage.press_stop(self._clock.now_ms()))
        self._wake.set()

    def switch_microphone(self) -> None:
        """Somebody switched the microphone at the speaker, on or off."""
        self._talking = not self._talking
        self.machine.stage.microphone(wanted=self._talking)
        self._wake.set()

    def _beat(self) -> None:
        """One beat; whatever goes wrong in it, such as a full disk, the next one comes."""
        try:
            self._look_at_clock()
            now = self._clock.now_ms()
            self._keeper.retry()
            self._carry_out(self.upkeep.tick(self.machine, now, self._ran_ms()))
            self._carry_out(self.machine.tick(now))
            self._listen_to_card()
            self._take_config()
            self._failing = False
        except Exception:
            if not self._failing:  # said once, not twenty times a second
                log.exception("speaker beat failed speaker=%s", self.name)
            self._failing = True

    def _look_at_clock(self) -> None:
        self.machine.time.synchronised = self._synchronised()
        if step_ms := self._steps.step_ms():
            log.warning("own clock was set speaker=%s by_ms=%.0f", self.name, step_ms)
            self.machine.clock_stepped(round(step_ms))

    def _ran_ms(self) -> int:
        return round((time.monotonic() - self._zero) * 1000)

    def _take_config(self) -> None:
        """What of a config concerns the box and not the machine."""
        config = self.machine.beliefs.config
        if config is not None and config.brokers != self._offered:
            self._offered = config.brokers
            self._link.offer(config.brokers)

    def _keep_brokers(self, brokers: tuple[str, ...]) -> None:
        self._store.remember(_BROKERS, msgspec.json.encode(brokers))

    def _listen_to_card(self) -> None:
        for sounded in self.output.advance(self._clock.now_ms()):
            stage, event = self.machine.stage, sounded.event
            if isinstance(event, Started):
                skipped_ms = event.skipped * 1000 // RATE
                self._carry_out(stage.sound_started(sounded.broadcast, event.at_ms, skipped_ms))
            else:
                played_ms, whole = event.played * 1000 // RATE, isinstance(event, Finished)
                self._carry_out(stage.sound_ended(sounded.broadcast, event.at_ms, played_ms, whole=whole))
        for told in self.output.live.told():
            if told.played_ms is None:
                self._carry_out(self.machine.stage.live.began(told.stream, told.at_ms))
            else:
                self.machine.stage.live.heard(told.stream, told.at_ms, told.played_ms)

    async def _rest(self) -> None:
        """Wait until the machine or the card needs a beat."""
        now = self._clock.now_ms()
        due_s = (self.machine.wake_at(now) - now) / 1000
        limit_s = _BUSY_S if self.output.busy else _IDLE_S
        try:
            async with asyncio.timeout(max(0.005, min(due_s, limit_s))):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    # The connection.

    async def _open(self, address: BrokerAddress) -> None:
        last_words = self.machine.reports.will(self._clock.now_ms())
        connect = Connect(
            # The suffix keeps others, who know our name, from kicking us by client id.
            client_id=f"{self.name}-{secrets.token_hex(6)}",
            username=address.username,
            password=address.password,
            will=Will(last_words.topic, last_words.payload, last_words.qos, last_words.retain),
        )
        context = client_context(self.kit.ca, trust_clock=self._clock_is_confirmed()) if address.tls else None
        await self._client.connect(address.host, address.port, connect, ssl=context)
        for action in self.machine.connected():
            if isinstance(action, Subscribe):
                await self._subscribe(action.filters)  # before hello, or its answer would be missed
            else:
                self._carry_out([action])
        self._carry_out(self.machine.subscribed(self._clock.now_ms()))
        self._wake.set()

    def _clock_is_confirmed(self) -> bool:
        """Whether an exchange with the station has shown in this boot that the own clock tells the right day."""
        time = self.machine.time
        return time.error_ms > 0 and abs(time.measured_offset_ms) < HOUR

    def _received(self, message: Message) -> None:
        self._carry_out(self.machine.receive(message.topic, message.payload, self._clock.now_ms()))
        self._wake.set()

    def _disconnected(self, reason: CloseReason) -> None:
        log.info("speaker disconnected speaker=%s reason=%s", self.name, reason)
        self._link.gone.set()

    # What the machine asks for.

    def _carry_out(self, actions: Iterable[Action]) -> None:
        """Carry out actions in order; what must survive is kept before anything is said about it."""
        actions = list(actions)
        if not actions:
            return
        lost = self._keeper.keep(actions)
        self.upkeep.store_full = self._keeper.full
        for segment in lost:
            self.machine.segment_unkept(segment.clip, segment.number, self._clock.now_ms())
        torn = {segment.clip for segment in lost}
        for action in actions:
            if not (isinstance(action, AssembleClip) and action.clip in torn):
                self._carry_out_one(action)

    def _carry_out_one(self, action: Action) -> None:
        match action:
            case Publish(topic, payload, qos, retain):
                self._client.publish(topic, payload, qos, retain=retain)
            case Subscribe(filters):
                task = asyncio.create_task(self._subscribe_to_more(filters))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case AssembleClip():
                self._assemble(action)
            case Amplifier():
                now = self._clock.now_ms()
                self.output.switch(action, now, self.machine.time.station(now))
            case SelfTest():
                self.upkeep.test.asked = True
            case PlayUnit() | EndStream() | Identify() | LocalMicrophone():
                self.output.perform(action, self._clock.now_ms())
            case StartSound():
                self.output.start(action, self._store.clip_path(action.clip), self._clock.now_ms)
            case StopSound(broadcast):
                now = self._clock.now_ms()
                if not self.output.stop(action, now):
                    self._carry_out(self.machine.stage.sound_ended(broadcast, now, 0, whole=False))
            case _:
                pass  # the store has done it

    async def _subscribe(self, filters: tuple[str, ...]) -> None:
        """Subscribe. Errors: TransportError, TimeoutError."""
        async with asyncio.timeout(_SUBACK_TIMEOUT_S):
            granted = await self._client.subscribe([(topic, 0) for topic in filters])
        refused = [topic for topic, code in zip(filters, granted, strict=False) if code >= 0x80]  # noqa: PLR2004
        if refused:
            self.machine.subscription_refused(refused)
            log.error("broker refused subscriptions speaker=%s filters=%s", self.name, refused)

    async def _subscribe_to_more(self, filters: tuple[str, ...]) -> None:
        try:
            await self._subscribe(filters)
            self._carry_out(self.machine.subscribed(self._clock.now_ms()))
        except DeviceError:
            return  # the connection ended; the next one subscribes again
        except TimeoutError:
            log.warning("broker does not answer subscribe speaker=%s", self.name)
            self._client.abort()

    def _assemble(self, order: AssembleClip) -> None:
        try:
            size = self._store.assemble(order)
        except (sqlite3.Error, OSError):
            log.exception("clip can't be stored speaker=%s clip=%s", self.name, order.clip[:12])
            self.machine.clip_unstored(order.clip, self._clock.now_ms())
            return
        if size is None:
            self.machine.clip_refused(order.clip, self._clock.now_ms())
        else:
            self.machine.clip_stored(order.clip, size)

    def _sound_failed(self, broadcast: str) -> None:
        self._carry_out(self.machine.sound_failed(broadcast, self._clock.now_ms()))
