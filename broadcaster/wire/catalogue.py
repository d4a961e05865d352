"""Every topic of version 1 in one table: who says it to whom, how, and with what payload.

JSON Schemas, docs/asyncapi.yaml and the tests of docs/protocol.md are made from it.
"""

from dataclasses import dataclass
from typing import Final

from broadcaster.wire import documents, urgent
from broadcaster.wire.documents import Document
from broadcaster.wire.topics import Kind


@dataclass(frozen=True)
class Entry:
    """One topic below ``loa/1/{station}/``.

    Attributes:
        down: from the station to speakers, else from a speaker to the station.
        signed: the payload travels in an envelope.
        document: the type of the payload, None where it is not JSON.
    """

    kind: Kind
    paths: tuple[str, ...]
    document: type[Document] | None
    down: bool
    signed: bool
    retained: bool = False
    qos: int = 1

    @property
    def name(self) -> str:
        """As schemas and channels are called."""
        return self.document.__name__ if self.document else self.kind.value.removeprefix("loa-").capitalize()


_ZONE: Final = "zone/{zone}"
_DOWN: Final = "speaker/{speaker}/down"
_UP: Final = "speaker/{speaker}/up"

CATALOGUE: Final = (
    Entry(Kind.TRUST, (f"{_ZONE}/trust",), documents.Trust, down=True, signed=True, retained=True),
    Entry(Kind.PLAN, (f"{_ZONE}/plan/{{date}}",), documents.Plan, down=True, signed=True, retained=True),
    Entry(Kind.ALERT, (f"{_ZONE}/alert/{{alert}}",), urgent.Alert, down=True, signed=True, retained=True),
    Entry(Kind.COMMAND, (f"{_ZONE}/command", f"{_DOWN}/command"), documents.Command, down=True, signed=True),
    Entry(Kind.LIVE_OPEN, (f"{_ZONE}/live/{{stream}}/open",), urgent.LiveOpen, down=True, signed=True, qos=0),
    Entry(Kind.LIVE, (f"{_ZONE}/live/{{stream}}/{{n}}",), None, down=True, signed=True, qos=0),
    Entry(
        Kind.MANIFEST,
        (f"{_ZONE}/clip/{{sha256}}/m", f"{_DOWN}/clip/{{sha256}}/m"),
        documents.Manifest,
        down=True,
        signed=False,
        qos=0,
    ),
    Entry(
        Kind.SEGMENT,
        (f"{_ZONE}/clip/{{sha256}}/{{n}}", f"{_DOWN}/clip/{{sha256}}/{{n}}"),
        None,
        down=True,
        signed=False,
        qos=0,
    ),
    Entry(Kind.CONFIG, (f"{_DOWN}/config",), documents.Config, down=True, signed=True, retained=True),
    Entry(Kind.FIRMWARE, (f"{_DOWN}/firmware",), urgent.Firmware, down=True, signed=True, retained=True),
    Entry(Kind.WELCOME, (f"{_DOWN}/welcome",), documents.Welcome, down=True, signed=True),
    Entry(Kind.COPY, (f"{_DOWN}/copy",), None, down=True, signed=True),
    Entry(Kind.ACK, (f"{_DOWN}/ack",), documents.Ack, down=True, signed=True, qos=0),
    Entry(Kind.STATE, (f"{_UP}/state",), documents.State, down=False, signed=False, retained=True),
    Entry(Kind.ABOUT, (f"{_UP}/about",), documents.About, down=False, signed=False, retained=True),
    Entry(Kind.HELLO, (f"{_UP}/hello",), documents.Hello, down=False, signed=False, qos=0),
    Entry(Kind.RECEIPT, (f"{_UP}/receipt",), documents.Receipts, down=False, signed=True),
    Entry(Kind.REQUEST, (f"{_UP}/request",), documents.Request, down=False, signed=False),
    Entry(Kind.TELEMETRY, (f"{_UP}/telemetry",), documents.Telemetry, down=False, signed=False, qos=0),
)
