"""An alert from an HTTP request to the first sample on every speaker: python -m benchmarks.alert [--speakers N] [--json].

A real request with a token → rows → Mosquitto (or the embedded broker) → N connected speakers in one other process (see
`benchmarks.alert_fleet`: their own connections, identical bytes verified once). Then every speaker sends signed receipts, and
the station is asked over HTTP how many it counts as heard. Beside it stands the broker alone: the same bytes, retained at QoS 1
as well, published by a bare client to the same speakers, in the same run after each alert. Both begin when everything is planned
and the station has nothing left to read. Each figure is the median of the rounds; moments are counted from before the request is
sent, or from before the bare client publishes. `silent_…` is the other way: from the request that ends the alert until each speaker knows.
"""

import argparse
import asyncio
import http.client
import json
import queue
import resource
import secrets
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import func, select

from benchmarks.join import make_town
from benchmarks.svg import cumulative_plot
from benchmarks.tables import percentile, print_line
from broadcaster import alert_templates, standing, tokens
from broadcaster.alerting import By
from broadcaster.clock import SystemClock
from broadcaster.rows import Alert, Distribution, Place, Published, Speaker, StandingSound
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from device_sim.mqtt import Connect, MqttClient
from tests.brokers import HOST, mosquitto_broker
from tests.whole.town import Town, wait_until
from web.serve import PageServer, be_prompt
from web.station import RunningStation

COMMUNE: Final = "an-binh"
TEMPLATE: Final = "bao"
BUDGET_MS: Final = 1_000.0
"""Until the last speaker sounds."""
PATIENCE_S: Final = 120.0
_QUIET_S: Final = 2.0


@dataclass
class Round:
    """One alert: seconds from before its request was sent."""

    had: list[float]
    handed: float
    sounded: float
    silent: list[float]
    bare: list[float]
    heard: int
    size: int


@dataclass
class Bench:
    """A station, its pages, and the speakers' process."""

    station: RunningStation
    port: int
    token: str
    fleet: "subprocess.Popen[str]"
    told: "queue.Queue[dict[str, Any]]" = field(default_factory=queue.Queue)
    published: dict[str, tuple[float, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        line = self.station._fast
        publish = line.publish

        def noted(topic: str, payload: bytes, **more: Any) -> bool:
            done = publish(topic, payload, **more)
            self.published.setdefault(topic, (time.monotonic(), payload))
            return done

        line.publish = noted  # type: ignore[method-assign]

    def _listen(self) -> None:
        for line in self.fleet.stdout or ():
            self.told.put(json.loads(line))

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """One request of a program with a token, on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, json.dumps(body), headers | {"Idempotency-Key": secrets.token_hex(8)})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def raise_one(self) -> Round:
        """Raise an alert, wait until it is heard, end it, and send the same bytes without a station."""
        self.rest()
        before, wall = time.monotonic(), SystemClock().now_ms()
        status, alert = self.ask("POST", "/api/v1/alerts", {"template": TEMPLATE, "places": [COMMUNE]})
        if status != http.client.CREATED:
            raise RuntimeError(f"{status} {alert}")
        topic = self.station.core.topics.alert(COMMUNE, alert["alert"])
        had = [moment - before for moment in self.had(topic)]
        handed, payload = self.published[topic]
        start = msgspec.json.decode(payload.partition(b"\n")[2])["start_at"] - wall
        heard = self.heard(alert["alert"], len(had))
        silent = self.end(alert["alert"], topic)
        bare = self.bare(topic.replace("kc-", "bare-"), payload)
        return Round(sorted(had), handed - before, max(*had, start / 1000), silent, bare, heard, len(payload))

    def end(self, alert: str, topic: str) -> list[float]:
        """End an alert; seconds until each speaker knows. What is said afterwards is ended as well."""
        self.rest()
        before = time.monotonic()
        status, answer = self.ask("POST", f"/api/v1/alerts/{alert}/end")
        if status != http.client.OK:
            raise RuntimeError(f"{status} {answer}")
        silent = [moment - before for moment in self.had(topic, ended=True)]
        with self.station.core.database.read() as session:
            words = session.scalars(select(Alert.id).where(Alert.follows_id == alert)).one()
        self.station.end_alert(words, By(), words=False, at_once=True)
        self.had(self.station.core.topics.alert(COMMUNE, words), ended=True)
        self.rest()
        return sorted(silent)

    def had(self, topic: str, *, ended: bool = False) -> list[float]:
        """When each speaker had an alert, or its end."""
        while True:
            told = self.told.get(timeout=PATIENCE_S)
            if (told["topic"], told["ended"]) == (topic, ended):
                moments: list[float] = told["had"]
                return moments

    def rest(self) -> None:
        """Wait until the station has read what speakers had to say, and has had nothing to read for a while."""
        since = time.monotonic()
        deadline = since + PATIENCE_S
        while time.monotonic() < min(since + _QUIET_S, deadline):
            if self.station._prompt.backlog:
                since = time.monotonic()
            time.sleep(0.1)

    def heard(self, alert: str, speakers: int) -> int:
        """How many speakers the station counts, once their receipts are in."""
        deadline, count = time.monotonic() + PATIENCE_S, -1
        while count < speakers and time.monotonic() < deadline:
            time.sleep(1 + speakers / 2_000)  # each answer looks at every speaker
            counted = self.ask("GET", f"/api/v1/alerts/{alert}")[1]["speakers"]
            count = counted["heard"] + counted["sounding"]
        return count

    def bare(self, topic: str, payload: bytes) -> list[float]:
        """Seconds until each speaker has the same bytes from a bare client."""
        address = self.station._prompt._address
        sent: list[float] = []

        async def publish() -> None:
            client = MqttClient(lambda _: None, lambda _: None)
            given = Connect(secrets.token_hex(6), address.username, address.password)
            await client.connect(address.host, address.port, given)
            sent.append(time.monotonic())
            await client.publish(topic, payload, 1, retain=True)
            await client.publish(topic, b"", 1, retain=True)
            await client.disconnect()

        asyncio.run(publish())
        return sorted(moment - sent[0] for moment in self.had(topic))


def ready_sounds(town: Town, station: RunningStation) -> None:
    """Siren and ready sentences of the template are made and count as sent: the clips are not what is measured."""
    said = {
        *alert_templates.template(TEMPLATE).standing("Xã An Bình"),
        *map(standing.siren_text, alert_templates.sirens("ngan").values()),
    }
    with town.database.write() as session:
        standing.follow(session, "ngan")
        session.flush()
        commune = session.scalars(select(Place).where(Place.code == COMMUNE)).one()
        texts = session.scalars(select(StandingSound.text).where(StandingSound.place_id == commune.id)).all()
        commune_id = commune.id
    for text in said.intersection(texts):
        station._alert_speech._make_standing(text)
    with town.database.write() as session:
        for sound in session.scalars(select(StandingSound).where(StandingSound.place_id == commune_id)):
            if sound.clip_sha256:
                now = station.core.clock.now()
                session.merge(Distribution(clip_sha256=sound.clip_sha256, zone=COMMUNE, sent_at=now))


def confirmed(town: Town) -> int:
    """How many configs the broker has."""
    with town.database.read() as session:
        query = select(func.count()).select_from(Published)
        done = query.where(Published.typ == Kind.CONFIG.value, Published.confirmed_seq == Published.seq)
        return session.scalar(done) or 0


@dataclass
class Running:
    """A station and its pages, all of it planned; ``token`` may raise alerts."""

    town: Town
    station: RunningStation
    port: int
    token: str
    secret: SigningKey
    """Of every speaker."""


@contextmanager
def running(folder: Path, speakers: int, kind: str) -> Iterator[Running]:
    """A station on an ordinary day, for the time of the block."""
    with ExitStack() as stack:
        changes: dict[str, object] = {"keep_sounds": False}
        if kind == "mosquitto":
            broker = stack.enter_context(mosquitto_broker(folder, "set_tcp_nodelay true"))
            changes |= {
                "broker_url": f"mqtt://station:x@{HOST}:{broker.port}",
                "speaker_brokers": f"mqtt://{HOST}:{broker.port}",
            }
        town = make_town(folder, speakers, **changes)
        station = RunningStation(town.settings)
        pages = PageServer(station, lan=False)
        station.start()
        stack.callback(station.stop)
        pages.start()
        stack.callback(pages.stop)
        ready_sounds(town, station)
        secret = SigningKey.generate()
        with town.database.write() as session:
            token = tokens.make(session, station.core.clock.now(), "benchmark", tokens.SCOPES)
            for speaker in session.scalars(select(Speaker)):
                speaker.public_key = keys.public_text(secret.public)
        wait_until(lambda: station._prompt.connected and station._fast.connected)
        wait_until(lambda: confirmed(town) >= speakers, 600)  # every config is out: what is measured is an ordinary day
        yield Running(town, station, pages.port, token, secret)


@contextmanager
def bench(folder: Path, speakers: int, kind: str) -> Iterator[Bench]:
    """A station and its connected speakers, for the time of the block."""
    with running(folder, speakers, kind) as made, ExitStack() as stack:
        emergency = keys.public_text(made.station.core.keyring.emergency.public)
        raw = made.secret.private.private_bytes_raw().hex()
        kits = str(made.town.initialised.kits)
        command = [sys.executable, "-m", "benchmarks.alert_fleet", kits, emergency, raw]
        fleet = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(fleet.wait, 30)
        stack.callback(fleet.terminate)
        ready = Bench(made.station, made.port, made.token, fleet)
        if ready.told.get(timeout=PATIENCE_S)["connected"] != speakers:
            raise RuntimeError("not everybody could connect")
        be_prompt()  # as `loa serve` does
        yield ready


def measure(speakers: int, rounds: int, kind: str) -> tuple[Mapping[str, object], Sequence[Round]]:
    """The figures, and every round."""
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder), speakers, kind) as made:
        all_rounds = [made.raise_one() for _ in range(rounds)]

    def middle(values: Sequence[float]) -> float:
        return round(statistics.median(values) * 1000, 1)

    return {
        "speakers": speakers,
        "heard": min(one.heard for one in all_rounds),
        "armed_p50_ms": middle([percentile(one.had, 50) for one in all_rounds]),
        "armed_p99_ms": middle([percentile(one.had, 99) for one in all_rounds]),
        "armed_all_ms": middle([one.had[-1] for one in all_rounds]),
        "all_ms": middle([one.sounded for one in all_rounds]),
        "bare_all_ms": middle([one.bare[-1] for one in all_rounds]),
        "ratio": round(statistics.median(one.had[-1] / one.bare[-1] for one in all_rounds), 2),
        "silent_p50_ms": middle([percentile(one.silent, 50) for one in all_rounds]),
        "silent_all_ms": middle([one.silent[-1] for one in all_rounds]),
        "handed_p50_ms": middle([one.handed for one in all_rounds]),
        "handed_max_ms": round(max(one.handed for one in all_rounds) * 1000, 1),
        "document_bytes": all_rounds[-1].size,
        "rounds": rounds,
        "broker": kind,
    }, all_rounds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speakers", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--broker", choices=["mosquitto", "embedded"], default="mosquitto")
    parser.add_argument("--json", action="store_true", help="one JSON line")
    parser.add_argument("--plot", type=Path, help="an SVG of when speakers had the alert")
    arguments = parser.parse_args()
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # a connection is a file, here and in the broker
    figures, rounds = measure(arguments.speakers, arguments.rounds, arguments.broker)
    print_line(figures, as_json=arguments.json)
    if arguments.plot:
        curves = {
            "armed, from the request": sorted(moment * 1000 for one in rounds for moment in one.had),
            "the broker alone": sorted(moment * 1000 for one in rounds for moment in one.bare),
        }
        title = f"An alert to {arguments.speakers} speakers over {arguments.broker}: milliseconds"
        arguments.plot.write_text(cumulative_plot(title, curves, BUDGET_MS, most=1_200, of="for all to sound"), "utf-8")


if __name__ == "__main__":
    main()
