"""The signed documents a speaker believes: who may speak, how it is set up, and what is planned. Pure.

How old a document may not be is remembered per topic; docs/protocol.md, section "Acceptance", has the rules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.wire import acceptance, clips, strict_json
from broadcaster.wire.acceptance import Floor, TrustStore
from broadcaster.wire.documents import Class, Config, Plan, PlanItem
from broadcaster.wire.envelope import Envelope
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.topics import Address, Kind, Topics

_ACTED_ON: Final = frozenset({Kind.TRUST, Kind.CONFIG, Kind.PLAN, Kind.WELCOME, Kind.ACK, Kind.COMMAND})
_ONCE: Final = frozenset({Kind.WELCOME, Kind.ACK, Kind.COMMAND})
_RECALLED: Final = (Kind.TRUST, Kind.CONFIG, Kind.WELCOME, Kind.PLAN, Kind.COMMAND)
_FORGOTTEN: Final = frozenset({Kind.PLAN, Kind.COMMAND})
"""Not the welcome: that there was one is worth knowing after a reboot."""


@dataclass(frozen=True)
class Admitted:
    """An envelope that has passed every check of its outside; ``scopes`` are the classes its signer may act in."""

    topic: str
    address: Address
    read: Envelope
    scopes: frozenset[Class]


class Beliefs:
    """What one speaker believes.

    Attributes:
        config: how it is set up, when that is known.
        floors: what has been accepted, by topic.
        items: every planned item once, in order of ``start_at``: the newest document that names it wins.
        welcomed: whether the station has answered a hello, in this boot or one before.
    """

    def __init__(self, topics: Topics, speaker: str, root: Ed25519PublicKey) -> None:
        self._topics, self._speaker = topics, speaker
        self._trust = TrustStore(root)
        self._plans: dict[str, tuple[int, Plan]] = {}
        self.config: Config | None = None
        self.floors: dict[str, Floor] = {}
        self.items: list[PlanItem] = []
        self.welcomed = False

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones this speaker listens to, from its config."""
        return self.config.zones if self.config else ()

    @property
    def have(self) -> dict[str, int]:
        """The ``seq`` of the documents that are here, by topic."""
        return {topic: floor.seq for topic, floor in self.floors.items() if floor.payload_hash}

    def recall(self, documents: Mapping[str, bytes]) -> list[Reason]:
        """Believe kept documents again, save for the time they came in; returns why some are not believed now."""
        refused: list[Reason] = []
        for topic in sorted(documents, key=self._recall_order):
            try:
                self._recall_one(topic, documents[topic])
            except RejectedError as error:
                refused.append(error.reason)
        return refused

    def _recall_order(self, topic: str) -> int:
        try:
            return _RECALLED.index(self._topics.parse(topic).kind)
        except (RejectedError, ValueError):
            return len(_RECALLED)

    def _recall_one(self, topic: str, message: bytes) -> None:
        address, read = acceptance.check_shape(self._topics, topic, message)
        admitted = Admitted(topic, address, read, acceptance.check_authority(self._trust, address, read))
        if address.kind is Kind.WELCOME:
            self.welcomed = True
        elif address.kind is not Kind.COMMAND:
            self.take(admitted)
        self.note(admitted)

    def admit(self, topic: str, message: bytes, station_now: int | None) -> Admitted | None:
        """Check the outside of a message; None is a document that is here already.

        Errors: RejectedError.
        """
        address, read = acceptance.check_shape(self._topics, topic, message)
        if address.kind not in _ACTED_ON:
            raise RejectedError(Reason.WRONG_TYPE, topic)
        if address.speaker and address.speaker != self._speaker:
            raise RejectedError(Reason.NOT_MINE, topic)
        self._check_zone(address)
        acceptance.check_time(address.kind, read, station_now)
        digest = clips.sha256(read.payload)
        if not acceptance.check_floor(read, self.floors.get(topic), digest, once=address.kind in _ONCE):
            return None
        return Admitted(topic, address, read, acceptance.check_authority(self._trust, address, read))

    def _check_zone(self, address: Address) -> None:
        if address.zone and address.kind is not Kind.TRUST and address.zone not in self.zones:
            raise RejectedError(Reason.NOT_MINE, address.zone)

    def take(self, admitted: Admitted) -> list[str]:
        """Act on a trust document, a config or a plan; returns the topics of the plans that are believed no longer.

        Errors: RejectedError, with nothing changed.
        """
        payload = admitted.read.payload
        match admitted.address.kind:
            case Kind.TRUST:
                self._trust.learn(acceptance.read_trust(admitted.read), admitted.read.header.seq)
                dropped = self._doubt()
            case Kind.CONFIG:
                dropped = self._take_config(strict_json.decode(payload, Config))
            case _:
                self._take_plan(admitted, strict_json.decode(payload, Plan))
                dropped = []
        self._sort()
        return dropped

    def note(self, admitted: Admitted) -> None:
        """Remember what was acted on: nothing older counts on its topic until the latest expiry ever seen there."""
        header, before = admitted.read.header, self.floors.get(admitted.topic)
        exp = max(header.exp, before.exp) if header.exp and before else header.exp
        self.floors[admitted.topic] = Floor(header.seq, exp, clips.sha256(admitted.read.payload), header.kid)

    def _take_config(self, config: Config) -> list[str]:
        if config.speaker != self._speaker:
            raise RejectedError(Reason.NOT_MINE, config.speaker)
        self.config = config
        left = [topic for topic in self._plans if self._topics.parse(topic).zone not in config.zones]
        for topic in left:
            floor = self.floors[topic]  # the same plan counts again when the zone comes back
            self.floors[topic] = Floor(floor.seq - 1, floor.exp)
            del self._plans[topic]
        return left

    def _take_plan(self, admitted: Admitted, plan: Plan) -> None:
        address = admitted.address
        self._check_zone(address)
        if plan.zone != address.zone or plan.date != address.date:
            raise RejectedError(Reason.WRONG_TOPIC, f"a plan of {plan.zone} {plan.date} in {admitted.topic}")
        acceptance.check_classes(plan, admitted.scopes)
        self._plans[admitted.topic] = (admitted.read.header.seq, plan)

    def _doubt(self) -> list[str]:
        """Forget what was signed by keys that are believed no longer, so that what they displaced counts again."""
        doubtful = [topic for topic, floor in self.floors.items() if floor.kid and not self._trust.believes(floor.kid)]
        for topic in doubtful:
            del self.floors[topic]
        return self._drop(doubtful)

    def _drop(self, topics: Iterable[str]) -> list[str]:
        return [topic for topic in topics if self._plans.pop(topic, None)]

    def _sort(self) -> None:
        oldest_first = sorted(self._plans.items(), key=lambda kept: (kept[1][0], kept[0]))
        newest = {item.id: item for _, (_, plan) in oldest_first for item in plan.items}
        self.items = sorted(newest.values(), key=lambda item: (item.start_at, item.id))

    def welcome(self, current: Mapping[str, int]) -> None:
        """The station has said what is in force: anything older is a rollback."""
        self.welcomed = True
        stale = [topic for topic, floor in self.floors.items() if not floor.payload_hash and topic not in current]
        for topic in stale:
            if topic not in self._plans:
                del self.floors[topic]
        for topic, seq in current.items():
            floor = self.floors.get(topic)
            if floor is None or floor.seq < seq:
                self.floors[topic] = Floor(seq - 1, floor.exp if floor else 0)

    def forget_expired(self, station_now: int) -> list[str]:
        """Drop what has expired; returns the topics of the documents that need not be kept any more."""
        expired = [topic for topic, floor in self.floors.items() if floor.exp and floor.exp <= station_now]
        for topic in expired:
            del self.floors[topic]
        if self._drop(expired):
            self._sort()
        return [topic for topic in expired if self._topics.parse(topic).kind in _FORGOTTEN]
