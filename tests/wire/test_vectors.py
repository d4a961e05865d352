"""The vectors that we hand to others: our own speaker agrees with them, and so does an independent JOSE library."""

import base64
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from joserfc import jws
from joserfc.errors import BadSignatureError
from joserfc.jwk import OKPKey

from broadcaster.wire import keys
from broadcaster.wire.documents import Config, PlanItem
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.rejection import Reason
from device_sim import arbiter
from device_sim.journal import Journal
from device_sim.machine import Identity, Memory, SpeakerMachine

pytestmark = pytest.mark.unit

HOURS = json.loads((Path(__file__).parents[2] / "docs" / "vectors" / "hours.json").read_text("utf-8"))["vectors"]
FILE = json.loads((Path(__file__).parents[2] / "docs" / "vectors" / "acceptance.json").read_text("utf-8"))
VECTORS: list[dict[str, Any]] = FILE["vectors"]
NAMES = [vector["name"] for vector in VECTORS]
BROKEN = {"oversized", "malformed", "duplicate-member", "unknown-topic"}


def speaker() -> SpeakerMachine:
    identity = Identity(
        station=FILE["station"],
        speaker=FILE["speaker"],
        root=keys.public_key(FILE["keys"]["root"]["public"]),
        claim_code="",
        key=SigningKey.generate(),
        boot="boot",
        boot_count=1,
    )
    return SpeakerMachine(identity, Memory(Journal("j")), synchronised=True)


@pytest.mark.parametrize("vector", VECTORS, ids=NAMES)
def test_our_speaker_reaches_the_verdict(vector: dict[str, Any]) -> None:
    machine = speaker()
    for sent in vector["before"]:
        machine.receive(sent["topic"], base64.b64decode(sent["message"]), FILE["now"])
    assert machine.rejected == {}
    machine.receive(vector["topic"], base64.b64decode(vector["message"]), FILE["now"])
    assert machine.rejected == ({} if vector["verdict"] == "accepted" else {vector["verdict"]: 1})


@pytest.mark.parametrize("vector", [v for v in VECTORS if v["verdict"] not in BROKEN], ids=lambda v: v["name"])
def test_an_independent_library_agrees_about_the_signature(vector: dict[str, Any]) -> None:
    line, _, payload = base64.b64decode(vector["message"]).partition(b"\n")
    header = json.loads(base64.urlsafe_b64decode(line.partition(b"..")[0] + b"=="))
    public = {key["kid"]: key["public"] for key in FILE["keys"].values()}
    if header["kid"] not in public:
        public[header["kid"]] = keys.public_text(SigningKey.from_bytes(bytes([6] * 32)).public)
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public[header["kid"]]})
    registry = jws.JWSRegistry(algorithms=["Ed25519"], strict_check_header=False)
    try:
        jws.deserialize_compact(line, key, payload=payload, registry=registry)
        holds = True
    except BadSignatureError:
        holds = False
    assert holds is (vector["verdict"] != "bad-signature")


def test_every_reason_about_a_signed_document_has_a_vector() -> None:
    of_clips = {Reason.UNKNOWN_CLIP, Reason.WRONG_HASH, Reason.TOO_MANY}
    assert {vector["verdict"] for vector in VECTORS} - {"accepted"} == {
        reason.value for reason in set(Reason) - of_clips
    }


@pytest.mark.parametrize("vector", HOURS, ids=lambda vector: vector["name"])
def test_our_speaker_keeps_the_hours_alike(vector: dict[str, Any]) -> None:
    config = msgspec.convert(vector["config"], Config)
    item = msgspec.convert(
        {
            "id": "b1",
            "clip": "0" * 64,
            "manifest": "0" * 64,
            "bytes": 1,
            "late_ms": 0,
            "sent_by": 0,
            **vector["item"],
        },
        PlanItem,
    )
    assert (arbiter.obstacle(item, config, item.start_at, cached=True, begun=False) or "plays") == vector["verdict"]
