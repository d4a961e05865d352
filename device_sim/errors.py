"""The errors a speaker raises on purpose: one root, a leaf per thing a caller can act on."""

from enum import StrEnum


class CloseReason(StrEnum):
    """Why an MQTT connection ended, or was never made."""

    DISCONNECTED = "disconnected by this client"
    ABORTED = "aborted by this client"
    CLOSED_BY_BROKER = "closed by the broker"
    CONNECTION_LOST = "connection lost"
    NO_PINGRESP = "no PINGRESP within the keepalive"
    MALFORMED_PACKET = "malformed packet"
    OVERSIZED_PACKET = "oversized packet"
    UNEXPECTED_PACKET = "unexpected packet"
    UNREACHABLE = "broker unreachable"
    TIMEOUT = "no CONNACK in time"
    NOT_CONNECTED = "not connected"
    QUEUE_FULL = "65535 packets wait for their answer"


class DeviceError(Exception):
    """Something a speaker noticed and can name."""


class TransportError(DeviceError):
    """There is no connection to the broker, or it ended before the answer came; worth another try."""

    def __init__(self, reason: CloseReason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason = reason


class ConnectRefusedError(DeviceError):
    """The broker answered CONNECT with a return code other than 0 (MQTT 3.1.1, table 3.1)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the broker refused CONNECT with return code {code}")
        self.code = code


class PacketError(DeviceError):
    """The bytes that came in are not an MQTT packet this client may receive."""

    def __init__(self, reason: CloseReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class ClipError(DeviceError):
    """The bytes are not a clip: one mono Ogg Opus stream."""


class TimelineError(DeviceError):
    """A WAV timeline cannot be made or read."""


class KitError(DeviceError):
    """A kit can't be read or names a broker that can't be used."""


class CardError(DeviceError):
    """The sound card, the relay or the button can't be used."""
