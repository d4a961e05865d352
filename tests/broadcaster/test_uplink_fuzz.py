"""Whatever speakers and strangers send, the station takes it in or counts it, and the next good message is answered."""

import random
from datetime import timedelta

import pytest
from limits import RateLimitItemPerSecond
from sqlalchemy import select

from broadcaster import uplink as module
from broadcaster.core import Core
from broadcaster.rows import Speaker
from broadcaster.transport import Message
from broadcaster.uplink import Uplink
from broadcaster.wire import strict_json
from broadcaster.wire.documents import Hello, Receipts, Request, SpeakerState, State, Telemetry
from broadcaster.wire.units import UnixMs
from tests.broadcaster.test_uplink import Repairs
from tests.broadcaster.town import TOPICS, FakeTransport
from tests.clocks import FixedClock


def test_any_bytes_below_up_cost_nobody_the_next_answer(
    core: Core, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PER_SPEAKER", RateLimitItemPerSecond(10_000))
    line, dice = FakeTransport(), random.Random(3)
    uplink = Uplink(core, Repairs())  # type: ignore[arg-type]
    uplink.answer_over(line)
    with core.database.read() as session:
        speaker = session.scalars(select(Speaker.id)).first()
    assert speaker is not None
    good = {
        "hello": Hello(boot="b", nonce="n", t1=1, have={TOPICS.trust("a"): 1}),
        "state": State(state=SpeakerState.READY, boot="b", connection=1, since=1),
        "telemetry": Telemetry(at=1, boot="b", offset_ms=0, error_ms=0, clips=0, waiting_receipts=0, have="0" * 16),
        "request": Request(clip="0" * 64, missing=((0, 3),)),
        "receipt": Receipts(receipts=()),
        "about": Receipts(receipts=()),
    }
    for _ in range(400):
        what = dice.choice([*good, "nothing"])
        payload = bytearray(strict_json.encode(good.get(what, good["hello"])))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(payload))
            payload[at : at + dice.randint(0, 9)] = dice.randbytes(dice.randint(0, 9))
            payload = payload or bytearray(b"{")
        clock.advance(timedelta(seconds=1))
        uplink.take([Message(TOPICS.up(speaker, what), bytes(payload), at=UnixMs(core.clock.now_ms()))])
    before = len(line.sent)
    uplink.take(
        [Message(TOPICS.up(speaker, "hello"), strict_json.encode(good["hello"]), at=UnixMs(core.clock.now_ms()))]
    )
    assert len(line.sent) > before
