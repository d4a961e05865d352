import signal
import subprocess
import sys
from pathlib import Path

import pytest

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
