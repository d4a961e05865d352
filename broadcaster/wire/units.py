"""Units and names that both ends of the wire share."""

from typing import Final, NewType

UnixMs = NewType("UnixMs", int)
"""A moment: milliseconds since 1970-01-01T00:00:00Z, by the wall clock named beside it."""

DurationMs = NewType("DurationMs", int)
"""A length of time in milliseconds."""

Percent = NewType("Percent", int)
"""A volume from 0 (silent) to 100 (full)."""

Sha256 = NewType("Sha256", str)
"""The SHA-256 of some bytes as 64 lower-case hexadecimal digits."""

SECOND: Final = 1_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
