"""Why a message is not acted on. Counted by reason on both ends, reported, never played."""

from enum import StrEnum

from broadcaster.errors import LoaError


class Reason(StrEnum):
    """The verdicts of docs/protocol.md, section "Acceptance"."""

    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    DUPLICATE_MEMBER = "duplicate-member"
    UNKNOWN_TOPIC = "unknown-topic"
    WRONG_TYPE = "wrong-type"
    WRONG_TOPIC = "wrong-topic"
    NOT_MINE = "not-mine"
    EXPIRED = "expired"
    FUTURE_DATED = "future-dated"
    UNKNOWN_KEY = "unknown-key"
    REVOKED_KEY = "revoked-key"
    LOCKED_OUT = "locked-out"
    OUT_OF_SCOPE = "out-of-scope"
    BAD_SIGNATURE = "bad-signature"
    REPLAYED = "replayed"
    ROLLED_BACK = "rolled-back"
    UNKNOWN_CLIP = "unknown-clip"
    UNKNOWN_STREAM = "unknown-stream"
    WRONG_HASH = "wrong-hash"
    STALE_WELCOME = "stale-welcome"
    TOO_MANY = "too-many"


class RejectedError(LoaError):
    """A message from outside that must not be acted on."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason.value}: {detail}" if detail else reason.value)
        self.reason = reason
