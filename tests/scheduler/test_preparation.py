from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, select

from broadcaster.clips import ClipStore
from broadcaster.core import Core
from broadcaster.rows import Broadcast, Bulletin, Clip, Delivery, Sound
from broadcaster.sounds import SoundStore
from broadcaster.wire import clips, strict_json
from scheduler.preparation import Preparation
from tests.broadcaster import town
from tests.clocks import FixedClock
from tts import assembly
from tts.encoding import decode
from tts.engine import EngineUnavailableError
from tts.flac import to_flac
from tts.loudness import integrated_lufs
from tts.pcm import Pcm
from tts.speech import Speech
from tts.voice import Voice


@dataclass
class Humming:
    """An engine that hums, unless it is told to fail."""

    name: str = "humming"
    version: str = "1"
    down: bool = False
    spoken: list[str] = field(default_factory=list)

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        if self.down:
            raise EngineUnavailableError(self.name, "out of breath")
        self.spoken.append(sentence)
        time = np.arange(11_025) / 22_050
        pitch = 200 + 7 * (len(sentence) % 50)
        return Pcm((8_000 * np.sin(2 * np.pi * pitch * time)).astype(np.int16), 22_050)

    def close(self) -> None:
        pass


@dataclass
class Studio:
    core: Core
    clock: FixedClock
    engine: Humming
    store: ClipStore
    preparation: Preparation
    ready: list[int]
    seconds: list[float]

    def broadcast(self, text: str, hours: float = 1, *, sent: bool = False) -> int:
        """A bulletin that airs in some hours; returns its id."""
        with self.core.database.write() as session:
            made = town.broadcast(session, self.clock, starts_in=timedelta(hours=hours))
            made.clip = made.bulletin.clip = None
            made.bulletin.spoken = text
            made.sent_at = self.clock.now() if sent else None
            return made.bulletin_id

    def bulletin(self, number: int) -> Bulletin:
        with self.core.database.read() as session:
            found = session.get_one(Bulletin, number)
            assert found.clip is None or found.clip.bytes
            return found


@pytest.fixture
def studio(core: Core, clock: FixedClock, tmp_path: Path) -> Iterator[Studio]:
    engine, ready, seconds = Humming(), [], [0.0]
    store = ClipStore(tmp_path / "clips")
    speech = Speech(tmp_path / "speech", engine)
    preparation = Preparation(
        core.database,
        speech,
        store,
        clock,
        lambda: ready.append(1),
        sounds=SoundStore(tmp_path / "sounds"),
        monotonic=lambda: seconds[0],
    )
    yield Studio(core, clock, engine, store, preparation, ready, seconds)
    speech.close()


def test_a_bulletin_gets_its_clip_and_whoever_waits_is_told(studio: Studio) -> None:
    number = studio.broadcast("Mời bà con họp.")
    studio.preparation.prepare_all()
    bulletin = studio.bulletin(number)
    assert bulletin.clip
    opus = studio.store.opus(bulletin.clip.sha256)
    manifest = strict_json.encode(clips.describe(opus)[0])
    assert (bulletin.clip.bytes, bulletin.clip.manifest_sha256) == (len(opus), clips.sha256(manifest))
    assert bulletin.clip.duration_ms > 400
    assert studio.store.mp3_path(bulletin.clip.sha256).exists()
    assert studio.ready == [1]


def test_the_nearest_air_time_goes_first(studio: Studio) -> None:
    for hours, text in ((3, "ba."), (1, "một."), (2, "hai.")):
        studio.broadcast(text, hours)
    studio.preparation.prepare_all()
    assert studio.engine.spoken == ["một.", "hai.", "ba."]


def test_when_the_engine_fails_the_reason_is_kept_and_it_is_tried_again(studio: Studio) -> None:
    number = studio.broadcast("Mời bà con họp.")
    studio.engine.down = True
    studio.preparation.prepare_all()
    assert "out of breath" in (studio.bulletin(number).speech_error or "")
    studio.engine.down = False
    studio.preparation.prepare_all()
    assert studio.bulletin(number).clip is None, "not at once"
    studio.seconds[0] += 10
    studio.preparation.prepare_all()
    assert studio.bulletin(number).clip
    assert studio.bulletin(number).speech_error is None


def test_a_bulletin_that_can_not_be_spoken_does_not_hold_up_the_next(studio: Studio) -> None:
    silent, other = studio.broadcast("...", 1), studio.broadcast("Mời bà con họp.", 2)
    studio.preparation.prepare_all()
    assert studio.bulletin(silent).speech_error
    assert studio.bulletin(other).clip


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"torn")], ids=["gone", "damaged"])
def test_a_clip_whose_file_is_lost_is_made_again(studio: Studio, sent: bool, damage: Callable[[Path], object]) -> None:
    number = studio.broadcast("Mời bà con họp.", sent=sent)
    studio.preparation.prepare_all()
    clip = studio.bulletin(number).clip
    assert clip
    damage(next(studio.store.folder.rglob("*.opus")))
    with pytest.raises(Exception, match=clip.sha256):
        studio.store.opus(clip.sha256)
    studio.preparation.prepare_all()
    again = studio.bulletin(number).clip
    assert again
    assert studio.store.opus(again.sha256)


def test_what_will_not_air_is_not_prepared(studio: Studio) -> None:
    numbers = [studio.broadcast(f"Bản tin {name}.") for name in ("một", "hai", "ba")]
    with studio.core.database.write() as session:
        rows = session.scalars(select(Broadcast).where(Broadcast.bulletin_id.in_(numbers)))
        for row, field_name in zip(rows, ("cancelled_at", "stopped_at", "missed_at"), strict=True):
            setattr(row, field_name, studio.clock.now())
    studio.preparation.prepare_all()
    assert studio.engine.spoken == []


def test_what_airs_beyond_the_horizon_is_prepared_so_that_an_approver_can_hear_it(studio: Studio) -> None:
    number = studio.broadcast("Mời bà con họp.", hours=24 * 30)
    with studio.core.database.write() as session:
        session.execute(delete(Delivery))
        session.execute(delete(Broadcast))
    studio.preparation.prepare_all()
    assert studio.bulletin(number).clip


def test_what_has_begun_with_its_clip_sent_is_left_alone(studio: Studio) -> None:
    studio.broadcast("Mời bà con họp.", hours=-1, sent=True)
    studio.preparation.prepare_all()
    assert studio.engine.spoken == []


def test_two_bulletins_of_the_same_words_share_one_clip(studio: Studio) -> None:
    one, other = studio.broadcast("Mời bà con họp."), studio.broadcast("Mời bà con họp.")
    studio.preparation.prepare_all()
    assert studio.bulletin(one).clip_sha256 == studio.bulletin(other).clip_sha256
    with studio.core.database.read() as session:
        kept = session.scalars(select(Clip).where(Clip.sha256 == studio.bulletin(one).clip_sha256)).all()
    assert len(kept) == 1


def test_progress_is_shown_while_it_is_made_and_no_longer(studio: Studio) -> None:
    number = studio.broadcast("Một. Hai. Ba.")
    seen: list[tuple[int, int] | None] = []
    speak = studio.engine.speak

    def watch(sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        seen.append(studio.preparation.progress(number))
        return speak(sentence, voice, words_per_minute)

    studio.engine.speak = watch  # type: ignore[method-assign]  # to look while it works
    studio.preparation.prepare_all()
    assert seen[0] is None
    assert [step[0] for step in seen[1:] if step] == [1, 2]
    assert studio.preparation.progress(number) is None


def test_once_told_to_stop_no_further_clip_is_begun(studio: Studio) -> None:
    for name in ("một", "hai"):
        studio.broadcast(f"Bản tin {name}.")
    speak = studio.engine.speak

    def last(sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        studio.preparation.stop()
        return speak(sentence, voice, words_per_minute)

    studio.engine.speak = last  # type: ignore[method-assign]  # to be stopped while it works
    studio.preparation.prepare_all()
    assert len(studio.engine.spoken) == 1
    assert studio.ready == [1]


def test_a_sound_that_somebody_brought_is_levelled_and_needs_no_voice(studio: Studio, tmp_path: Path) -> None:
    time_s = np.arange(72_000) / 24_000
    flac = to_flac(Pcm((900 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16), 24_000))
    sha256 = SoundStore(tmp_path / "sounds").put(flac)
    number = studio.broadcast("")
    with studio.core.database.write() as session:
        facts = {"name": "x", "bytes": len(flac), "duration_ms": 3_000, "peaks": [3], "created_at": studio.clock.now()}
        session.add(Sound(sha256=sha256, **facts))
        session.flush()
        bulletin = session.get_one(Bulletin, number)
        bulletin.sound_sha256, bulletin.sound_start_ms, bulletin.chime = sha256, 1_000, False
    studio.preparation.prepare_all()
    made = studio.bulletin(number)
    assert made.clip
    assert studio.engine.spoken == []
    heard, rate = decode(studio.store.opus(made.clip.sha256))
    assert integrated_lufs(heard, rate) == pytest.approx(-16, abs=1)
    assert made.clip.duration_ms == pytest.approx(2_000 + assembly.LEAD_MS + assembly.TAIL_MS, abs=20)


def test_a_sound_whose_file_is_gone_is_told_and_tried_again(studio: Studio) -> None:
    number = studio.broadcast("")
    with studio.core.database.write() as session:
        session.add(Sound(sha256="a" * 64, name="x", bytes=1, duration_ms=9, peaks=[1], created_at=studio.clock.now()))
        session.flush()
        session.get_one(Bulletin, number).sound_sha256 = "a" * 64
    studio.preparation.prepare_all()
    assert "gone" in (studio.bulletin(number).speech_error or "")
