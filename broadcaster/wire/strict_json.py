"""JSON as the protocol allows it: UTF-8, one object, no member twice, of the declared type."""

import json
from typing import Any, Final, TypeVar

import msgspec

from broadcaster.wire.rejection import Reason, RejectedError

T = TypeVar("T")


def _no_duplicates(members: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(members)
    if len(read) != len(members):
        raise RejectedError(Reason.DUPLICATE_MEMBER)
    return read


def _no_constant(name: str) -> None:
    raise RejectedError(Reason.MALFORMED, f"{name} is not JSON")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def decode(data: bytes, kind: type[T]) -> T:
    """Read ``data`` as a JSON text of type ``kind``.

    Errors: RejectedError (malformed, duplicate-member).
    """
    try:
        members = _DECODER.decode(data.decode())
        if b"\\u" in data:  # an escaped half of a surrogate pair is a letter that nobody could write down again
            json.dumps(members, ensure_ascii=False).encode()
        return msgspec.convert(members, kind)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise RejectedError(Reason.MALFORMED, str(error)) from error


def encode(document: msgspec.Struct) -> bytes:
    """The compact JSON bytes of a document, members in declared order."""
    return msgspec.json.encode(document)
