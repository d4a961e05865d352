"""Ed25519 keys as the wire names and writes them."""

import base64
import hashlib

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broadcaster.wire.rejection import Reason, RejectedError


def public_text(key: Ed25519PublicKey) -> str:
    """The 32 raw bytes of a public key as 43 letters of base64url."""
    return base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()


def public_key(text: str) -> Ed25519PublicKey:
    """Read what `public_text` wrote.

    Errors: RejectedError (malformed).
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(text + "="))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise RejectedError(Reason.MALFORMED, "public key") from error


def key_id(key: Ed25519PublicKey) -> str:
    """The name of a key in a header's ``kid``: the first 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


class SigningKey:
    """A private key together with its name."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        self.public = private.public_key()
        self.kid = key_id(self.public)

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, raw: bytes) -> "SigningKey":
        """The key of 32 private bytes. Errors: ValueError."""
        return cls(Ed25519PrivateKey.from_private_bytes(raw))
