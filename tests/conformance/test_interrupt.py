import asyncio
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from broadcaster.broker import EmbeddedBroker, find_nats_server
from broadcaster.conformance.link import OwnBroker
from tests.brokers import STOP_TIMEOUT_S


@pytest.mark.whole
def test_an_interrupted_run_leaves_no_process_and_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    kit = subprocess.Popen([sys.executable, "-m", "web.cli", "conform"], stderr=subprocess.PIPE)
    assert kit.stderr
    while "✓" not in (said := kit.stderr.readline().decode()):
        assert said
    running = of_this_test(tmp_path)
    kit.send_signal(signal.SIGINT)
    kit.communicate(timeout=3 * STOP_TIMEOUT_S)
    assert running
    assert kit.returncode == 130
    assert of_this_test(tmp_path) == []
    assert list(tmp_path.glob("loa-conform-*")) == []


def test_a_run_that_is_interrupted_while_a_broker_starts_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting, go_on = threading.Event(), threading.Event()

    def slowly(_: EmbeddedBroker) -> None:
        starting.set()
        go_on.wait(10)

    async def interrupted() -> None:
        broker = OwnBroker(tmp_path / "broker", "thu-nghiem", "loa-thu", find_nats_server(""))
        coming_up = asyncio.create_task(broker.up())
        await asyncio.to_thread(starting.wait, 10)
        coming_up.cancel()
        await broker.down()
        go_on.set()

    monkeypatch.setattr(EmbeddedBroker, "_end_orphan", slowly)
    asyncio.run(interrupted())
    assert of_this_test(tmp_path) == []


def of_this_test(folder: Path) -> list[str]:
    """The command lines of processes that work in a folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has just ended
            continue
        if str(folder) in command:
            found.append(command)
    return found
