"""An uploaded sound, from a phone's file to the recording of a speaker."""

from io import BytesIO
from pathlib import Path

import pytest

from device_sim.hearing import find_clip
from device_sim.timeline import read_timeline
from tests.tts.sound_files import made
from tests.web.conftest import Browser
from tests.whole.town import Town, live, wait_until
from tts.decoding import decode_file
from tts.encoding import RATE
from tts.pcm import to_int16
from tts.trimming import Part, trimmed
from web.initialise import FIRST_ACCOUNT

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180), pytest.mark.xdist_group("town")]


def test_the_chosen_part_of_an_uploaded_file_is_in_the_recording_of_a_speaker_twice(tmp_path: Path) -> None:
    file = tmp_path / "phone.m4a"
    file.write_bytes(made("Ghi âm mới 12.m4a", 6))
    town = Town.make(tmp_path / "town", 1)
    with live(town) as running:
        wait_until(lambda: town.ready() == 1)
        officer = Browser(running.pages._app.test_client())
        assert officer.sign_in(FIRST_ACCOUNT, town.password).status_code == 303
        brought = officer.post("/sounds", {"file": (BytesIO(file.read_bytes()), file.name)})
        assert brought.status_code == 200
        part = {"sound": (brought.json or {})["sound"], "sound_from": "1", "sound_to": "4"}
        sent = officer.write(text="", kind="now", places=["an-binh"], repeats="2", **part)
        assert sent.status_code == 303
        wait_until(lambda: town.finished(1) == 1)
        broadcast = town.broadcast()
        running.stop_fleet()
        heard = town.heard(broadcast, "loa-001")
    assert heard is not None
    assert heard.played_fraction > 0.99
    assert heard.error_ms == pytest.approx(0, abs=20)
    source = to_int16(trimmed(decode_file(file), Part(1_000, 4_000), RATE))
    (recording,) = (town.home / "wav").glob("loa-001_*.wav")
    timeline = read_timeline(recording)
    first = find_clip(timeline, source)
    assert first is not None
    assert first.played_fraction > 0.95
    begins = round((first.start_ms - timeline.epoch_ms) * RATE / 1000)
    rest = timeline._replace(samples=timeline.samples[begins + len(source) :])
    earlier = timeline._replace(samples=timeline.samples[:begins])
    again = find_clip(rest, source) or find_clip(earlier, source)
    assert again is not None
    assert again.played_fraction > 0.95, "repeated"
