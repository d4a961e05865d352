r"""The signed envelope: ``JWS line`` LF ``payload bytes``.

The line is a compact JWS with detached, unencoded payload (RFC 7515 appendix F, RFC 7797) and Ed25519 (RFC 9864):
``base64url(header)..base64url(signature)``; what is signed is ``base64url(header) + "." + payload``. The payload stays
readable in any MQTT tool.
"""

import base64
import binascii
import re
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broadcaster.wire import strict_json
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.units import UnixMs

MAX_MESSAGE_BYTES: Final = 120_000
"""Below the embedded broker's max_payload of 128 KB."""
MAX_HEADER_BYTES: Final = 512
NEVER: Final = UnixMs(0)
"""The ``exp`` of a document that does not expire."""
_SIGNATURE_BYTES: Final = 64
_BASE64URL: Final = re.compile(rb"[A-Za-z0-9_-]+")

Moment = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""Unix milliseconds up to the year 9999."""


class Header(msgspec.Struct, frozen=True, omit_defaults=True):
    """The protected header. ``seq`` and ``exp`` are Unix milliseconds; ``exp`` 0 (absent) never expires."""

    alg: str
    b64: bool
    crit: tuple[str, ...]
    kid: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
    typ: str
    topic: Annotated[str, msgspec.Meta(max_length=200)]
    seq: Moment
    exp: Moment = 0


class Envelope(msgspec.Struct, frozen=True):
    """A message that has the right shape; nothing is known of its truth until `verify`."""

    header: Header
    payload: bytes
    signing_input: bytes
    signature: bytes


def _to_base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _from_base64url(text: bytes) -> bytes:
    """Decode canonical base64url without padding; anything else is malformed."""
    if not _BASE64URL.fullmatch(text):
        raise RejectedError(Reason.MALFORMED, "not base64url")
    try:
        data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    except binascii.Error as error:
        raise RejectedError(Reason.MALFORMED, "not base64url") from error
    if _to_base64url(data) != text:
        raise RejectedError(Reason.MALFORMED, "base64url with stray bits")
    return data


def sign(
    key: Ed25519PrivateKey, kid: str, *, typ: str, topic: str, seq: UnixMs, payload: bytes, exp: UnixMs = NEVER
) -> bytes:
    """The envelope of ``payload`` for ``topic``, as it goes over the wire."""
    header = Header("Ed25519", b64=False, crit=("b64",), kid=kid, typ=typ, topic=topic, seq=seq, exp=exp)
    protected = _to_base64url(strict_json.encode(header))
    signature = key.sign(protected + b"." + payload)
    return protected + b".." + _to_base64url(signature) + b"\n" + payload


def parse(message: bytes) -> Envelope:
    """Take a message apart with the cheap checks only: sizes, shape, header members.

    Errors: RejectedError (oversized, malformed, duplicate-member).
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise RejectedError(Reason.OVERSIZED, f"{len(message)} bytes")
    line, newline, payload = message.partition(b"\n")
    parts = line.split(b"..")
    if not newline or len(parts) != 2:  # noqa: PLR2004  protected header and signature
        raise RejectedError(Reason.MALFORMED, "no JWS line")
    protected, signature_text = parts
    if len(protected) > -(-MAX_HEADER_BYTES * 4 // 3):
        raise RejectedError(Reason.OVERSIZED, "header")
    header = strict_json.decode(_from_base64url(protected), Header)
    if header.alg != "Ed25519" or header.b64 or header.crit != ("b64",):
        raise RejectedError(Reason.MALFORMED, "alg, b64 or crit")
    signature = _from_base64url(signature_text)
    if len(signature) != _SIGNATURE_BYTES:
        raise RejectedError(Reason.MALFORMED, "signature length")
    return Envelope(header, payload, protected + b"." + payload, signature)


def verify(envelope: Envelope, key: Ed25519PublicKey) -> None:
    """Check the signature.

    Errors: RejectedError (bad-signature).
    """
    try:
        key.verify(envelope.signature, envelope.signing_input)
    except InvalidSignature as error:
        raise RejectedError(Reason.BAD_SIGNATURE, envelope.header.topic) from error
