import os
import signal
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.tts.conftest import ToneEngine
from tts import encoding, opus
from tts.assembly import AFTER_CHIME_MS
from tts.levelling import TOLERANCE_LU, loudness_target_lufs
from tts.loudness import integrated_lufs, true_peak_dbtp
from tts.pcm import Samples, to_int16
from tts.speech import NothingToSayError, Profile, Speech, SpeechSettings
from tts.supervisor import SupervisedEngine

SENTENCES = [
    "ủy ban nhân dân xã trung lộc thông báo.",
    "ngày mai, cả xã tiêm phòng cho đàn gia súc, gia cầm.",
]
QUICK = SpeechSettings(chime=False)


@pytest.mark.parametrize("profile", ["standard", "noisy"])
@pytest.mark.parametrize("voice", ["north", "central", "south-female"])
def test_a_clip_is_at_its_loudness_and_never_peaks_above_minus_1_dbtp(
    tmp_path: Path, espeak_engine: SupervisedEngine, voice: str, profile: Profile
) -> None:
    clip = Speech(tmp_path, espeak_engine).prepare(SENTENCES[1:], replace(QUICK, voice=voice, profile=profile))
    decoded, rate = encoding.decode(clip.opus)
    for loudness in (clip.loudness_lufs, integrated_lufs(decoded, rate)):
        assert loudness == pytest.approx(loudness_target_lufs(profile), abs=TOLERANCE_LU)
    assert max(clip.true_peak_dbtp, true_peak_dbtp(decoded)) <= -1.0


def test_a_clip_is_addressed_by_its_bytes_and_its_forms_last_equally_long(
    tmp_path: Path, espeak_engine: SupervisedEngine
) -> None:
    clip = Speech(tmp_path, espeak_engine).prepare(SENTENCES, QUICK)
    assert clip.sha256 == sha256(clip.opus).hexdigest()
    for data in (clip.opus, clip.mp3):
        decoded, rate = encoding.decode(data)
        assert decoded.size * 1000 == clip.duration_ms * rate


def test_speech_is_heard_in_the_band_of_horns(tmp_path: Path, espeak_engine: SupervisedEngine) -> None:
    decoded, rate = encoding.decode(Speech(tmp_path, espeak_engine).prepare(SENTENCES, QUICK).opus)
    power = np.abs(np.fft.rfft(decoded)) ** 2
    frequency_hz = np.fft.rfftfreq(decoded.size, 1 / rate)
    assert power[(frequency_hz > 200) & (frequency_hz < 4000)].sum() > 0.6 * power.sum()
    assert np.abs(decoded[: rate // 10]).max() < 0.01


def test_a_clip_prepared_twice_is_the_same_clip(tmp_path: Path, espeak_engine: SupervisedEngine) -> None:
    speech = Speech(tmp_path, espeak_engine)
    assert speech.prepare(SENTENCES[:1], QUICK) == speech.prepare(SENTENCES[:1], QUICK)


def test_the_whole_announcement_lasts_bell_plus_repeats_and_pauses(tones: Speech) -> None:
    settings = SpeechSettings(words_per_minute=120, repeats=3, phrase_pause_ms=500, repeat_pause_ms=2000)
    clip = tones.prepare(["một hai ba bốn", "năm sáu"], settings)
    assert clip.duration_ms == pytest.approx(200 + 2000 + 400 + 3 * (2000 + 500 + 1000) + 2 * 2000 + 300, abs=21)


def test_the_same_sentence_is_spoken_once(tones: Speech, tone_engine: ToneEngine) -> None:
    tones.prepare(["xin chào", "bà con", "xin chào"], replace(QUICK, repeats=2, repeat_pause_ms=0))
    tones.prepare(["bà con"], replace(QUICK, profile="noisy"))
    assert tone_engine.spoken == ["xin chào", "bà con"]


def test_a_changed_word_makes_one_sentence_anew(tones: Speech, tone_engine: ToneEngine) -> None:
    tones.prepare(["xin chào bà con", "thôn một họp"], QUICK)
    tones.prepare(["xin chào bà con", "thôn hai họp"], QUICK)
    assert tone_engine.spoken == ["xin chào bà con", "thôn một họp", "thôn hai họp"]


def test_threads_that_want_the_same_sentences_make_them_once(tones: Speech, tone_engine: ToneEngine) -> None:
    with ThreadPoolExecutor(4) as pool:
        clips = list(pool.map(lambda _: tones.prepare(["xin chào", "bà con"], QUICK), range(4)))
    assert len({clip.sha256 for clip in clips}) == 1
    assert tone_engine.spoken == ["xin chào", "bà con"]


def test_a_killed_worker_costs_no_clip(tmp_path: Path, espeak_engine: SupervisedEngine) -> None:
    def kill(done: int, _total: int) -> None:
        if done == 1 and espeak_engine.pid is not None:
            os.kill(espeak_engine.pid, signal.SIGKILL)

    clip = Speech(tmp_path, espeak_engine).prepare(SENTENCES, QUICK, kill)
    assert clip.duration_ms > 5_000


@pytest.mark.parametrize("sentences", [[], [""], ["...", "123"]])
def test_nothing_to_hear_is_an_error(tones: Speech, sentences: list[str]) -> None:
    with pytest.raises(NothingToSayError):
        tones.prepare(sentences, QUICK)


def test_a_sentence_without_sound_is_left_out(tones: Speech, tone_engine: ToneEngine) -> None:
    assert tones.prepare(["xin chào", "…"], QUICK) == tones.prepare(["xin chào"], QUICK)
    assert tone_engine.spoken == ["xin chào"]


def test_progress_ends_complete_and_never_goes_back(tones: Speech) -> None:
    seen: list[tuple[int, int]] = []
    tones.prepare(["một", "hai", "ba"], QUICK, lambda done, total: seen.append((done, total)))
    assert seen[0] == (1, 4)
    assert seen[-1] == (5, 5)
    assert all(before[0] < after[0] for before, after in pairwise(seen))


def test_the_key_changes_with_everything_that_changes_the_sound(tmp_path: Path) -> None:
    engine, newer = ToneEngine(), ToneEngine()
    newer.version = "2"
    speech = Speech(tmp_path, engine)
    base = SpeechSettings()
    changed = [
        replace(base, voice="south"),
        replace(base, words_per_minute=141),
        replace(base, repeats=2),
        replace(base, phrase_pause_ms=351),
        replace(base, repeat_pause_ms=1501),
        replace(base, chime=False),
        replace(base, profile="noisy"),
        replace(base, opening_tune="house"),
        replace(base, closing_tune="a" * 64),
        replace(base, music=True),
    ]
    keys = [speech.key(SENTENCES, settings) for settings in (base, *changed)]
    keys += [
        speech.key(SENTENCES[:1], base),
        speech.key([*SENTENCES, "x"], base),
        Speech(tmp_path, newer).key(SENTENCES, base),
    ]
    assert len(set(keys)) == len(keys)
    assert speech.key(tuple(SENTENCES), SpeechSettings()) == keys[0]


def test_closing_closes_the_engine(tones: Speech, tone_engine: ToneEngine) -> None:
    tones.close()
    assert tone_engine.closed


def _song(seconds: float) -> Samples:
    """A chord of many overtones: what 18 kbit/s blur."""
    time = np.arange(round(seconds * encoding.RATE)) / encoding.RATE
    partials = [np.sin(2 * np.pi * pitch * n * time) / n for pitch in (220, 277.2, 329.6) for n in range(1, 12)]
    return np.asarray(0.2 * np.sum(partials, axis=0), np.float32)


def test_a_tune_by_its_hash_is_heard_and_one_that_is_gone_gives_way_to_the_house_s(
    tmp_path: Path, tone_engine: ToneEngine
) -> None:
    def bring(sha256: str) -> Samples:
        if sha256 == "a" * 64:
            return _song(3)
        raise OSError(sha256)

    speech = Speech(tmp_path, tone_engine, tunes=bring)
    bare, house, known, gone = (
        speech.prepare(SENTENCES, replace(QUICK, opening_tune=name)).duration_ms
        for name in ("", "house", "a" * 64, "b" * 64)
    )
    assert known - bare == 3000 + AFTER_CHIME_MS
    assert gone == house != known


@pytest.mark.parametrize("own_library", [True, False])
def test_music_takes_a_third_more_bytes_and_speech_beside_it_does_not(
    tones: Speech, monkeypatch: pytest.MonkeyPatch, own_library: bool
) -> None:
    if not own_library:
        monkeypatch.setattr(opus, "library", lambda: None)
    as_speech, as_music = (tones.prepare_sound(_song(10), replace(QUICK, music=music)).opus for music in (False, True))
    assert 1.15 < len(as_music) / len(as_speech) < 1.6
    speech = np.concatenate([_song(9), np.zeros(encoding.RATE, np.float32), _song(9)])
    samples = encoding.padded(to_int16(speech))
    half, none, whole = (
        len(encoding.encode(samples, lambda: None, music).opus)
        for music in ([slice(0, 9 * encoding.RATE)], [], [slice(0, samples.size)])
    )
    assert none < half < whole
