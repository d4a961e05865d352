import asyncio
import json
from pathlib import Path

import pytest

from broadcaster.conformance.check import Verdict
from broadcaster.conformance.hands import ByHand
from broadcaster.conformance.link import GivenBroker
from broadcaster.conformance.subjects import ChildSpeaker, HandSpeaker
from tests.brokers import mosquitto_broker


class Person:
    """Does with the reference speaker what is asked, and remembers it."""

    def __init__(self, folder: Path, kit: Path) -> None:
        self.box, self._kit = ChildSpeaker(folder), kit
        self.did: list[str] = []

    async def ask(self, what: str) -> bool:
        self.did.append(what)
        if what == "off":
            await self.box.off()
        else:
            await self.box.on(json.loads(self._kit.read_bytes()))
        return True


@pytest.mark.whole
def test_one_speaker_on_somebody_elses_broker_is_checked_bench_after_bench_by_a_person(tmp_path: Path) -> None:
    kit = tmp_path / "kit.json"
    person = Person(tmp_path / "box", kit)
    wanted = {"says-hello", "on-time", "will-says-lost", "plays-alone", "follows-the-welcome"}

    async def checked(url: str) -> dict[str, Verdict]:
        hand = ByHand(HandSpeaker(kit, person.ask), GivenBroker(url, url), "thu-nghiem", "loa-that")
        try:
            return {one.check.name: one.verdict for one in await hand.run(wanted)}
        finally:
            await person.box.off()

    with mosquitto_broker(tmp_path) as broker:
        found = asyncio.run(checked(f"mqtt://a:b@127.0.0.1:{broker.port}"))
    assert found == {
        "says-hello": Verdict.PASSED,
        "on-time": Verdict.PASSED,
        "will-says-lost": Verdict.PASSED,
        "plays-alone": Verdict.NOT_CHECKED,  # the kit may not end a broker that it did not start
        "follows-the-welcome": Verdict.NOT_CHECKED,  # nobody can set a box's clock wrong from here
    }
    assert person.did == ["kit", "off", "on"]
