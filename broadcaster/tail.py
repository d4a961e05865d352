"""Live traffic, decoded and verified: who said what to whom, and whether a key we know stands behind it.

Pure: messages in, lines out, and no message is bad enough to raise. The words are the command line's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from broadcaster.transport import Message
from broadcaster.wire import clips, envelope, keys, strict_json
from broadcaster.wire.documents import (
    About,
    Ack,
    Command,
    Config,
    Hello,
    Manifest,
    Plan,
    Receipts,
    Request,
    State,
    Telemetry,
    Trust,
    Welcome,
)
from broadcaster.wire.rejection import RejectedError
from broadcaster.wire.topics import Address, Kind, Topics


class Proof(StrEnum):
    """What stands behind a message."""

    SIGNED = "signed"
    HASHED = "hashed"
    UNSIGNED = "unsigned"
    UNPROVEN = "unproven"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown-key"
    UNREADABLE = "unreadable"
    CLEARED = "cleared"


_DOCUMENTS: Final[Mapping[Kind, type[msgspec.Struct]]] = {
    Kind.TRUST: Trust,
    Kind.PLAN: Plan,
    Kind.COMMAND: Command,
    Kind.MANIFEST: Manifest,
    Kind.CONFIG: Config,
    Kind.WELCOME: Welcome,
    Kind.ACK: Ack,
    Kind.STATE: State,
    Kind.ABOUT: About,
    Kind.HELLO: Hello,
    Kind.RECEIPT: Receipts,
    Kind.REQUEST: Request,
    Kind.TELEMETRY: Telemetry,
}
_PLAIN: Final = frozenset({Kind.STATE, Kind.ABOUT, Kind.HELLO, Kind.REQUEST, Kind.TELEMETRY})


@dataclass(frozen=True)
class Line:
    """One message.

    Attributes:
        at: when it came in.
        sender, receiver: a speaker's or a zone's name; "" is the station.
        what: the last words of its topic, or the `typ` of the envelope.
        signer: whose signature holds: root, station, emergency, a speaker's name, or a key id.
        detail: why it can't be read, or how many segments there are.
        copied: it is another topic's document again.
    """

    at: int
    sender: str
    receiver: str
    what: str
    proof: Proof
    size: int
    document: msgspec.Struct | None = None
    address: Address | None = None
    signer: str = ""
    detail: str = ""
    copied: bool = False


@dataclass
class Reader:
    """Reads messages one after the other and remembers what proves later ones.

    Args:
        known: public keys by the name they shall be shown under; ``root`` among them.
        speaker_key: the pinned key of a speaker as the wire writes it, or None.
    """

    topics: Topics
    known: Mapping[str, Ed25519PublicKey]
    speaker_key: Callable[[str], str | None]
    _trusted: dict[str, tuple[str, Ed25519PublicKey]] = field(default_factory=dict)
    _manifest_of: dict[str, str] = field(default_factory=dict)
    _manifests: dict[str, Manifest] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._trusted = {keys.key_id(key): (name, key) for name, key in self.known.items()}

    def read(self, message: Message) -> Line:
        """What a message is; rubbish is a line like any other."""
        try:
            address = self.topics.parse(message.topic)
        except RejectedError as error:
            return Line(
                message.at, "", message.topic[-60:], "", Proof.UNREADABLE, len(message.payload), detail=str(error)
            )
        up = "/up/" in message.topic
        sender, receiver = (address.speaker, "") if up else ("", address.speaker or address.zone)
        what = address.kind.value.removeprefix("loa-")
        line = Line(message.at, sender, receiver, what, Proof.UNSIGNED, len(message.payload), address=address)
        try:
            return self._judge(line, address, message)
        except RejectedError as error:
            return replace(line, proof=Proof.UNREADABLE, detail=str(error))

    def _judge(self, line: Line, address: Address, message: Message) -> Line:
        if not message.payload:
            return replace(line, proof=Proof.CLEARED)
        match address.kind:
            case Kind.MANIFEST:
                return self._manifest(line, address, message.payload)
            case Kind.SEGMENT:
                return self._segment(line, address, message.payload)
            case kind if kind in _PLAIN:
                return replace(line, document=strict_json.decode(message.payload, _DOCUMENTS[kind]))
            case _:
                return self._signed(line, message)

    def _manifest(self, line: Line, address: Address, payload: bytes) -> Line:
        manifest = strict_json.decode(payload, Manifest)
        wanted = self._manifest_of.get(address.clip)
        if wanted is None:
            return replace(line, document=manifest, proof=Proof.UNPROVEN)
        if wanted != clips.sha256(payload):
            return replace(line, document=manifest, proof=Proof.FORGED)
        self._manifests[address.clip] = manifest
        return replace(line, document=manifest, proof=Proof.HASHED)

    def _segment(self, line: Line, address: Address, payload: bytes) -> Line:
        manifest = self._manifests.get(address.clip)
        if manifest is None:
            return replace(line, proof=Proof.UNPROVEN)
        line = replace(line, detail=str(len(manifest.segments)))
        try:
            clips.check_segment(manifest, address.segment, payload)
        except RejectedError:
            return replace(line, proof=Proof.FORGED)
        return replace(line, proof=Proof.HASHED)

    def _signed(self, line: Line, message: Message) -> Line:
        read = envelope.parse(message.payload)
        topic = message.topic
        address = line.address
        if address and address.kind is Kind.COPY:
            topic = read.header.topic
            address = self.topics.parse(topic)
            line = replace(line, copied=True, address=address, what=address.kind.value.removeprefix("loa-"))
        if address is None or read.header.topic != topic or read.header.typ != address.kind.value:
            return replace(line, proof=Proof.FORGED, detail=f"{read.header.typ} {read.header.topic}")
        proof, signer = self._proof(address, read)
        line = replace(line, proof=proof, signer=signer)
        document = strict_json.decode(read.payload, _DOCUMENTS[address.kind])
        if line.proof is Proof.SIGNED:
            self._learn(document, line.signer)
        return replace(line, document=document)

    def _proof(self, address: Address, read: envelope.Envelope) -> tuple[Proof, str]:
        if address.kind is Kind.RECEIPT:
            pinned = self.speaker_key(address.speaker)
            known = (address.speaker, keys.public_key(pinned)) if pinned else None
        else:
            known = self._trusted.get(read.header.kid)
        if known is None:
            return Proof.UNKNOWN_KEY, read.header.kid
        try:
            envelope.verify(read, known[1])
        except RejectedError:
            return Proof.FORGED, read.header.kid
        root_alone = (address.kind is Kind.TRUST) == (known[0] == "root")
        return Proof.SIGNED if root_alone else Proof.FORGED, known[0]

    def _learn(self, document: msgspec.Struct, signer: str) -> None:
        if isinstance(document, Plan):
            self._manifest_of |= {item.clip: item.manifest for item in document.items}
        elif isinstance(document, Trust) and signer == "root":
            for key in document.keys:
                self._trusted.setdefault(key.kid, (key.kid, keys.public_key(key.key)))
            for kid in document.revoked:
                self._trusted.pop(kid, None)
