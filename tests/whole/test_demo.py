"""The README's first command does what it says."""

import json
import subprocess
from pathlib import Path

import pytest
from demo import free_port

from device_sim.timeline import read_timeline

PROJECT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
@pytest.mark.alone
def test_the_demo_airs_a_bulletin_that_every_speaker_it_is_for_and_no_other_hears_whole() -> None:
    ran = subprocess.run(
        ["script/demo", "--once", "--port", str(free_port(0))], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert len(lines) == 1
    told = json.loads(lines[0])
    assert told["speakers"] == told["finished"] == told["heard_whole"] == len(told["wav"]) > 0
    assert told["heard_by_others"] == []
    assert told["worst_start_error_ms"] < 20
    assert told["clip_seconds"] > 10
    recording = read_timeline(PROJECT / told["wav"][0])
    assert abs(recording.samples).max() > 1_000
