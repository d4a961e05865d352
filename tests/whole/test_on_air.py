"""From a form to every horn, on the real embedded broker; and what an enemy with the broker's password can't do."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from paho.mqtt import publish as paho_publish
from sqlalchemy import select

from broadcaster.rows import Broadcast, Published
from broadcaster.wire import clips, envelope, strict_json
from broadcaster.wire.documents import Manifest, Plan
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind, Topics
from broadcaster.wire.units import UnixMs
from tests.whole.town import LiveTown, Town, kit_of, live, wait_until

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("town")]

SPEAKERS = 6
TOPICS = Topics("an-binh")


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveTown]:
    made = Town.make(tmp_path_factory.mktemp("town"), SPEAKERS)
    with live(made) as running:
        wait_until(lambda: made.ready() == SPEAKERS)
        yield running


def publish_as_thief(town: LiveTown, topic: str, payload: bytes, *, retain: bool = True) -> None:
    """Somebody has stolen the station's own broker password."""
    assert town.station.broker is not None
    address = urlsplit(town.station.broker.url)
    paho_publish.single(
        topic,
        payload,
        qos=1,
        retain=retain,
        hostname="127.0.0.1",
        port=address.port or 0,
        auth={"username": address.username or "", "password": address.password or ""},
    )


def test_a_bulletin_reaches_the_villages_it_is_for_and_no_other(town: LiveTown) -> None:
    broadcast = town.air("thon-dong", "thon-doai", speakers=3)
    with town.town.database.read() as session:
        deliveries = session.get_one(Broadcast, broadcast.id).deliveries
        assert {delivery.speaker_id for delivery in deliveries} == {"loa-001", "loa-002", "loa-003"}
    assert town.town.sounding_ms("loa-004") == 0


def test_segments_that_mosquitto_sub_receives_are_an_ogg_opus_file_with_the_hash_of_the_manifest(
    town: LiveTown, tmp_path: Path
) -> None:
    address = urlsplit(kit_of(town.town, "loa-001")["brokers"][0])
    command = ["mosquitto_sub", "-V", "311", "-h", "127.0.0.1", "-p", str(address.port), "-u", address.username or ""]
    command += ["-P", address.password or "", "-t", f"{TOPICS.base}/zone/#", "-F", "%t %x", "-W", "90"]
    received = tmp_path / "received"
    with received.open("wb") as output, subprocess.Popen(command, stdout=output) as listening:
        time.sleep(1)  # mosquitto_sub does not say when it has subscribed
        text = "Đoạn âm thanh này đi qua mạng lần đầu tiên, xin bà con chú ý lắng nghe. " * 4
        sha256 = town.air("thon-trung", speakers=2, text=text).clip_sha256
        listening.terminate()
    lines = [line.split(" ") for line in received.read_text("ascii").splitlines()]
    assert sha256 is not None
    messages = [(topic, bytes.fromhex(payload)) for topic, payload in lines if f"/clip/{sha256}/" in topic]
    manifest = strict_json.decode(messages[0][1], Manifest)
    assert [topic for topic, _ in messages] == [
        TOPICS.manifest("thon-trung", sha256),
        *(TOPICS.segment("thon-trung", sha256, number) for number in range(len(manifest.segments))),
    ]
    assert len(manifest.segments) > 1
    file = tmp_path / "clip.opus"
    file.write_bytes(b"".join(payload for _, payload in messages[1:]))
    assert clips.sha256(file.read_bytes()) == manifest.clip == sha256
    checked = subprocess.run(["opusinfo", str(file)], capture_output=True, text=True, check=True)
    assert "WARNING" not in checked.stdout + checked.stderr


def test_a_repeat_of_a_known_clip_costs_no_segment_bytes(town: LiveTown) -> None:
    text = "Bản tin này được phát hai lần."
    first = town.air("thon-thuong", speakers=1, text=text)
    sent = town.station._distributor.sent_bytes
    assert town.air("thon-thuong", speakers=1, text=text).clip_sha256 == first.clip_sha256
    assert town.station._distributor.sent_bytes == sent


def test_a_plan_of_a_stranger_or_an_altered_one_plays_nothing_and_is_overruled(town: LiveTown) -> None:
    with town.town.database.read() as session:
        row = session.scalars(select(Published).where(Published.typ == Kind.PLAN.value)).first()
        assert row is not None
        topic, genuine, seq = row.topic, row.envelope, row.seq
    read = envelope.parse(genuine)
    plan = strict_json.decode(read.payload, Plan)
    now = town.station.core.clock.now_ms()
    stolen = [
        {**item, "id": f"gia-{number}", "start_at": now + 2_000, "late_ms": 60_000}
        for number, item in enumerate(json.loads(read.payload)["items"])
    ]
    assert stolen
    payload = json.dumps({"zone": plan.zone, "date": plan.date, "items": stolen}).encode()
    stranger = SigningKey.generate()
    forged = envelope.sign(
        stranger.private, stranger.kid, typ=Kind.PLAN.value, topic=topic, seq=UnixMs(now), payload=payload
    )
    before = {name: town.town.sounding_ms(name) for name in ("loa-001", "loa-004")}
    for message in (forged, genuine.partition(b"\n")[0] + b"\n" + payload, payload, genuine + b" "):
        publish_as_thief(town, topic, message)
    wait_until(lambda: town.station.health().rejected.get("tampered", 0) >= 1)
    time.sleep(5)  # long enough for a sound that was planned for 2 s from then
    assert {name: town.town.sounding_ms(name) for name in before} == before
    refused = sum(
        (speaker.machine.rejected for speaker in town.fleet.speakers),
        start=type(town.fleet.speakers[0].machine.rejected)(),
    )
    reasons = ("unknown-key", "bad-signature", "replayed", "malformed")  # the altered one has a number that was used
    assert sum(refused[reason] for reason in reasons) >= 3
    with town.town.database.read() as session:
        assert session.get_one(Published, topic).seq == seq


def test_the_same_plan_delivered_again_plays_once(town: LiveTown) -> None:
    schedule = town.air("thon-dong", speakers=2, text="Bản tin chỉ được nghe một lần.").schedule_id
    with town.town.database.read() as session:
        plans = list(session.scalars(select(Published).where(Published.typ == Kind.PLAN.value)))
    sounded = town.town.sounding_ms("loa-001")
    for row in plans:
        publish_as_thief(town, row.topic, row.envelope)
    time.sleep(3)
    assert town.town.sounding_ms("loa-001") == sounded
    assert town.town.finished(schedule) == 2


def test_malformed_and_oversized_messages_are_counted_and_stop_nobody(town: LiveTown) -> None:
    address = urlsplit(kit_of(town.town, "loa-001")["brokers"][0])
    hostile = [b"", b"{", b"\x00" * 1000, b'{"a":1,"a":2}', b"[" * 5000, b"x" * 125_000]
    for payload in hostile:
        for what in ("state", "about", "hello", "receipt", "request", "telemetry"):
            paho_publish.single(
                TOPICS.up("loa-001", what),
                payload,
                hostname="127.0.0.1",
                port=address.port or 0,
                auth={"username": address.username or "", "password": address.password or ""},
            )
    for payload in hostile[1:]:
        publish_as_thief(town, TOPICS.command("thon-dong"), payload, retain=False)
    wait_until(lambda: town.station.health().rejected.get("malformed", 0) > 10)
    assert town.station.health().rejected["oversized"] >= 1
    assert not town.station.health().errors
    town.air("thon-dong", speakers=2, text="Sau khi bị quấy phá, loa vẫn phát.")
