"""The speaker as a state machine without input or output: what comes in, and the time, give what to do.

Every method takes ``now``, Unix milliseconds by the speaker's own clock, and returns actions for the adapter to carry
out in order. Nothing here waits, reads a clock, or touches a file.
"""

from collections import Counter
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import acceptance, clips, envelope, keys, strict_json
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import (
    Ack,
    Command,
    Config,
    Plan,
    PlanItem,
    Welcome,
)
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics
from device_sim.actions import Action, ForgetDocument, KeepDocument, Subscribe
from device_sim.journal import Journal
from device_sim.library import Library
from device_sim.reports import Reports
from device_sim.speaker_time import SpeakerTime
from device_sim.stage import Stage


@dataclass(frozen=True)
class Identity:
    """What a speaker is from its kit and from itself."""

    station: str
    speaker: str
    root: Ed25519PublicKey
    claim_code: str
    key: SigningKey
    boot: str
    boot_count: int
    model: str = "Loa Phường reference speaker"
    firmware: str = "1"
    horns: int = 1


@dataclass
class Memory:
    """What a reboot does not take away; the adapter fills it from its store."""

    journal: Journal
    documents: dict[str, bytes] = field(default_factory=dict)
    clips: dict[str, int] = field(default_factory=dict)
    parts: dict[str, tuple[bytes, frozenset[int]]] = field(default_factory=dict)
    """Manifest and segment numbers of clips that are not whole."""


class SpeakerMachine:
    """One speaker.

    Attributes:
        rejected: messages not acted on since the boot, by reason.
    """

    def __init__(self, identity: Identity, memory: Memory, *, synchronised: bool, now: int) -> None:
        self.identity = identity
        self.topics = Topics(identity.station)
        self.time = SpeakerTime(synchronised)
        self.trust = TrustStore(identity.root)
        self.journal = memory.journal
        self.library = Library(identity.speaker, dict(memory.clips))
        self.config: Config | None = None
        self.plans: dict[str, tuple[int, Plan]] = {}
        self.floors: dict[str, Floor] = {}
        self.rejected: Counter[str] = Counter()
        self.stage = Stage(self.journal, self.time)
        self.reports = Reports(self)
        self._recall(memory, now)

    def _recall(self, memory: Memory, now: int) -> None:
        """Believe the kept documents again by the same rules, save for the time they came in."""
        order = (Kind.TRUST, Kind.CONFIG, Kind.WELCOME, Kind.PLAN)
        found = [(self.topics.parse(topic), topic) for topic in memory.documents]
        for address, topic in sorted(found, key=lambda pair: order.index(pair[0].kind)):
            try:
                read = envelope.parse(memory.documents[topic])
                acceptance.check_authority(self.trust, address, read)
                if address.kind is Kind.WELCOME:
                    self.reports.ever_welcomed = True
                else:
                    self._take_document(address, topic, read, now)
            except RejectedError as error:
                self.rejected[error.reason] += 1
        self.library.want(self._items())
        self._recall_actions = [
            action
            for clip, (manifest, have) in memory.parts.items()
            for action in self.library.recall(clip, manifest, have)
        ]

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones this speaker listens to, from its config."""
        return self.config.zones if self.config else ()

    def _items(self) -> list[PlanItem]:
        """Every planned item once: the same broadcast through two zones is one, the newest document wins."""
        newest: dict[str, tuple[int, PlanItem]] = {}
        for seq, plan in self.plans.values():
            for item in plan.items:
                if item.id not in newest or newest[item.id][0] < seq:
                    newest[item.id] = (seq, item)
        return sorted((item for _, item in newest.values()), key=lambda item: (item.start_at, item.id))

    # The connection.

    def connected(self, now: int) -> list[Action]:
        """The MQTT connection stands; a clean session has no subscriptions."""
        return [*self._recall_once(), self._subscription(), *self.reports.connected(now)]

    def _recall_once(self) -> list[Action]:
        actions, self._recall_actions = self._recall_actions, []
        return actions

    def disconnected(self) -> None:
        """The MQTT connection is gone."""
        self.reports.disconnected()

    def _subscription(self) -> Action:
        zones = tuple(self.topics.zone_filter(zone) for zone in self.zones)
        return Subscribe((f"{self.topics.base}/speaker/{self.identity.speaker}/down/#", *zones))

    # Messages.

    def receive(self, topic: str, payload: bytes, now: int) -> list[Action]:
        """A message came in. One that must not be acted on is counted, and nothing else happens."""
        try:
            return self._receive(topic, payload, now)
        except RejectedError as error:
            self.rejected[error.reason] += 1
            return []

    def _receive(self, topic: str, payload: bytes, now: int) -> list[Action]:
        if len(payload) > envelope.MAX_MESSAGE_BYTES:
            raise RejectedError(Reason.OVERSIZED, topic)
        address = self.topics.parse(topic)
        if address.speaker and address.speaker != self.identity.speaker:
            raise RejectedError(Reason.NOT_MINE, topic)
        match address.kind:
            case Kind.MANIFEST:
                return self.library.take_manifest(address.clip, payload)
            case Kind.SEGMENT:
                return self.library.take_segment(address.clip, address.segment, payload)
            case Kind.COPY:
                original = envelope.parse(payload).header.topic
                return self._signed(original, payload, now)
            case _ if payload:
                return self._signed(topic, payload, now)
            case _:
                return []  # a retained document was cleared; what was accepted stays until it expires

    def _signed(self, topic: str, message: bytes, now: int) -> list[Action]:
        address, read = acceptance.check_shape(self.topics, topic, message)
        if address.kind not in _HANDLED:
            raise RejectedError(Reason.WRONG_TYPE, topic)
        if address.speaker and address.speaker != self.identity.speaker:
            raise RejectedError(Reason.NOT_MINE, topic)
        if address.zone and address.kind is not Kind.TRUST and address.zone not in self.zones:
            raise RejectedError(Reason.NOT_MINE, topic)
        acceptance.check_time(read, self.time.station(now) if self.time.known else None)
        digest = clips.sha256(read.payload)
        once = address.kind in _ONCE
        if not acceptance.check_floor(read, self.floors.get(topic), digest, once=once):
            return []
        acceptance.check_authority(self.trust, address, read)
        actions = self._take_document(address, topic, read, now)
        if address.kind in _KEPT:
            actions = [KeepDocument(topic, message), *actions]
        return actions

    def _take_document(self, address: Address, topic: str, read: Envelope, now: int) -> list[Action]:
        """Act on an envelope that has passed every check of its outside."""
        match address.kind:
            case Kind.TRUST:
                self.trust.learn(acceptance.read_trust(read))
                actions: list[Action] = []
            case Kind.CONFIG:
                actions = self._take_config(strict_json.decode(read.payload, Config))
            case Kind.PLAN:
                actions = self._take_plan(address, topic, read)
            case Kind.WELCOME:
                actions = self._take_welcome(strict_json.decode(read.payload, Welcome), now)
            case Kind.ACK:
                actions = self.journal.acknowledged(strict_json.decode(read.payload, Ack).receipts)
            case _:
                command = strict_json.decode(read.payload, Command)
                actions = self.stage.obey(command, self._items(), now)
        self.floors[topic] = Floor(read.header.seq, read.header.exp, clips.sha256(read.payload))
        return actions

    def _take_config(self, config: Config) -> list[Action]:
        if config.speaker != self.identity.speaker:
            raise RejectedError(Reason.NOT_MINE, config.speaker)
        grown = set(config.zones) - set(self.zones)
        self.config = config
        self.plans = {
            topic: kept for topic, kept in self.plans.items() if self.topics.parse(topic).zone in config.zones
        }
        return [self._subscription()] if grown and self.reports.online else []

    def _take_plan(self, address: Address, topic: str, read: Envelope) -> list[Action]:
        plan = strict_json.decode(read.payload, Plan)
        if plan.zone != address.zone or plan.date != address.date:
            raise RejectedError(Reason.WRONG_TOPIC, f"a plan of {plan.zone} {plan.date} in {topic}")
        self.plans[topic] = (read.header.seq, plan)
        return self.library.want(self._items())

    def _take_welcome(self, welcome: Welcome, now: int) -> list[Action]:
        if not self.reports.welcomed_by(welcome.nonce, welcome.t1):
            raise RejectedError(Reason.STALE_WELCOME, welcome.nonce)
        self.time.learn(welcome.t1, welcome.t2, welcome.t3, now)
        for topic, seq in welcome.current.items():
            floor = self.floors.get(topic)
            if floor is None or floor.seq < seq:  # an older document than the one in force is a rollback
                self.floors[topic] = Floor(seq - 1, 0, "")
        return self.reports.welcomed(now)

    # The clip store and the sound card answer.

    def clip_stored(self, clip: str, size: int) -> None:
        """The adapter has joined a clip and found its hash right."""
        self.library.stored(clip, size)

    def clip_refused(self, clip: str) -> None:
        """The joined segments are not the clip, or it could not be stored."""
        self.rejected[Reason.WRONG_HASH] += 1
        self.library.refused(clip)

    # Time passes.

    def tick(self, now: int) -> list[Action]:
        """Do what is due: begin and end sounds, report, ask again."""
        actions = self._recall_once()
        station_now = self.time.station(now)
        actions += self._forget_expired(station_now)
        if self.config is not None and self.may_play:
            actions += self.stage.tick(self._items(), self.config, self.library.cached, now)
        actions += self.journal.tidy(station_now)
        return [*actions, *self.reports.tick(now)]

    @property
    def may_play(self) -> bool:
        """Nothing retained is played before one welcome, in this boot or one before; without time nothing routine is."""
        return self.time.known and self.reports.ever_welcomed

    def _forget_expired(self, station_now: int) -> list[Action]:
        if not self.time.known:
            return []
        expired = [topic for topic, floor in self.floors.items() if floor.exp and floor.exp <= station_now]
        for topic in expired:
            del self.floors[topic]
        dropped = [topic for topic in expired if self.plans.pop(topic, None)]
        actions: list[Action] = [ForgetDocument(topic) for topic in dropped]
        return actions + self.library.want(self._items()) if dropped else actions

    def wake_at(self, now: int) -> int:
        """When `tick` is next needed, if nothing comes in before."""
        moments = (
            self.reports.wake_at(),
            self.stage.wake_at(self._items(), now) if self.config and self.may_play else None,
            self._own(self.library.next_request()) if self.reports.online else None,
        )
        return min((moment for moment in moments if moment is not None), default=now + 60_000)

    def _own(self, station_ms: int | None) -> int | None:
        return None if station_ms is None else self.time.own(station_ms)

    def public_key(self) -> str:
        """The speaker's own public key as it is written on the wire."""
        return keys.public_text(self.identity.key.public)


_HANDLED = frozenset({Kind.TRUST, Kind.CONFIG, Kind.PLAN, Kind.WELCOME, Kind.ACK, Kind.COMMAND})
_KEPT = frozenset({Kind.TRUST, Kind.CONFIG, Kind.PLAN, Kind.WELCOME})
_ONCE = frozenset({Kind.WELCOME, Kind.ACK, Kind.COMMAND})
