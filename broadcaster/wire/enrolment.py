"""Proving a speaker's own key with the claim code on its label.

The speaker makes its key itself; the 128-bit claim code, known to the label and the station only, vouches for it once.
"""

import hmac
from hashlib import sha256


def proof(claim_code: str, station: str, speaker: str, key: str) -> str:
    """HMAC-SHA256 over what is claimed, keyed by the claim code; 64 hexadecimal digits."""
    claimed = f"loa-speaker-key\n{station}\n{speaker}\n{key}"
    return hmac.new(claim_code.encode(), claimed.encode(), sha256).hexdigest()


def proves(given: str, claim_code: str, station: str, speaker: str, key: str) -> bool:
    """Whether ``given`` is the proof, compared in constant time."""
    return hmac.compare_digest(given, proof(claim_code, station, speaker, key))
