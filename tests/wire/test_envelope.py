"""The signed envelope: what comes out is what went in, and nothing else gets through."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from broadcaster.wire import envelope
from broadcaster.wire.envelope import MAX_HEADER_BYTES, MAX_MESSAGE_BYTES
from broadcaster.wire.keys import SigningKey, key_id, public_key, public_text
from broadcaster.wire.rejection import Reason, RejectedError
from broadcaster.wire.units import UnixMs

pytestmark = pytest.mark.unit

KEY = SigningKey.from_bytes(bytes(range(32)))
OTHER = SigningKey.from_bytes(bytes(32))
TOPIC = "loa/1/st/zone/thon-1/plan/2026-11-21"
HEADER: dict[str, Any] = {
    "alg": "Ed25519",
    "b64": False,
    "crit": ["b64"],
    "kid": KEY.kid,
    "typ": "loa-plan",
    "topic": TOPIC,
    "seq": 1_795_237_200_000,
    "exp": 1_795_240_800_000,
}


def signed(payload: bytes, seq: int = 1, exp: int = 0) -> bytes:
    return envelope.sign(
        KEY.private, KEY.kid, typ="loa-plan", topic=TOPIC, seq=UnixMs(seq), payload=payload, exp=UnixMs(exp)
    )


def raw(header: bytes, payload: bytes = b"{}") -> bytes:
    """An envelope whose header is any bytes, rightly signed."""
    protected = base64.urlsafe_b64encode(header).rstrip(b"=")
    signature = KEY.private.sign(protected + b"." + payload)
    return protected + b".." + base64.urlsafe_b64encode(signature).rstrip(b"=") + b"\n" + payload


def with_header(**changes: Any) -> bytes:
    members = {name: value for name, value in {**HEADER, **changes}.items() if value is not ...}
    return raw(json.dumps(members).encode())


def reason_of(message: bytes) -> Reason:
    with pytest.raises(RejectedError) as caught:
        envelope.verify(envelope.parse(message), KEY.public)
    return caught.value.reason


@given(payload=st.binary(max_size=2_000), seq=st.integers(0, 253_402_300_799_999), exp=st.integers(0, 10**14))
def test_what_is_signed_is_what_is_read(payload: bytes, seq: int, exp: int) -> None:
    read = envelope.parse(signed(payload, seq, exp))
    envelope.verify(read, KEY.public)
    assert (read.payload, read.header.seq, read.header.exp, read.header.topic) == (payload, seq, exp, TOPIC)
    assert (read.header.kid, read.header.typ) == (KEY.kid, "loa-plan")


def test_the_same_key_and_content_give_the_same_bytes() -> None:
    assert signed(b"{}") == signed(b"{}")
    assert signed(b"{}").startswith(base64.urlsafe_b64encode(b'{"alg":"Ed25519","b64":false,"crit":["b64"],"kid'))


@given(payload=st.binary(max_size=500))
def test_an_independent_implementation_verifies_ours(payload: bytes) -> None:
    line, _, sent = signed(payload).partition(b"\n")
    key = OKPKey.import_key(
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": base64.urlsafe_b64encode(KEY.public.public_bytes_raw()).decode().rstrip("="),
        }
    )
    registry = jws.JWSRegistry(algorithms=["Ed25519", "EdDSA"], strict_check_header=False)
    read = jws.deserialize_compact(line, key, payload=sent, registry=registry)
    assert read.payload == payload


@pytest.mark.parametrize("at", ["header", "signature", "payload"])
def test_one_changed_letter_is_noticed(at: str) -> None:
    message = with_header()
    place = {"header": message.index(b".") - 40, "signature": message.index(b"..") + 9, "payload": len(message) - 1}[at]
    changed = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
    assert reason_of(changed) in {Reason.BAD_SIGNATURE, Reason.MALFORMED, Reason.DUPLICATE_MEMBER}


def test_another_key_is_not_this_key() -> None:
    with pytest.raises(RejectedError) as caught:
        envelope.verify(envelope.parse(signed(b"{}")), OTHER.public)
    assert caught.value.reason is Reason.BAD_SIGNATURE


def test_the_payload_may_hold_line_feeds_and_dots() -> None:
    read = envelope.parse(signed(b"a..b\nc\n"))
    envelope.verify(read, KEY.public)
    assert read.payload == b"a..b\nc\n"


def _line(change: Callable[[bytes, bytes], bytes]) -> bytes:
    line, _, payload = signed(b"{}").partition(b"\n")
    protected, signature = line.split(b"..")
    return change(protected, signature) + b"\n" + payload


BROKEN: dict[str, tuple[bytes, Reason]] = {
    "empty": (b"", Reason.MALFORMED),
    "no line feed": (signed(b"{}").replace(b"\n", b""), Reason.MALFORMED),
    "a payload where none belongs": (_line(lambda p, s: p + b".e30." + s), Reason.MALFORMED),
    "one dot": (_line(lambda p, s: p + b"." + s), Reason.MALFORMED),
    "three dots": (_line(lambda p, s: p + b"..." + s), Reason.MALFORMED),
    "no header": (_line(lambda p, s: b".." + s), Reason.MALFORMED),
    "no signature": (_line(lambda p, s: p + b".."), Reason.MALFORMED),
    "padding": (_line(lambda p, s: p + b".." + s + b"=="), Reason.MALFORMED),
    "standard base64": (_line(lambda p, s: p + b".." + b"+/" + s[2:]), Reason.MALFORMED),
    "a carriage return": (_line(lambda p, s: p + b".." + s + b"\r"), Reason.MALFORMED),
    "stray bits": (_line(lambda p, s: p + b".." + s[:-1] + bytes([s[-1] + 1])), Reason.MALFORMED),
    "an impossible length": (_line(lambda p, s: p + b".." + s[:-1]), Reason.MALFORMED),
    "a short signature": (_line(lambda p, s: p + b".." + s[:-2]), Reason.MALFORMED),
    "a long signature": (_line(lambda p, s: p + b".." + s + b"AA"), Reason.MALFORMED),
    "a header that is not JSON": (raw(b"header"), Reason.MALFORMED),
    "a header that is a list": (raw(b"[]"), Reason.MALFORMED),
    "a header that is not UTF-8": (raw(b'{"alg":"\xff"}'), Reason.MALFORMED),
    "a member twice": (raw(json.dumps(HEADER)[:-1].encode() + b',"seq":1}'), Reason.DUPLICATE_MEMBER),
    "a member twice by another spelling": (
        raw(json.dumps(HEADER)[:-1].encode() + b',"\\u0073eq":1}'),
        Reason.DUPLICATE_MEMBER,
    ),
    "no algorithm": (with_header(alg=...), Reason.MALFORMED),
    "alg none": (with_header(alg="none"), Reason.MALFORMED),
    "alg HS256": (with_header(alg="HS256"), Reason.MALFORMED),
    "the old name of the algorithm": (with_header(alg="EdDSA"), Reason.MALFORMED),
    "an encoded payload": (with_header(b64=True), Reason.MALFORMED),
    "b64 as a string": (with_header(b64="false"), Reason.MALFORMED),
    "b64 that is not critical": (with_header(crit=[]), Reason.MALFORMED),
    "no crit": (with_header(crit=...), Reason.MALFORMED),
    "an unknown critical member": (with_header(crit=["b64", "new"], new=1), Reason.MALFORMED),
    "a critical member twice": (with_header(crit=["b64", "b64"]), Reason.MALFORMED),
    "a key id of another shape": (with_header(kid="station"), Reason.MALFORMED),
    "a key id with a line feed": (with_header(kid=KEY.kid + "\n"), Reason.MALFORMED),
    "a number before 1970": (with_header(seq=-1), Reason.MALFORMED),
    "a number after the year 9999": (with_header(seq=253_402_300_800_000), Reason.MALFORMED),
    "a number with a point": (with_header(seq=1.5), Reason.MALFORMED),
    "a number as a string": (with_header(seq="1"), Reason.MALFORMED),
    "no number": (with_header(seq=...), Reason.MALFORMED),
    "not a number": (raw(json.dumps(HEADER)[:-1].encode() + b',"x":NaN}'), Reason.MALFORMED),
    "a long header": (with_header(topic="x" * 200, more="y" * 200), Reason.OVERSIZED),
    "a long topic": (with_header(topic="x" * 201), Reason.MALFORMED),
    "a long message": (signed(b"x" * MAX_MESSAGE_BYTES), Reason.OVERSIZED),
    "deep nesting": (raw(b'{"a":' + b"[" * 400), Reason.MALFORMED),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_envelope_is_refused_for_its_reason(name: str) -> None:
    message, reason = BROKEN[name]
    assert reason_of(message) is reason


def test_a_header_of_just_the_greatest_size_is_read() -> None:
    room = MAX_HEADER_BYTES - len(json.dumps({**HEADER, "more": ""}))
    read = envelope.parse(with_header(more="x" * room))
    envelope.verify(read, KEY.public)
    assert reason_of(with_header(more="x" * (room + 1))) is Reason.OVERSIZED


def test_unknown_members_are_ignored() -> None:
    envelope.verify(envelope.parse(with_header(new="later")), KEY.public)


@given(st.binary(max_size=300))
def test_bytes_from_anywhere_are_refused(message: bytes) -> None:
    with pytest.raises(RejectedError) as caught:
        envelope.parse(message)
    assert caught.value.reason in {Reason.MALFORMED, Reason.DUPLICATE_MEMBER, Reason.OVERSIZED}


def test_a_public_key_is_written_in_43_letters_and_read_again() -> None:
    text = public_text(KEY.public)
    assert len(text) == 43
    assert public_key(text) == KEY.public
    assert key_id(public_key(text)) == KEY.kid


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "đ" * 43, "A" * 86])
def test_what_is_no_public_key_is_malformed(text: str) -> None:
    with pytest.raises(RejectedError) as caught:
        public_key(text)
    assert caught.value.reason is Reason.MALFORMED
