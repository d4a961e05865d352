import threading

import pytest

from broadcaster.turns import Turns
from tests.broadcaster.test_transport import wait_until

pytestmark = pytest.mark.unit


def test_of_those_who_wait_the_urgent_one_is_next_and_the_others_keep_their_order() -> None:
    turns, order = Turns(), list[str]()

    def go(name: str, *, urgent: bool) -> None:
        with turns.turn(urgent=urgent, patience_s=10):
            order.append(name)

    threads = []
    with turns.turn(urgent=False, patience_s=10):
        for number, (name, urgent) in enumerate((("first", False), ("second", False), ("alert", True)), 1):
            threads.append(threading.Thread(target=go, args=(name,), kwargs={"urgent": urgent}))
            threads[-1].start()
            wait_until(lambda number=number: len(turns._waiting) == number)  # type: ignore[misc]
    for thread in threads:
        thread.join(10)
    assert order == ["alert", "first", "second"]


def test_a_turn_that_does_not_come_is_not_waited_for_and_takes_nothing_from_others() -> None:
    turns = Turns()
    with turns.turn(urgent=False, patience_s=0):
        with turns.turn(urgent=True, patience_s=0.01):
            pass
        assert turns._taken
    with turns.turn(urgent=False, patience_s=0):
        assert turns._waiting == []
