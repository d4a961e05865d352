"""What the members of documents are made of: names, hashes, lengths, with their limits."""

from enum import StrEnum
from typing import Annotated

import msgspec

# In Python ``$`` also matches before a last line feed, which JSON Schema's does not: hence ``(?!\n)``.

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,40}$(?!\n)")]
Hash = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
KeyId = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
PublicKey = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{43}$(?!\n)")]
Duration = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
Volume = Annotated[int, msgspec.Meta(ge=0, le=100)]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)")]
Text = Annotated[str, msgspec.Meta(max_length=300)]
SegmentNumber = Annotated[int, msgspec.Meta(ge=0, le=999_999)]
Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)")]


class SpeakerRole(StrEnum):
    """What stands behind a speaker's sound card."""

    SPEAKER = "speaker"
    GATEWAY = "gateway"
    """FM or wired horns, which it feeds and can't hear: what it has finished was sent, and nobody knows who heard it."""


class Class(StrEnum):
    """The three classes of Circular 39/2020/TT-BTTTT; a key's scopes use the same words."""

    ROUTINE = "routine"
    PRIORITY = "priority"
    EMERGENCY = "emergency"


class Fault(StrEnum):
    """What is wrong with a speaker, as telemetry says it."""

    PLAYED_SILENT = "played-silent"
    SOUND_WHILE_IDLE = "sound-while-idle"
    STORE_FULL = "store-full"
    SELF_TEST = "self-test"
    RECEIPTS_DROPPED = "receipts-dropped"
    SAFE_MODE = "safe-mode"
