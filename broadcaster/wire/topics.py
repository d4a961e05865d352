"""The topics of version 1 and what each one carries.

A topic is ``loa/1/{station}/`` + one of the paths below. Level names are ``[a-z0-9-]{1,40}``; dates are ISO.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from broadcaster.wire.rejection import Reason, RejectedError

ROOT: Final = "loa/1"
LEVEL: Final = re.compile(r"[a-z0-9-]{1,40}")
_NAME: Final = r"[a-z0-9-]{1,40}"


class Kind(StrEnum):
    """What a topic carries; the value is the ``typ`` of its envelope, where it is an envelope."""

    TRUST = "loa-trust"
    PLAN = "loa-plan"
    ALERT = "loa-alert"
    LIVE_OPEN = "loa-open"
    LIVE = "loa-live"
    COMMAND = "loa-command"
    MANIFEST = "loa-manifest"
    SEGMENT = "loa-segment"
    CONFIG = "loa-config"
    FIRMWARE = "loa-firmware"
    WELCOME = "loa-welcome"
    COPY = "loa-copy"
    ACK = "loa-ack"
    STATE = "loa-state"
    ABOUT = "loa-about"
    HELLO = "loa-hello"
    RECEIPT = "loa-receipt"
    REQUEST = "loa-request"
    TELEMETRY = "loa-telemetry"


@dataclass(frozen=True)
class Address:
    """One topic, taken apart. Fields that the topic does not have are empty."""

    kind: Kind
    zone: str = ""
    speaker: str = ""
    date: str = ""
    clip: str = ""
    alert: str = ""
    stream: str = ""
    segment: int = -1


_CLIP: Final = r"clip/(?P<clip>[0-9a-f]{64})"
_SEGMENT: Final = r"(?P<segment>0|[1-9][0-9]{0,5})"
_ZONE: Final = rf"zone/(?P<zone>{_NAME})"
_SPEAKER: Final = rf"speaker/(?P<speaker>{_NAME})"
_DATE: Final = r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"

_PATHS: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = tuple(
    (re.compile(path), kind)
    for path, kind in (
        (rf"{_ZONE}/{_CLIP}/{_SEGMENT}", Kind.SEGMENT),
        (rf"{_ZONE}/{_CLIP}/m", Kind.MANIFEST),
        (rf"{_ZONE}/plan/{_DATE}", Kind.PLAN),
        (rf"{_ZONE}/trust", Kind.TRUST),
        (rf"{_ZONE}/alert/(?P<alert>{_NAME})", Kind.ALERT),
        (rf"{_ZONE}/live/(?P<stream>{_NAME})/open", Kind.LIVE_OPEN),
        (rf"{_ZONE}/live/(?P<stream>{_NAME})/{_SEGMENT}", Kind.LIVE),
        (rf"{_ZONE}/command", Kind.COMMAND),
        (rf"{_SPEAKER}/down/{_CLIP}/{_SEGMENT}", Kind.SEGMENT),
        (rf"{_SPEAKER}/down/{_CLIP}/m", Kind.MANIFEST),
        (rf"{_SPEAKER}/down/command", Kind.COMMAND),
        (rf"{_SPEAKER}/down/config", Kind.CONFIG),
        (rf"{_SPEAKER}/down/firmware", Kind.FIRMWARE),
        (rf"{_SPEAKER}/down/welcome", Kind.WELCOME),
        (rf"{_SPEAKER}/down/copy", Kind.COPY),
        (rf"{_SPEAKER}/down/ack", Kind.ACK),
        (rf"{_SPEAKER}/up/state", Kind.STATE),
        (rf"{_SPEAKER}/up/about", Kind.ABOUT),
        (rf"{_SPEAKER}/up/hello", Kind.HELLO),
        (rf"{_SPEAKER}/up/receipt", Kind.RECEIPT),
        (rf"{_SPEAKER}/up/request", Kind.REQUEST),
        (rf"{_SPEAKER}/up/telemetry", Kind.TELEMETRY),
    )
)


class Topics:
    """The topics of one station."""

    def __init__(self, station: str) -> None:
        if not LEVEL.fullmatch(station):
            raise ValueError(f"a station's name on the wire is [a-z0-9-]{{1,40}}, not {station!r}")
        self.base = f"{ROOT}/{station}"

    def parse(self, topic: str) -> Address:
        """Take a topic apart.

        Errors: RejectedError (unknown-topic), also for another station's.
        """
        prefix = self.base + "/"
        if topic.startswith(prefix):
            path = topic[len(prefix) :]
            for pattern, kind in _PATHS:
                if found := pattern.fullmatch(path):
                    parts: dict[str, str] = found.groupdict()
                    segment = int(parts.pop("segment", "-1"))
                    return Address(kind, segment=segment, **parts)
        raise RejectedError(Reason.UNKNOWN_TOPIC, topic[:120])

    def trust(self, zone: str) -> str:
        """Retained, signed by the root key: the keys of this station."""
        return f"{self.base}/zone/{zone}/trust"

    def plan(self, zone: str, date: str) -> str:
        """Retained, signed: what the zone airs on that local day (ISO date)."""
        return f"{self.base}/zone/{zone}/plan/{date}"

    def alert(self, zone: str, alert: str) -> str:
        """Retained, signed, until it expires: an alert, and its end."""
        return f"{self.base}/zone/{zone}/alert/{alert}"

    def live_open(self, zone: str, stream: str) -> str:
        """Signed, said every 2 s: a live stream is on."""
        return f"{self.base}/zone/{zone}/live/{stream}/open"

    def live(self, zone: str, stream: str, number: int) -> str:
        """Signed: segment ``number`` (from 0) of a live stream."""
        return f"{self.base}/zone/{zone}/live/{stream}/{number}"

    def command(self, zone: str) -> str:
        """Signed, never retained: do this now."""
        return f"{self.base}/zone/{zone}/command"

    def manifest(self, zone: str, clip: str) -> str:
        """The hashes of a clip's segments; proves itself by its own hash in the plan."""
        return f"{self.base}/zone/{zone}/clip/{clip}/m"

    def segment(self, zone: str, clip: str, number: int) -> str:
        """Segment ``number`` (from 0) of a clip."""
        return f"{self.base}/zone/{zone}/clip/{clip}/{number}"

    def zone_filter(self, zone: str) -> str:
        """Everything said to one zone."""
        return f"{self.base}/zone/{zone}/#"

    def down(self, speaker: str, what: str) -> str:
        """A message to one speaker: config, welcome, copy, ack, command, ``clip/{sha256}/{n or m}``."""
        return f"{self.base}/speaker/{speaker}/down/{what}"

    def up(self, speaker: str, what: str) -> str:
        """A message from one speaker: state, about, hello, receipt, request, telemetry."""
        return f"{self.base}/speaker/{speaker}/up/{what}"
