import asyncio
from pathlib import Path

import numpy as np
import pytest

from broadcaster.broker import find_nats_server
from broadcaster.conformance.check import Verdict
from broadcaster.conformance.runner import Simulated
from broadcaster.conformance.sounds import SHORT
from device_sim.hearing import find_clip
from device_sim.opus import decode_clip
from device_sim.timeline import Timeline, read_timeline


def heard(tmp_path: Path, bench: str, checks: set[str]) -> Timeline:
    """What the reference speaker put out while it passed these checks."""
    results = asyncio.run(Simulated(tmp_path, find_nats_server("")).run(checks))
    assert [one for one in results if one.verdict is not Verdict.PASSED] == []
    (wav,) = (tmp_path / bench / "wav").glob("*.wav")
    return read_timeline(wav)


@pytest.mark.whole
def test_what_the_kit_calls_played_is_heard_once(tmp_path: Path) -> None:
    timeline = heard(tmp_path, "airing", {"on-time"})
    tone = decode_clip(SHORT.data)
    found = find_clip(timeline, tone)
    assert found
    assert found.played_fraction > 0.9
    assert np.count_nonzero(np.abs(timeline.samples) > 100) <= len(tone)


@pytest.mark.whole
def test_what_the_kit_calls_refused_is_silence(tmp_path: Path) -> None:
    timeline = heard(tmp_path, "shape", {"unsigned-plan", "expired-plan", "another-topic"})
    assert not np.any(timeline.samples)
