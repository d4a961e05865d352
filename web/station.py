"""The composition root: one station in one process, with the embedded broker as its child.

The only place where database, engine, transports and jobs are made and joined.
"""

import logging
import secrets
import shutil
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from broadcaster import (
    airing,
    alert_tables,
    alerting,
    guest_keys,
    keyring,
    lock_outs,
    own_keys,
    publishing,
    setup_documents,
)
from broadcaster.alert_keeper import AlertKeeper
from broadcaster.alert_orders import Order
from broadcaster.alerting import By, Done
from broadcaster.clips import ClipStore
from broadcaster.clock import Clock, SystemClock, to_ms
from broadcaster.core import Core
from broadcaster.counters import Counters
from broadcaster.database import Database
from broadcaster.disk import Reserve
from broadcaster.distribution import Distributor
from broadcaster.errors import LoaError
from broadcaster.geography import Geography
from broadcaster.guests import Guests, Taken
from broadcaster.hours import OperatingHours
from broadcaster.lock_outs import LockOut
from broadcaster.outbox import Outbox
from broadcaster.publishing import Publisher
from broadcaster.recovery import Recovery
from broadcaster.rows import OwnKey, Place, Station
from broadcaster.settings import Settings
from broadcaster.sounds import SoundStore
from broadcaster.transport import MqttTransport
from broadcaster.uplink import Uplink
from broadcaster.wire import acceptance
from broadcaster.wire.documents import Action, Command
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from scheduler import cap_rounds, rehearsing, rules
from scheduler.alert_speech import AlertSpeech
from scheduler.cap_desk import Desk
from scheduler.cap_recordings import Recordings
from scheduler.planning import Planner
from scheduler.preparation import Preparation
from scheduler.production import Production
from scheduler.relays import Relays
from scheduler.runner import Runner
from scheduler.talking import Talks
from tts import engines
from tts.encoding import RATE
from tts.speech import Speech
from tts.supervisor import espeak
from tts.trimming import Part, trimmed_flac
from web import brokers
from web.admission import Admission
from web.furnishing import furnish
from web.postman import Rounds, postman
from web.services import Health, Services

log = logging.getLogger(__name__)
T = TypeVar("T")


class NotInitialisedError(LoaError):
    """There is no station in this folder yet: ``loa init`` makes one."""


class RunningStation:
    """A whole station; carries out what the pages order (`web.services.Orders`)."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        """Put everything together and start nothing.

        Errors: NotInitialisedError, AlertTableError, KeyFileError, BrokerError, BrokerAddressError.
        """
        self.settings = settings
        home = settings.home_path
        table = alert_tables.load(settings.sirens)
        database = Database(settings.database)
        database.migrate()
        with database.read() as session:
            station = session.scalar(select(Station))
        if station is None:
            database.dispose()
            raise NotInitialisedError(str(home))
        sounds = SoundStore(home / "sounds")
        counters = Counters()
        with database.write() as session:
            keys = own_keys.open_keyring(session, home / "keys")
            self.core = core = Core(database, keys, Topics(station.code), clock or SystemClock(), counters, table)
            own_keys.note(session, core)
            own_keys.sign_anew(session, core)  # what a kill has left undone
        self.broker = brokers.embedded(settings, station.code, core.clock, counters)
        furnish(database, sounds, core.clock.now())
        address = brokers.station_address(settings, self.broker)

        clips = ClipStore(home / "clips")
        self._reserve = Reserve(home / "reserve")
        self._reserve.keep()
        others = engines.beside_espeak(
            home / "voices", piper_threads=settings.piper_threads, online=settings.online_voice
        )
        speech = Speech(
            home / "cache" / "speech",
            espeak(),
            *others,
            tunes=lambda sha256: trimmed_flac(sounds.read(sha256), Part(), RATE),
        )
        base, suffix = core.topics.base, secrets.token_hex(8)
        self._bulk = MqttTransport(address, f"bulk-{suffix}", core.clock, counters)
        self._distributor = Distributor(self._bulk, clips, core.topics, settings.clip_rate_bps, counters)
        self._uplink = Uplink(core, self._distributor)
        self._prompt = MqttTransport(
            address,
            f"station-{suffix}",
            core.clock,
            counters,
            subscriptions=(
                f"{base}/speaker/+/up/#",
                f"{base}/zone/+/trust",
                f"{base}/zone/+/plan/+",
                f"{base}/zone/+/alert/+",
            ),
            on_batch=self._uplink.take,
            on_connected=self._prompt_connected,
        )
        self._uplink.answer_over(self._prompt)
        root = keyring.load_root(home / "keys")
        self._guests = Guests(core, root)
        self._preparation = Preparation(database, speech, clips, core.clock, self.wake, sounds=sounds)
        self._runner = Runner(
            core,
            planner=Planner(core, self._distributor, settings.now_lead_ms),
            preparation=self._preparation,
            production=Production(core, speech, clips, sounds, self.wake),
            relays=Relays(core, self._prompt),
            distributor=self._distributor,
            transport=self._prompt,
            report_ms=settings.report_ms,
            take_up_keys=partial(own_keys.take_up, core, home / "keys"),
        )
        self._fast = MqttTransport(address, f"alerts-{suffix}", core.clock, counters, on_connected=self._fast_connected)
        self._alerts = AlertKeeper(
            core,
            self._distributor,
            self._prompt,
            Outbox(database, self._fast, {Kind.ALERT}, lambda _kind: self._alerts.wake()),
            backlog=lambda: self._prompt.backlog,
        )
        self._uplink.admit(self._guests, Recovery(core, root), self._alerts.wake)
        self._alert_speech = AlertSpeech(
            core,
            speech,
            clips,
            on_ready=self._alerts.wake,
            keep=self._alerts.keep_standing if settings.keep_sounds else None,
        )
        self._admission = Admission(core, self.broker, self.wake)
        self._rounds = Rounds(core, postman(core, settings.language, station.timezone), first=self._rehearse_when_due)
        desk = Desk(core, self)
        self._cap = cap_rounds.Rounds(core, desk, Recordings(core, speech, clips, self._alerts.wake))
        self._talks = Talks(core, self._prompt, home / "talks", sounds)
        self.services = Services(
            settings, database, core.clock, speech, clips, self, desk, self._talks, self._cap.wake, table
        )

    def start(self) -> None:
        """Start broker, connections and jobs. Errors: BrokerError."""
        if self.broker:
            self._admission.look()
            self.broker.start()
        self._fast.start()
        self._prompt.start()
        self._bulk.start()
        self._distributor.start()
        self._runner.start()
        self._admission.start()
        self._rounds.start()
        self._alerts.start()
        self._alert_speech.start()
        self._cap.start()
        self._talks.start()

    def stop(self) -> None:
        """End everything in order: nothing new, then the lines, then the broker."""
        self._talks.stop()
        self._cap.stop()
        self._alert_speech.stop()
        self._alerts.stop()
        self._rounds.stop()
        self._admission.stop()
        self._runner.stop()
        self._distributor.stop()
        self._fast.stop()
        self._prompt.stop()
        self._bulk.stop()
        if self.broker:
            self.broker.stop()
        self.services.speech.close()
        self.core.database.dispose()

    def _prompt_connected(self) -> None:
        self._runner.broker_connected()

    def _fast_connected(self) -> None:
        self._alerts.broker_connected()

    # What the pages order.

    def wake(self) -> None:
        """See `Orders.wake`."""
        self._runner.wake()
        self._rounds.wake()

    def _written(self, order: Callable[[Session], T]) -> T:
        """One transaction, also when the disk is full. What comes of it is handed over, and only then seen on the disk."""
        try:
            return self._write(order)
        except OperationalError as error:
            if not self._reserve.give_up(error):
                raise
            return self._write(order)

    def _write(self, order: Callable[[Session], T]) -> T:
        with self.core.database.write(urgent=True, sync=False) as session:
            return order(session)

    def stop_broadcast(self, broadcast_id: str, account_id: int) -> None:
        """See `Orders.stop_broadcast`."""

        def stop(session: Session) -> list[tuple[str, bytes]]:
            now = self.core.clock.now()
            broadcast = airing.stop_broadcast(session, broadcast_id, account_id=account_id, now=now)
            zones = [place.code for place in broadcast.schedule.targets]
            return self._commands(session, zones, Command(action=Action.STOP, broadcast=broadcast_id))

        self._send(self._written(stop))

    def stop_in_place(self, broadcast_id: str, place_id: int, account_id: int) -> None:
        """See `Orders.stop_in_place`."""

        def stop(session: Session) -> list[tuple[str, bytes]]:
            now = self.core.clock.now()
            airing.stop_in_place(session, broadcast_id, place_id, account_id=account_id, now=now)
            zones = [session.get_one(Place, place_id).code]
            return self._commands(session, zones, Command(action=Action.STOP, broadcast=broadcast_id))

        self._send(self._written(stop))

    def stop_all(self, account_id: int) -> int:
        """See `Orders.stop_all`."""
        self._talks.stop_all(account_id)

        def stop(session: Session) -> tuple[int, list[tuple[str, bytes]]]:
            stopped = airing.stop_all(session, account_id=account_id, now=self.core.clock.now())
            zones, order = setup_documents.top_zones(session), Command(action=Action.STOP_ALL)
            return len(stopped), self._commands(session, zones, order, self.core.keyring.emergency)

        stopped, signed = self._written(stop)
        self._send(signed)
        return stopped

    def _commands(
        self, session: Session, zones: Iterable[str], command: Command, key: SigningKey | None = None
    ) -> list[tuple[str, bytes]]:
        """A command signed for each zone; stopping what a station may play takes the station's key."""
        publisher = Publisher(session, self.core.clock)
        exp = UnixMs(self.core.clock.now_ms() + acceptance.MAX_COMMAND_MS)
        signed = []
        for zone in zones:
            topic = self.core.topics.command(zone)
            signing = key or self.core.keyring.station
            signed.append((topic, publisher.once(signing, Kind.COMMAND, topic, command, exp)))
        return signed

    def _send(self, signed: list[tuple[str, bytes]]) -> None:
        """The command is the fast way; the plan, which follows, is what lasts."""
        for topic, message in signed:
            self._prompt.publish(topic, message)
        self.core.database.sync()
        self.wake()

    def raise_alert(self, order: Order, by: By) -> Done:
        """See `Orders.raise_alert`."""
        raised = partial(alerting.raise_alert, core=self.core, order=order, by=by)
        try:
            return self._ordered(raised)
        except IntegrityError:  # the same order came twice at the same moment: find what the other one raised
            return self._ordered(raised)

    def _ordered(self, order: Callable[[Session], Done]) -> Done:
        """The rows, then the broker, and only then the disk."""
        done = self._sound(self._written(order))
        self.core.database.sync()
        return done

    def end_alert(self, alert_id: str, by: By, *, words: bool, at_once: bool) -> Done:
        """See `Orders.end_alert`."""

        def ended(session: Session) -> Done:
            not_before = None if at_once else self._end_of_quiet(session, alert_id)
            return alerting.end_alert(session, self.core, alert_id, by, words=words, not_before=not_before)

        return self._ordered(ended)

    def _end_of_quiet(self, session: Session, alert_id: str) -> datetime | None:
        """When nobody who heard an alert has quiet hours any more; None where there is no such alert."""
        alert = alerting.get(session, alert_id)
        if alert is None:
            return None
        geography = Geography.load(session)
        listeners = rules.listeners(geography, geography.heard_by(place.code for place in alert.targets))
        hours = OperatingHours.load(session, session.scalars(select(Station)).one())
        return hours.end_of_quiet(listeners, self.core.clock.now())

    def correct_alert(self, alert_id: str, by: By) -> Done:
        """See `Orders.correct_alert`."""
        return self._ordered(partial(alerting.correct_alert, core=self.core, alert_id=alert_id, by=by))

    def forward(self, topic: str, message: bytes, token_id: int) -> Taken:
        """See `Orders.forward`."""
        take = partial(self._guests.take, topic=topic, message=message, clips_first=True, token_id=token_id)
        try:
            taken = self._written(take)
        except IntegrityError:  # it came twice at the same moment, maybe once by the broker: find what the other kept
            taken = self._written(take)
        if taken.fresh:
            self._alerts.hand_over([taken.document])
        self.core.database.sync()
        return taken

    def lock_out(self, kid: str, account_id: int) -> None:
        """See `Orders.lock_out`."""

        def lock(session: Session) -> tuple[list[tuple[str, bytes]], list[str]]:
            owner = own_keys if session.get(OwnKey, kid) else guest_keys
            until = owner.lock_out(session, self.core, kid, account_id)
            orders = lock_outs.to_everybody(session, self.core, [LockOut(kid, to_ms(until))])
            return orders, publishing.take_expired(session, self.core.clock.now_ms())

        orders, withdrawn = self._written(lock)
        for topic in withdrawn:  # or a speaker with an empty store would begin it once more
            self._prompt.publish(topic, b"", retain=True)
        self._send(orders)

    def rehearse(self, name: str, by: By) -> Done:
        """See `Orders.rehearse`."""
        with self.core.database.write() as session:
            done = alerting.rehearse(session, self.core, name, by)
        return self._sound(done)

    def _rehearse_when_due(self) -> None:
        """The weekly rehearsal."""
        with self.core.database.read() as session:
            if rehearsing.due(session, self.core.clock.now()) is None:
                return
        with self.core.database.write() as session:
            plan = rehearsing.due(session, self.core.clock.now())
            done = rehearsing.begin(session, self.core, plan) if plan else None
        if done:
            self._sound(done)

    def _sound(self, done: Done) -> Done:
        """The documents leave now; what is still to be spoken follows."""
        self._alerts.hand_over(done.documents)
        self._alert_speech.wake()
        return done

    def progress(self, bulletin_id: int) -> tuple[int, int] | None:
        """See `Orders.progress`."""
        return self._preparation.progress(bulletin_id)

    def health(self) -> Health:
        """See `Orders.health`."""
        return Health(
            self._prompt.connected and self._fast.connected,
            self.core.counters.rejected,
            self.core.counters.errors,
            shutil.disk_usage(self.settings.home_path).free,
        )
