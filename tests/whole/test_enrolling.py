"""A new speaker on a running station: kit, claim, confirmation, another place, another board, retirement."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from broadcaster.rows import DeliveryState, Published, Speaker
from device_sim.fleet import Fleet, wav_cards
from device_sim.kit import Kit
from tests.whole.town import LiveTown, Town, live, wait_until
from web import cli

pytestmark = pytest.mark.whole


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveTown]:
    town = Town.make(tmp_path / "home", 1)
    monkeypatch.setenv("LOA_HOME", str(town.home))
    monkeypatch.setenv("LOA_LOG_LEVEL", "WARNING")
    with live(town) as made:
        wait_until(lambda: town.ready() == 1)
        yield made


@contextmanager
def box(home: Path, kit: Path) -> Iterator[Fleet]:
    """A new box that is switched on."""
    fleet = Fleet([Kit.read(kit)], home / "state", wav_cards(home / "wav"))
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        await fleet.run()

    thread = threading.Thread(target=asyncio.run, args=(run(),), name="box")
    thread.start()
    try:
        yield fleet
    finally:
        wait_until(lambda: loops)
        loops[0].call_soon_threadsafe(fleet.stop)
        thread.join(30)


def test_a_new_box_claims_waits_is_confirmed_plays_moves_and_is_retired_without_a_restart(
    running: LiveTown, tmp_path: Path
) -> None:
    town, name, out = running.town, "loa-moi", tmp_path / "kits"

    def row() -> Speaker:
        with town.database.read() as session:
            return session.get_one(Speaker, name)

    def config() -> dict[str, object] | None:
        with town.database.read() as session:
            published = session.get(Published, f"loa/1/an-binh/speaker/{name}/down/config")
            return json.loads(published.envelope.partition(b"\n")[2]) if published else None

    assert cli.main(["speaker", "kit", name, "--place", "thon-dong", "--out", str(out)]) == 0
    with box(tmp_path / "box", out / f"{name}.json") as fleet:
        wait_until(lambda: row().public_key)  # its credential works, and it has proved its claim code
        assert row().pending_since
        first = running.air(speakers=1)
        assert town.states(first.id) == {DeliveryState.FINISHED: 1}
        assert config() is None
        assert fleet.speakers[0].machine.beliefs.config is None

        assert cli.main(["speaker", "confirm", name]) == 0
        wait_until(lambda: fleet.speakers[0].machine.beliefs.config)
        second = running.air(speakers=2)
        assert town.states(second.id) == {DeliveryState.FINISHED: 2}

        assert cli.main(["speaker", "move", name, "--place", "thon-doai"]) == 0
        wait_until(lambda: "thon-doai" in fleet.speakers[0].machine.beliefs.config.zones)  # type: ignore[union-attr]
        running.air("thon-doai", speakers=1)

        assert cli.main(["speaker", "retire", name]) == 0
        wait_until(lambda: not fleet.speakers[0]._client.connected)
        wait_until(lambda: config() is None)
    assert cli.main(["speaker", "kit", name, "--place", "thon-dong", "--out", str(out)]) == 1


def test_the_old_board_is_refused_once_another_has_been_made_for_its_place(running: LiveTown, tmp_path: Path) -> None:
    town, name = running.town, "loa-moi"
    for folder, verb in (("old", ["kit", name, "--place", "thon-dong"]), ("new", ["replace", name])):
        assert cli.main(["speaker", *verb, "--out", str(tmp_path / folder)]) == 0
        with town.database.read() as session:
            assert session.get_one(Speaker, name).public_key is None
        with box(tmp_path / f"box-{folder}", tmp_path / folder / f"{name}.json"):

            def key() -> str | None:
                with town.database.read() as session:
                    return session.get_one(Speaker, name).public_key

            wait_until(key)
            assert cli.main(["speaker", "confirm", name]) == 0
    with town.database.read() as session:
        genuine = session.get_one(Speaker, name).public_key
    with box(tmp_path / "box-old", tmp_path / "old" / f"{name}.json") as fleet:
        wait_until(lambda: fleet.speakers)
        running.air(speakers=1)
        assert not fleet.speakers[0]._client.connected
    with town.database.read() as session:
        assert session.get_one(Speaker, name).public_key == genuine
