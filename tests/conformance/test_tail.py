import queue
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from broadcaster.clock import SystemClock
from broadcaster.conformance.papers import Papers, trusted
from broadcaster.conformance.sounds import SHORT
from broadcaster.counters import Counters
from broadcaster.tail import Line, Proof, Reader
from broadcaster.transport import Message, MqttTransport
from broadcaster.wire import keys
from broadcaster.wire.broker_address import BrokerAddress
from broadcaster.wire.documents import Class, Event, Receipt, Receipts, Trust
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import UnixMs
from tests.brokers import Broker, nats_broker
from web.cli_tail import Printer, filters
from web.say import speaker_of

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = UnixMs(1_795_298_400_123)  # 2026-11-22 05:00:00.123 in Hà Nội
VI, EN = speaker_of("vi"), speaker_of("en")


@pytest.fixture
def papers() -> Papers:
    return Papers("an-binh", "loa-3")


@pytest.fixture
def own() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def reader(papers: Papers, own: SigningKey) -> Reader:
    known = {"root": papers.root.public, "station": papers.key.public, "emergency": papers.emergency.public}
    return Reader(papers.topics, known, {"loa-3": keys.public_text(own.public)}.get)


def message(topic: str, payload: bytes) -> Message:
    return Message(topic, payload, NOW)


def receipt_of(papers: Papers, key: SigningKey) -> Message:
    topic = papers.topics.up("loa-3", "receipt")
    one = Receipt(id="a-1", broadcast="tin-sang", event=Event.STARTED, at=NOW, position_ms=1_500)
    return message(topic, papers.sign(Kind.RECEIPT, topic, Receipts(receipts=(one,)), key=key))


def plan_of(papers: Papers, key: SigningKey | None = None) -> Message:
    topic, plan = papers.plan_of("thon-dong", papers.item(SHORT, NOW + 60_000))
    return message(topic, papers.sign(Kind.PLAN, topic, plan, key=key))


def said(line: Line, *, colours: bool = False) -> str:
    return Printer(VI, HANOI, colours=colours).line(line)


def test_a_plan_is_told_with_its_way_its_signer_and_its_length(papers: Papers, reader: Reader) -> None:
    text = said(reader.read(plan_of(papers)))
    assert text.startswith("05:00:00.123 đài → thon-dong")
    assert "lịch [đúng chữ ký khóa đài] ngày 2026-11-22: 1 mục" in text


def test_the_same_line_is_there_in_english(papers: Papers, reader: Reader) -> None:
    text = Printer(EN, HANOI, colours=False).line(reader.read(plan_of(papers)))
    assert "station → thon-dong" in text
    assert "plan [signed by station key] 2026-11-22: 1 items" in text


def test_a_receipt_is_checked_with_the_speakers_pinned_key(papers: Papers, reader: Reader, own: SigningKey) -> None:
    text = said(reader.read(receipt_of(papers, own)))
    assert "loa-3 → đài" in text
    assert "phản hồi [đúng chữ ký loa-3] tin-sang bắt đầu 05:00:00, từ giây 1.5" in text
    assert reader.read(receipt_of(papers, papers.key)).proof is Proof.FORGED


def test_strangers_and_forgers_are_told_apart(papers: Papers, reader: Reader) -> None:
    stranger, impostor = SigningKey.generate(), SigningKey.generate()
    impostor.kid = papers.key.kid
    assert reader.read(plan_of(papers, key=stranger)).proof is Proof.UNKNOWN_KEY
    assert reader.read(plan_of(papers, key=impostor)).proof is Proof.FORGED


def test_only_the_root_signs_trust_and_the_root_signs_nothing_else(papers: Papers, reader: Reader) -> None:
    topic = papers.topics.trust("xa")
    trust = Trust(keys=(trusted(papers.key, Class.ROUTINE),))
    assert reader.read(message(topic, papers.sign(Kind.TRUST, topic, trust))).proof is Proof.SIGNED
    by_station = papers.sign(Kind.TRUST, topic, trust, key=papers.key)
    assert reader.read(message(topic, by_station)).proof is Proof.FORGED
    assert reader.read(plan_of(papers, key=papers.root)).proof is Proof.FORGED


def test_a_key_that_the_root_names_is_known_from_then_on_and_a_revoked_one_no_longer(
    papers: Papers, reader: Reader
) -> None:
    province, topic = SigningKey.generate(), papers.topics.trust("xa")
    named = Trust(keys=(trusted(province, Class.EMERGENCY),))
    reader.read(message(topic, papers.sign(Kind.TRUST, topic, named)))
    assert reader.read(plan_of(papers, key=province)).signer == province.kid
    reader.read(message(topic, papers.sign(Kind.TRUST, topic, Trust(keys=(), revoked=(province.kid,)))))
    assert reader.read(plan_of(papers, key=province)).proof is Proof.UNKNOWN_KEY


def test_segments_are_proven_by_the_manifest_and_that_by_the_plan(papers: Papers, reader: Reader) -> None:
    manifest = message(papers.topics.manifest("thon-dong", SHORT.clip), SHORT.manifest)
    segment = message(papers.topics.segment("thon-dong", SHORT.clip, 1), SHORT.segments[1])
    assert reader.read(manifest).proof is Proof.UNPROVEN
    reader.read(plan_of(papers))
    assert reader.read(manifest).proof is Proof.HASHED
    assert f"đoạn 2/{len(SHORT.segments)}" in said(reader.read(segment))
    assert reader.read(message(segment.topic, b"OggS poison")).proof is Proof.FORGED


def test_a_copy_is_shown_as_what_it_copies(papers: Papers, reader: Reader) -> None:
    copy = message(papers.topics.down("loa-3", "copy"), plan_of(papers).payload)
    assert "đài → loa-3" in said(reader.read(copy))
    assert "lịch (bản sao) [đúng chữ ký khóa đài]" in said(reader.read(copy))


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("loa/1/an-binh/zone/thon-dong/plan/2026-11-22", b"\xff\xfe{"),
        ("loa/1/an-binh/speaker/loa-3/down/copy", b"rubbish\n{}"),
        ("loa/1/an-binh/speaker/loa-3/up/telemetry", b"[1]"),
        ("loa/1/an-binh/speaker/loa-3/up/about", b'{"model":1,"model":2}'),
        ("loa/1/an-binh/zone/thon-dong/nonsense/\x1b[2J", b""),
        ("elsewhere", b"x" * 200_000),
    ],
)
def test_rubbish_is_a_line_like_any_other_and_cannot_steer_the_terminal(
    reader: Reader, topic: str, payload: bytes
) -> None:
    line = reader.read(message(topic, payload))
    assert line.proof is Proof.UNREADABLE
    assert said(line).isprintable()


def test_colours_are_for_terminals_only(papers: Papers, reader: Reader) -> None:
    line = reader.read(plan_of(papers))
    assert "\x1b[32m" in said(line, colours=True)
    assert "\x1b" not in said(line)


def test_one_zone_or_one_speaker_can_be_picked(papers: Papers) -> None:
    base = "loa/1/an-binh"
    every = [f"{base}/zone/+/#", f"{base}/speaker/+/up/#", f"{base}/speaker/+/down/#"]
    assert filters(papers.topics, None, None) == every
    assert filters(papers.topics, "xa", None) == [f"{base}/zone/xa/#"]
    assert filters(papers.topics, None, "loa-3") == [f"{base}/speaker/loa-3/up/#", f"{base}/speaker/loa-3/down/#"]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with nats_broker(tmp_path) as broker:
        yield broker


def test_live_traffic_of_a_real_broker_is_read(broker: Broker, papers: Papers, reader: Reader) -> None:
    inbox: queue.Queue[Message] = queue.Queue()

    def take(batch: list[Message]) -> None:
        for one in batch:
            inbox.put(one)

    address = BrokerAddress.parse(f"mqtt://a:b@127.0.0.1:{broker.port}")
    tail = MqttTransport(
        address, "tail-1", SystemClock(), Counters(), subscriptions=filters(papers.topics, None, None), on_batch=take
    )
    tail.start()
    station = MqttTransport(address, "station-1", SystemClock(), Counters())
    station.start()
    try:
        assert tail.wait_connected(10)
        assert station.wait_connected(10)
        plan = plan_of(papers)
        station.publish(plan.topic, plan.payload, retain=True)
        station.publish(papers.topics.up("loa-3", "telemetry"), b"rubbish")
        station.publish(papers.topics.down("loa-3", "copy"), plan.payload)
        proofs = [reader.read(inbox.get(timeout=10)).proof for _ in range(3)]
    finally:
        station.stop()
        tail.stop()
    assert sorted(proofs) == [Proof.SIGNED, Proof.SIGNED, Proof.UNREADABLE]
