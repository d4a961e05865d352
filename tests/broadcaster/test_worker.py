from queue import SimpleQueue

import pytest

from broadcaster.counters import Counters
from broadcaster.worker import Worker

pytestmark = pytest.mark.unit


def test_it_works_on_rests_until_it_is_woken_and_ends_after_the_work_under_way() -> None:
    rests, worked = SimpleQueue[float](), SimpleQueue[int]()

    def work() -> float:
        worked.put(1)
        return rests.get(timeout=10)

    worker = Worker("bench", Counters(), work, rest_s=3600)
    worker.start()
    for rest in (0, 3600):  # more to do; nothing to do
        worked.get(timeout=10)
        rests.put(rest)
    worker.wake()
    worked.get(timeout=10)
    rests.put(0)
    worked.get(timeout=10)
    rests.put(3600)
    worker.stop()
    assert not worker._thread.is_alive()


def test_work_that_fails_is_counted_and_tried_again_when_woken() -> None:
    counters, worked = Counters(), SimpleQueue[int]()

    def work() -> float:
        worked.put(1)
        raise RuntimeError("broken")

    worker = Worker("bench", counters, work, rest_s=3600)
    worker.start()
    worked.get(timeout=10)
    worker.wake()
    worked.get(timeout=10)
    worker.stop()
    assert counters.errors == {"bench": 2}
