"""The signed documents a speaker believes: who may speak, how it is set up, and what is planned. Pure.

How old a document may not be is remembered per topic; docs/protocol.md, section "Acceptance", has the rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import acceptance, clips, envelope, strict_json
from broadcaster.wire.acceptance import Floor, Signer, TrustStore
from broadcaster.wire.documents import Class, Command, Config, Plan, PlanItem
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics
from broadcaster.wire.urgent import Alert
from device_sim import arbiter

_ONCE: Final = frozenset({Kind.WELCOME, Kind.ACK, Kind.COMMAND})
_LIVE: Final = frozenset({Kind.LIVE_OPEN, Kind.LIVE})
_HELD: Final = frozenset({Kind.TRUST, Kind.CONFIG, Kind.PLAN, Kind.ALERT})
"""What a speaker has, or lacks."""
_ACTED_ON: Final = _HELD | _ONCE | _LIVE
_RECALLED: Final = (Kind.TRUST, Kind.CONFIG, Kind.WELCOME, Kind.COMMAND, Kind.PLAN, Kind.ALERT)
_FORGOTTEN: Final = frozenset({Kind.PLAN, Kind.COMMAND, Kind.ALERT})
"""Not the welcome: that there was one is worth knowing after a reboot."""
LOCK_OUT: Final = "#lock-out"
"""Ends the place where a lock-out is kept, which outlives its command."""


@dataclass(frozen=True)
class Admitted:
    """An envelope that has passed every check of its outside but, until `Beliefs.prove`, that of its signature.

    ``place`` is where its ``seq`` counts: the topic, for a command together with its key, so that nobody who may
    command can keep another's command out.
    """

    place: str
    address: Address
    read: Envelope
    signer: Signer

    @property
    def scopes(self) -> frozenset[Class]:
        """The classes its signer may act in."""
        return self.signer.scopes


@dataclass(frozen=True)
class Raised:
    """An alert that is in force, until ``exp`` by the station's time."""

    alert: Alert
    seq: int
    exp: int


@dataclass(frozen=True)
class LockOut:
    """A lock-out that was obeyed.

    Attributes:
        kid, seq: of the command.
        by_root: whether it takes the place of others, instead of adding to them.
        kept_until: it counts that long; one that shortens another as long as that one would have.
    """

    kid: str
    seq: int
    keys: tuple[str, ...]
    until: int
    by_root: bool
    kept_until: int


class Beliefs:
    """What one speaker believes.

    Attributes:
        config: how it is set up, when that is known.
        floors: what has been accepted, by topic.
        items: every planned item once, in order of ``start_at``: the newest document that names it wins.
        lock_outs: those in force, by the place where each is kept.
        welcomed: whether the station has answered a hello, in this boot or one before.
    """

    def __init__(self, topics: Topics, speaker: str, root: Ed25519PublicKey) -> None:
        self._topics, self._speaker = topics, speaker
        self._trust = TrustStore(root)
        self._plans: dict[str, tuple[int, Plan]] = {}
        self._alerts: dict[str, Raised] = {}
        self._ordered: dict[str, tuple[int, int, PlanItem]] = {}
        self._newer_trust: dict[str, int] = {}
        self._here: dict[str, Floor] = {}
        """Of the plans and alerts that are here: as they set their floors, which a welcome may have raised since."""
        self.lock_outs: dict[str, LockOut] = {}
        self.config: Config | None = None
        self.floors: dict[str, Floor] = {}
        self.items: list[PlanItem] = []
        self.welcomed = False

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones this speaker listens to, from its config."""
        return self.config.zones if self.config else ()

    @property
    def believed(self) -> frozenset[str]:
        """The ids of the keys that may act."""
        return frozenset(kid for kid in self._trust.keys if self._trust.believes(kid))

    @property
    def have(self) -> dict[str, int]:
        """The ``seq`` of the documents that are here, by topic."""
        return {place: floor.seq for place, floor in self.floors.items() if floor.payload_hash and self._is_held(place)}

    @property
    def lacking(self) -> frozenset[Kind]:
        """The kinds of documents that the station has spoken of and that are not here."""
        awaited = _HELD & {self._kind(place) for place, floor in self.floors.items() if not floor.payload_hash}
        have = self.have
        has_newer_trust = any(have.get(topic, -1) < seq for topic, seq in self._newer_trust.items())
        return awaited | {Kind.TRUST} if has_newer_trust else awaited

    def _is_held(self, place: str) -> bool:
        return self._kind(place) in _HELD

    def _kind(self, place: str) -> Kind | None:
        try:
            return self._topics.parse(place).kind
        except RejectedError:  # a command's place, or no topic at all
            return None

    @property
    def alerts(self) -> list[Raised]:
        """Every alert once, whatever zones it came through: the newest document counts."""
        oldest_first = sorted(self._alerts.items(), key=lambda kept: (kept[1].seq, kept[0]))
        return list({raised.alert.alert: raised for _, raised in oldest_first}.values())

    def recall(self, documents: Mapping[str, bytes]) -> list[Reason]:
        """Believe kept documents again, save for the time they came in; returns why some are not believed now."""
        refused: list[Reason] = []
        for place in sorted(documents, key=self._recall_order):
            try:
                self._recall_one(place, documents[place])
            except RejectedError as error:
                refused.append(error.reason)
        return refused

    def _recall_order(self, place: str) -> int:
        try:
            return _RECALLED.index(self._topics.parse(place.partition("#")[0]).kind)
        except (RejectedError, ValueError):
            return len(_RECALLED)

    def _recall_one(self, place: str, message: bytes) -> None:
        topic = place.partition("#")[0]
        address, read = acceptance.check_shape(self._topics, topic, message)
        admitted = Admitted(place, address, read, acceptance.find_signer(self._trust, address, read.header.kid))
        self.prove(admitted)
        match address.kind:
            case Kind.WELCOME:
                self.welcomed = True
            case Kind.COMMAND:
                if place.endswith(LOCK_OUT):
                    self.lock_out(admitted, strict_json.decode(read.payload, Command))
                    return
            case _:
                self.take(admitted)
        self.note(admitted)

    def screen(self, topic: str, message: bytes, station_now: int | None) -> Admitted | None:
        """Check the outside of a message, all but its signature; None is a document that is here already.

        Errors: RejectedError.
        """
        address, read = acceptance.check_shape(self._topics, topic, message)
        if address.kind not in _ACTED_ON:
            raise RejectedError(Reason.WRONG_TYPE, topic)
        if address.speaker and address.speaker != self._speaker:
            raise RejectedError(Reason.NOT_MINE, topic)
        self._check_zone(address)
        acceptance.check_time(address.kind, read, station_now)
        if station_now is None and 0 < read.header.exp <= self._surely_past():
            raise RejectedError(Reason.EXPIRED, "older than what was accepted before")
        self._unlock(self._surely_past() if station_now is None else station_now)
        place = f"{topic}#{read.header.kid}" if address.kind is Kind.COMMAND else topic
        digest = clips.sha256(read.payload)
        if not acceptance.check_floor(read, self.floors.get(place), digest, once=address.kind in _ONCE):
            return None
        return Admitted(place, address, read, acceptance.find_signer(self._trust, address, read.header.kid))

    @staticmethod
    def prove(admitted: Admitted) -> None:
        """Check the signature. Errors: RejectedError (bad-signature)."""
        envelope.verify(admitted.read, admitted.signer.key)

    def _surely_past(self) -> int:
        """A moment that lies behind for sure, whatever the own clock thinks."""
        return max((floor.seq for floor in self.floors.values()), default=0) - acceptance.MAX_AHEAD_MS

    def _check_zone(self, address: Address) -> None:
        if address.zone and address.kind is not Kind.TRUST and address.zone not in self.zones:
            raise RejectedError(Reason.NOT_MINE, address.zone)

    def take(self, admitted: Admitted) -> list[str]:
        """Act on a trust document, a config, a plan or an alert; returns where what is believed no longer lies.

        Errors: RejectedError, with nothing changed.
        """
        payload = admitted.read.payload
        match admitted.address.kind:
            case Kind.TRUST:
                self._trust.learn(acceptance.read_trust(admitted.read), admitted.read.header.seq)
                dropped = self._doubt()
            case Kind.CONFIG:
                dropped = self._take_config(strict_json.decode(payload, Config))
            case Kind.ALERT:
                self._take_alert(admitted, strict_json.decode(payload, Alert))
                dropped = []
            case _:
                self._take_plan(admitted, strict_json.decode(payload, Plan))
                dropped = []
        self._sort()
        return dropped

    def note(self, admitted: Admitted) -> None:
        """Remember what was acted on: nothing older counts on its topic until the latest expiry ever seen there."""
        header, before = admitted.read.header, self.floors.get(admitted.place)
        exp = max(header.exp, before.exp) if header.exp and before else header.exp
        floor = Floor(header.seq, exp, clips.sha256(admitted.read.payload), header.kid)
        self.floors[admitted.place] = floor
        if admitted.place in self._plans or admitted.place in self._alerts:
            self._here[admitted.place] = floor

    def _take_config(self, config: Config) -> list[str]:
        if config.speaker != self._speaker:
            raise RejectedError(Reason.NOT_MINE, config.speaker)
        self.config = config
        left = [topic for topic in (*self._plans, *self._alerts) if self._topics.parse(topic).zone not in config.zones]
        for topic in left:
            floor = self.floors[topic]  # the same plan counts again when the zone comes back
            self.floors[topic] = Floor(floor.seq - 1, floor.exp, kid=floor.kid)
        self._drop(left)
        return left

    def _take_plan(self, admitted: Admitted, plan: Plan) -> None:
        address = admitted.address
        self._check_zone(address)
        if plan.zone != address.zone or plan.date != address.date:
            raise RejectedError(Reason.WRONG_TOPIC, f"a plan of {plan.zone} {plan.date} in {admitted.place}")
        acceptance.check_classes(plan, admitted.scopes)
        self._plans[admitted.place] = (admitted.read.header.seq, plan)

    def _take_alert(self, admitted: Admitted, alert: Alert) -> None:
        self._check_zone(admitted.address)
        if alert.alert != admitted.address.alert:
            raise RejectedError(Reason.WRONG_TOPIC, f"alert {alert.alert} in {admitted.place}")
        acceptance.check_level(alert, admitted.signer)
        header = admitted.read.header
        self._alerts[admitted.place] = Raised(alert, header.seq, header.exp)

    def order(self, item: PlanItem, admitted: Admitted) -> None:
        """A command airs this now; a plan that names the same broadcast later counts more."""
        self._ordered[admitted.place] = (admitted.read.header.seq, arbiter.end_of(item), item)
        self._sort()

    def lock_out(self, admitted: Admitted, command: Command) -> list[str]:
        """Believe some keys no longer until a moment; returns where what they had signed lies.

        The root key also shortens a lock-out, or lifts it. Errors: RejectedError (out-of-scope, malformed).
        """
        header, by_root = admitted.read.header, self._trust.is_root(admitted.read.header.kid)
        if Class.EMERGENCY not in admitted.scopes:
            raise RejectedError(Reason.OUT_OF_SCOPE, header.kid)
        if not command.keys or command.until > header.seq + acceptance.MAX_LOCK_OUT_MS:
            raise RejectedError(Reason.MALFORMED, "a lock-out names keys and lasts a day at most")
        before = dict(self._trust.locked)
        kept_until = max(command.until, *(before.get(kid, 0) for kid in command.keys))
        place = f"{admitted.place}#{header.seq}{LOCK_OUT}"
        self.lock_outs[place] = LockOut(header.kid, header.seq, command.keys, command.until, by_root, kept_until)
        self._lock()
        if self._trust.locked == before:  # said again, as it is all the while
            del self.lock_outs[place]
        dropped = self._doubt()
        self._sort()
        return dropped

    def _lock(self) -> None:
        """Let all lock-outs count that were obeyed, in the order they were signed in."""
        locked: dict[str, int] = {}
        for lock in sorted(self.lock_outs.values(), key=lambda lock: lock.seq):
            for kid in lock.keys:
                locked[kid] = lock.until if lock.by_root else max(lock.until, locked.get(kid, 0))
        latest = max((lock.seq for lock in self.lock_outs.values()), default=0)
        self._trust.locked = {kid: until for kid, until in locked.items() if until > latest}

    def _doubt(self) -> list[str]:
        """Forget what was signed by keys that are believed no longer, so that what they displaced counts again.

        Also the lock-outs of a revoked key: its thief may have locked out the others.
        """
        forged = [place for place, lock in self.lock_outs.items() if lock.kid in self._trust.revoked]
        for place in forged:
            del self.lock_outs[place]
        if forged:
            self._lock()
        doubtful = [topic for topic, floor in self.floors.items() if floor.kid and not self._trust.believes(floor.kid)]
        forgotten = [topic for topic, floor in self._here.items() if not self._trust.believes(floor.kid)]
        for topic in doubtful:
            del self.floors[topic]
            if topic in self._here and topic not in forgotten:  # only a welcome that spoke of a successor is doubted
                self.floors[topic] = self._here[topic]
        for place in [place for place in self._ordered if not self._trust.believes(place.rpartition("#")[2])]:
            del self._ordered[place]
        return [*forged, *self._drop(forgotten)]

    def _drop(self, topics: Iterable[str]) -> list[str]:
        topics = list(topics)
        for topic in topics:
            self._here.pop(topic, None)
        return [topic for topic in topics if self._plans.pop(topic, None) or self._alerts.pop(topic, None)]

    def _sort(self) -> None:
        oldest_first = sorted(self._plans.items(), key=lambda kept: (kept[1][0], kept[0]))
        newest = {item.id: item for _, _, item in self._ordered.values()}
        newest |= {item.id: item for _, (_, plan) in oldest_first for item in plan.items}
        self.items = sorted(newest.values(), key=lambda item: (item.start_at, item.id))

    def welcome(self, current: Mapping[str, int], kid: str) -> None:
        """The station has said, with its key ``kid``, what is in force: anything older is a rollback.

        But for trust, which needs nobody's word beside the root's: a thief of the station key could keep his revocation out.
        """
        self.welcomed = True
        current = {topic: seq for topic, seq in current.items() if self._is_held(topic)}
        self._newer_trust = {topic: seq for topic, seq in current.items() if self._kind(topic) is Kind.TRUST}
        stale = [topic for topic, floor in self.floors.items() if not floor.payload_hash and topic not in current]
        for topic in stale:
            if topic not in self._plans and topic not in self._alerts:
                del self.floors[topic]
        for topic, seq in current.items():
            floor = self.floors.get(topic)
            if topic not in self._newer_trust and (floor is None or floor.seq < seq):
                self.floors[topic] = Floor(seq - 1, floor.exp if floor else 0, kid=kid)

    def forget_expired(self, station_now: int) -> list[str]:
        """Drop what has expired; returns where the documents lie that need not be kept any more."""
        expired = [place for place, floor in self.floors.items() if floor.exp and floor.exp <= station_now]
        for place in expired:
            del self.floors[place]
        ordered = {place: kept for place, kept in self._ordered.items() if kept[1] > station_now}
        if self._drop(expired) or len(ordered) < len(self._ordered):
            self._ordered = ordered
            self._sort()
        unlocked = [place for place, lock in self.lock_outs.items() if lock.kept_until <= station_now]
        for place in unlocked:
            del self.lock_outs[place]
        self._unlock(station_now)
        kinds = {place: self._topics.parse(place.partition("#")[0]).kind for place in expired}
        return [*unlocked, *(place for place in expired if kinds[place] in _FORGOTTEN)]

    def _unlock(self, station_now: int) -> None:
        """Believe again the keys whose lock-out is over."""
        for kid in [kid for kid, until in self._trust.locked.items() if until <= station_now]:
            del self._trust.locked[kid]
