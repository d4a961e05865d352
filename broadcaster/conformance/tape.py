"""What a speaker said, as it came in: read, checked against its own key, and kept in order."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from broadcaster.transport import Message
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.documents import (
    About,
    Event,
    Hello,
    Receipt,
    Receipts,
    Request,
    SpeakerState,
    State,
    Telemetry,
)
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.topics import Kind, Topics

_LOOK_S: Final = 0.05
_READ_AS: Final[dict[Kind, type[msgspec.Struct]]] = {
    Kind.STATE: State,
    Kind.ABOUT: About,
    Kind.HELLO: Hello,
    Kind.REQUEST: Request,
    Kind.TELEMETRY: Telemetry,
    Kind.RECEIPT: Receipts,
}


@dataclass(frozen=True)
class Entry:
    """One readable message; ``at`` is when it came in, by our clock."""

    kind: Kind
    at: int
    document: msgspec.Struct


@dataclass
class Told:
    """One receipt, and every moment it came in."""

    receipt: Receipt
    arrivals: list[int]


@dataclass
class Tape:
    """Everything one speaker said.

    Attributes:
        told: receipts by id that the speaker's own key has signed.
        wrong: what was said against the protocol.
        key: the speaker's own public key, from its first `about`.
    """

    topics: Topics
    speaker: str
    entries: list[Entry] = field(default_factory=list)
    told: dict[str, Told] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    key: str = ""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, message: Message) -> Entry | None:
        """Keep a message; None when it is not this speaker's, or can't be read."""
        try:
            address = self.topics.parse(message.topic)
            if address.speaker != self.speaker or address.kind not in _READ_AS:
                return None
            entry = Entry(address.kind, message.at, self._read(address.kind, message))
        except RejectedError as error:
            self.wrong.append(f"{message.topic.rpartition('/')[2]}: {error}")
            return None
        self.entries.append(entry)
        self._news.set()
        return entry

    def _read(self, kind: Kind, message: Message) -> msgspec.Struct:
        if kind is not Kind.RECEIPT:
            document = strict_json.decode(message.payload, _READ_AS[kind])
            if isinstance(document, About) and not self.key:
                self.key = document.key
            return document
        read = envelope.parse(message.payload)
        if read.header.topic != message.topic or read.header.typ != Kind.RECEIPT.value:
            self.wrong.append(f"receipt: for {read.header.topic} as {read.header.typ}")
        if read.header.exp:
            self.wrong.append("receipt: has exp")
        envelope.verify(read, keys.public_key(self.key))
        receipts = strict_json.decode(read.payload, Receipts)
        for receipt in receipts.receipts:
            told = self.told.setdefault(receipt.id, Told(receipt, []))
            told.arrivals.append(message.at)
            if told.receipt != receipt:
                self.wrong.append(f"receipt: id {receipt.id} used twice")
        return receipts

    async def until(self, true: Callable[[], object], seconds: float) -> bool:
        """Wait until something is true of the tape; False when it does not become so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not true():
            left = deadline - loop.time()
            if left <= 0:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), min(left, _LOOK_S))
        return True

    def of(self, kind: Kind, since: int = 0) -> list[Entry]:
        """The messages of a kind that came in after ``since``."""
        return [entry for entry in self.entries if entry.kind is kind and entry.at >= since]

    def about(self) -> About | None:
        """The latest `about`."""
        found = [entry.document for entry in self.entries if isinstance(entry.document, About)]
        return found[-1] if found else None

    def hellos(self, since: int = 0) -> list[Hello]:
        """The hellos after ``since``."""
        return [entry.document for entry in self.of(Kind.HELLO, since) if isinstance(entry.document, Hello)]

    def states(self, since: int = 0) -> list[State]:
        """The states after ``since``."""
        return [entry.document for entry in self.of(Kind.STATE, since) if isinstance(entry.document, State)]

    def says(self, state: SpeakerState, since: int) -> bool:
        """Whether a state was said after ``since``."""
        return any(one.state is state for one in self.states(since))

    def telemetry(self, since: int = 0) -> list[Telemetry]:
        """The heartbeats after ``since``."""
        return [entry.document for entry in self.of(Kind.TELEMETRY, since) if isinstance(entry.document, Telemetry)]

    def requests(self, clip: str) -> list[tuple[int, Request]]:
        """What was asked for of a clip, and when."""
        found = [(entry.at, entry.document) for entry in self.of(Kind.REQUEST)]
        return [(at, document) for at, document in found if isinstance(document, Request) and document.clip == clip]

    def events(self, broadcast: str, *kinds: Event) -> list[Told]:
        """The receipts of a broadcast in the order they first came in."""
        mine = [told for told in self.told.values() if told.receipt.broadcast == broadcast]
        return [told for told in mine if not kinds or told.receipt.event in kinds]

    def story(self, broadcast: str) -> str:
        """The receipts of a broadcast in words of the wire: ``cached, started +0 ms, finished``."""
        words = []
        for told in self.events(broadcast):
            one = told.receipt
            words.append(one.event.value + (f" ({one.why.value})" if one.why else ""))
        return ", ".join(words) or "no receipt"
