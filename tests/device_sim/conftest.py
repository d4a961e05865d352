from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import Broker, mosquitto_broker, nats_broker
from tests.device_sim.bench import Bench

PASSWORD = "mật khẩu"

NATS_USERS = f"""
authorization {{ users = [
  {{ user: "s1", password: "{PASSWORD}", permissions: {{
      publish: ["loa.>"], subscribe: ["loa.1.st.zone", "loa.1.st.zone.>", "loa.1.st.speaker", "loa.1.st.speaker.>"] }} }}
] }}
"""


@pytest.fixture(scope="module")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A nats-server shared by a module; user s1 may publish below loa and subscribe to zones and speakers only."""
    with nats_broker(tmp_path_factory.mktemp("nats"), NATS_USERS) as broker:
        yield broker


@pytest.fixture(scope="module")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Mosquitto shared by a module; user s1 only."""
    with mosquitto_broker(tmp_path_factory.mktemp("mosquitto"), users={"s1": PASSWORD}) as broker:
        yield broker


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A speaker on the bench that has joined and has nothing to do."""
    bench = Bench(tmp_path)
    bench.station.trust(), bench.station.config()
    bench.join()
    return bench


@pytest.fixture(params=["nats", "mosquitto"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each of the two brokers in turn, not to be killed."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Broker)
    return found


@pytest.fixture(params=["nats", "mosquitto"])
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """Each of the two brokers in turn, this test's own: to be killed and restarted."""
    if request.param == "nats":
        with nats_broker(tmp_path, NATS_USERS) as broker:
            yield broker
    else:
        with mosquitto_broker(tmp_path, users={"s1": PASSWORD}) as broker:
            yield broker
