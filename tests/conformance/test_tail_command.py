import signal
import subprocess
import sys
from pathlib import Path

import pytest

from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.settings import Settings
from broadcaster.transport import MqttTransport
from broadcaster.wire.broker_address import BrokerAddress
from tests.brokers import START_TIMEOUT_S
from web import commune
from web.initialise import initialise

COMMUNE = Path(__file__).parents[2] / "web" / "demo" / "commune.json"


@pytest.mark.whole
def test_tail_shows_what_passes_on_the_stations_own_broker_until_it_is_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOA_HOME", str(tmp_path / "home"))
    settings, file = Settings(home=str(tmp_path / "home")), commune.read(COMMUNE)
    initialise(settings, file, SystemClock())
    broker = EmbeddedBroker(settings.home_path / "broker", file.station, find_nats_server(""), Counters())
    broker.start()
    station = MqttTransport(BrokerAddress.parse(broker.url), "station-1", SystemClock(), Counters())
    station.start()
    try:
        assert station.wait_connected(START_TIMEOUT_S)
        topic = f"loa/1/{file.station}/speaker/loa-1/down/welcome"
        tail = subprocess.Popen(
            [sys.executable, "-m", "web.cli", "tail", "--speaker", "loa-1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert tail.stdout
        assert tail.stderr
        while b"broker connected" not in (said := tail.stderr.readline()):
            assert said
        station.publish(topic, b"rubbish")
        line = tail.stdout.readline().decode()
        tail.send_signal(signal.SIGINT)
        _, complaints = tail.communicate(timeout=20)
    finally:
        station.stop()
        broker.stop()
    assert "đài → loa-1" in line
    assert "đáp lời [KHÔNG ĐỌC ĐƯỢC]" in line
    assert tail.returncode == 0, complaints
    assert b"refused" not in complaints
