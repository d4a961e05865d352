"""What the speaker tells the station: state, hello, telemetry, receipts until acknowledged, requests. Pure."""

import base64
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from broadcaster.wire import enrolment, envelope, strict_json
from broadcaster.wire.documents import (
    PROTOCOL_VERSION,
    About,
    Hello,
    Receipts,
    Request,
    SpeakerState,
    State,
    Telemetry,
)
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, SECOND, UnixMs
from device_sim.actions import Action, Publish

if TYPE_CHECKING:
    from device_sim.machine import SpeakerMachine

_HELLO_AGAIN_MS: Final = 5 * SECOND
_MOST_DOUBLINGS: Final = 4
"""Without an answer the pauses double up to 80 s between hellos and 240 s between receipts."""
_OPEN_HELLOS: Final = 8
"""On a slow day the answer to an earlier hello is as good."""
_HELLO_EVERY_MS: Final = 10 * MINUTE
_TIME_AHEAD_MS: Final = 4 * MINUTE
"""So long before a planned start a speaker without NTP begins to look at the station's clock closely."""
_TIME_EVERY_MS: Final = 1_500
_LACKING_MS: Final = 15 * SECOND
"""A document that a welcome spoke of has come by then, or is asked for with another hello."""
_LACKING_ALERT_MS: Final = 2 * SECOND
"""The same for an alert: it may be its end."""
_RECEIPTS_AGAIN_MS: Final = 15 * SECOND
_RECEIPTS_GATHER_MS: Final = 200
_BATCH: Final = 50


def digest(have: Mapping[str, int]) -> str:
    """The short form of what a speaker has, as its heartbeat says it: 16 hexadecimal digits."""
    lines = "".join(f"{topic} {seq}\n" for topic, seq in sorted(have.items()))
    return sha256(lines.encode()).hexdigest()[:16]


class Reports:
    """The way up, for one speaker.

    Attributes:
        online: whether the connection stands.
    """

    def __init__(self, machine: "SpeakerMachine") -> None:
        self._machine = machine
        self.online = False
        self._connection = 0
        self._nonces: dict[str, int] = {}
        self._time_at = 0
        self._hellos = self._unanswered = self._unheard = 0
        self._lacked = -1
        self._look_at: int | None = None
        self._hello_at: int | None = None
        self._report_at: int | None = None
        self._receipts_at: int | None = None
        self._receipts_sent = 0
        self._last_seq = 0

    def _topic(self, what: str) -> str:
        return self._machine.topics.up(self._machine.identity.speaker, what)

    def state(self, state: SpeakerState, now: int) -> Publish:
        """The retained state; with LOST the connection's will."""
        document = State(state=state, boot=self._machine.identity.boot, connection=self._connection, since=max(now, 0))
        return Publish(self._topic("state"), strict_json.encode(document), retain=True)

    def will(self, now: int) -> Publish:
        """The will of the connection that is about to be made."""
        self._connection += 1
        return self.state(SpeakerState.LOST, now)

    def connected(self, now: int) -> list[Action]:
        """Say who is here."""
        self.online = True
        self._unheard = 0
        self._report_at = now + 1 * SECOND
        self._receipts_at = now
        identity = self._machine.identity
        key = self._machine.public_key()
        about = About(
            model=identity.model,
            firmware=identity.firmware,
            protocol=PROTOCOL_VERSION,
            key=key,
            proof=enrolment.proof(identity.claim_code, identity.station, identity.speaker, key),
            boot_count=identity.boot_count,
            horns=identity.horns,
            role=identity.role,
        )
        return [
            self.state(SpeakerState.READY, now),
            Publish(self._topic("about"), strict_json.encode(about), retain=True),
            *self.greet(now),
        ]

    def greet(self, now: int) -> list[Action]:
        """Say hello, whether or not one is due."""
        self._unanswered = 0
        return [self._hello(now)]

    def disconnected(self) -> None:
        """Nothing can be said now."""
        self.online = False
        self._nonces.clear()

    def leaving(self, now: int) -> list[Action]:
        """Good-bye in good order."""
        return [self.state(SpeakerState.DISCONNECTED, now)] if self.online else []

    def _hello(self, now: int) -> Publish:
        self._hello_at = now + (_HELLO_AGAIN_MS << min(self._unanswered, _MOST_DOUBLINGS))
        self._unanswered += 1
        return self._ask(now, self._machine.beliefs.have)

    def _ask(self, now: int, have: dict[str, int] | None = None) -> Publish:
        """A hello; without ``have`` it asks for the time only."""
        self._time_at = now + _TIME_EVERY_MS
        self._hellos += 1
        identity = self._machine.identity
        seed = f"{identity.boot}-{self._connection}-{self._hellos}".encode()
        nonce = base64.urlsafe_b64encode(sha256(identity.key.private.sign(seed)).digest()[:12]).decode()
        self._nonces = dict([*self._nonces.items(), (nonce, max(now, 0))][-_OPEN_HELLOS:])
        hello = Hello(boot=identity.boot, nonce=nonce, t1=max(now, 0), have=have or {}, time_only=have is None)
        return Publish(self._topic("hello"), strict_json.encode(hello), qos=0)

    def answered_by(self, nonce: str, t1: int) -> bool:
        """Whether a welcome answers a hello that is open."""
        return self._nonces.get(nonce) == t1

    def welcomed(self, nonce: str, now: int, *, time_only: bool) -> None:
        """A hello is answered; after a whole answer none that was asked before counts."""
        if time_only:
            del self._nonces[nonce]
            return
        self._nonces.clear()
        self._unanswered = 0
        self._hello_at = now + _HELLO_EVERY_MS
        lacking = self._machine.beliefs.lacking
        self._lacked = min(self._lacked + 1, _MOST_DOUBLINGS) if lacking else -1
        pause = _LACKING_ALERT_MS if Kind.ALERT in lacking else _LACKING_MS
        self._look_at = now + (pause << self._lacked) if lacking else None

    def heard(self) -> None:
        """The station acknowledges receipts."""
        self._unheard = 0

    def stepped(self, by_ms: int) -> None:
        """The own clock was set forward by so much; what was due in a minute still is."""
        self._time_at += by_ms
        self._hello_at, self._report_at, self._receipts_at = (
            None if at is None else at + by_ms for at in (self._hello_at, self._report_at, self._receipts_at)
        )

    def tick(self, now: int) -> list[Action]:
        """Say what is due."""
        if not self.online:
            return []
        actions: list[Action] = []
        if self._hello_at is not None and now >= self._hello_at:
            actions.append(self._hello(now))
        elif (time_at := self._time_due(now)) is not None and now >= time_at:
            actions.append(self._ask(now))
        if self._look_at is not None and now >= self._look_at:
            self._look_at = None
            if self._machine.beliefs.lacking:
                actions.append(self._hello(now))
        if self._report_at is not None and now >= self._report_at:
            actions.append(self._telemetry(now))
        actions += self._receipts(now)
        if self._machine.beliefs.welcomed:
            for due in self._machine.library.requests(self._machine.time.station(now)):
                if isinstance(due, Request):
                    actions.append(Publish(self._topic("request"), strict_json.encode(due)))
                else:
                    actions.append(due)
        return actions

    def _time_due(self, now: int) -> int | None:
        """When to look at the station's clock again: often, and only before something is to begin, and without NTP."""
        machine = self._machine
        if machine.time.own_clock_rules or not machine.may_play:
            return None
        at = machine.time.station(now)
        soonest = next((item.start_at for item in machine.beliefs.items if item.start_at > at), None)
        if soonest is None:
            return None
        asked_again = min(self._time_at, now + _TIME_EVERY_MS)  # later was set by a clock that was wrong
        return max(asked_again, machine.time.own(soonest - _TIME_AHEAD_MS))

    def _telemetry(self, now: int) -> Publish:
        machine = self._machine
        self._report_at = now + (machine.beliefs.config.report_ms if machine.beliefs.config else 10 * SECOND)
        telemetry = Telemetry(
            at=max(machine.time.station(now), 0),
            boot=machine.identity.boot,
            offset_ms=machine.time.measured_offset_ms,
            error_ms=max(machine.time.error_ms, 0),
            clips=len(machine.library.cached),
            waiting_receipts=len(machine.journal.waiting),
            dropped_receipts=machine.journal.dropped,
            rejected=dict(machine.rejected),
            have=digest(machine.beliefs.have),
            cache_bytes=sum(machine.library.cached.values()),
        )
        return Publish(self._topic("telemetry"), strict_json.encode(machine.complete(telemetry)), qos=0)

    def _receipts(self, now: int) -> list[Action]:
        """Send what waits: new ones soon, all again until they are acknowledged."""
        journal = self._machine.journal
        if journal.count > self._receipts_sent:
            self._receipts_sent = journal.count
            soon = now + _RECEIPTS_GATHER_MS
            self._receipts_at = soon if self._receipts_at is None else min(self._receipts_at, soon)
        if not journal.waiting:
            self._receipts_at = None
        if self._receipts_at is None or now < self._receipts_at:
            return []
        self._receipts_at = now + (_RECEIPTS_AGAIN_MS << min(self._unheard, _MOST_DOUBLINGS))
        self._unheard += 1
        waiting = list(journal.waiting.values())
        batches = [tuple(waiting[first : first + _BATCH]) for first in range(0, min(len(waiting), 500), _BATCH)]
        return [self._signed(Receipts(receipts=batch), now) for batch in batches]

    def _signed(self, receipts: Receipts, now: int) -> Publish:
        key, topic = self._machine.identity.key, self._topic("receipt")
        self._last_seq = max(self._machine.time.station(now), self._last_seq + 1)
        signed = envelope.sign(
            key.private,
            key.kid,
            typ=Kind.RECEIPT.value,
            topic=topic,
            seq=UnixMs(max(self._last_seq, 0)),
            payload=strict_json.encode(receipts),
        )
        return Publish(topic, signed)

    def wake_at(self, now: int) -> int | None:
        """When there will be something to say."""
        if not self.online:
            return None
        request_at = self._machine.library.next_request() if self._machine.beliefs.welcomed else None
        own = None if request_at is None else self._machine.time.own(request_at)
        moments = (self._hello_at, self._look_at, self._report_at, self._receipts_at, own, self._time_due(now))
        return min((moment for moment in moments if moment is not None), default=None)
