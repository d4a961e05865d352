from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from tts import encoding, ogg, opus
from tts.encoding import FRAME, RATE
from tts.loudness import true_peak_dbtp
from tts.pcm import to_float, to_int16

pytestmark = pytest.mark.unit

SEGMENT_BYTES = 16 * 1024
"""Largest slice of a clip on the wire (wire protocol, version 1)."""


def sentences(count: int, amplitude: float = 0.3, seconds: int = 5) -> NDArray[np.int16]:
    """Bursts of speech-like noise with pauses of 400 ms."""
    random = np.random.default_rng(5)
    parts = []
    for _ in range(count):
        noise = np.convolve(random.standard_normal(seconds * RATE), np.ones(6) / 6, "same") * amplitude
        parts += [to_int16(noise.astype(np.float32)), np.zeros(RATE * 2 // 5, np.int16)]
    return encoding.padded(np.concatenate(parts))


@pytest.fixture(scope="module", params=["libopus", "soundfile"])
def long(request: pytest.FixtureRequest) -> Iterator[tuple[NDArray[np.int16], encoding.Encoded]]:
    if request.param == "libopus" and opus.library() is None:
        pytest.skip("no libopus here")
    samples = sentences(4)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "soundfile":
            patch.setattr(opus, "library", lambda: None)
        yield samples, encoding.encode(samples, lambda: None)


def test_opus_and_mp3_last_exactly_as_long_as_the_samples(long: tuple[NDArray[np.int16], encoding.Encoded]) -> None:
    samples, encoded = long
    for data in (encoded.opus, encoded.make_mp3()):
        decoded, rate = encoding.decode(data)
        assert rate == RATE
        assert decoded.size == samples.size


def test_parts_joined_in_silence_sound_as_each_alone(long: tuple[NDArray[np.int16], encoding.Encoded]) -> None:
    samples, encoded = long
    assert encoding.part_count(samples) >= 2
    decoded, _ = encoding.decode(encoded.opus)
    assert np.abs(decoded - encoded.heard).max() < 0.02
    assert true_peak_dbtp(decoded) <= encoding.MAX_TRUE_PEAK_DBTP


def test_parts_cover_every_sample_once_and_join_in_silence() -> None:
    samples = sentences(6)
    parts = encoding._parts(samples)
    np.testing.assert_array_equal(np.concatenate([samples[part] for part in parts]), samples)
    assert len(parts) == 3
    for part in parts[1:]:
        assert part.start % FRAME == 0
        assert not samples[part.start - RATE // 20 : part.start + RATE // 20].any()


def test_sound_without_pauses_is_one_part() -> None:
    assert encoding.part_count(np.full(FRAME * 2000, 5000, np.int16)) == 1


def test_a_segment_holds_several_pages_and_a_page_lasts_a_second(
    long: tuple[NDArray[np.int16], encoding.Encoded],
) -> None:
    samples, encoded = long
    sizes = list(ogg.page_sizes(encoded.opus))
    assert max(sizes) < SEGMENT_BYTES / 3
    assert len(sizes) == 2 + -(-(samples.size // FRAME + 1) // ogg.PACKETS_PER_PAGE)


def test_speech_takes_about_18_kbit_a_second(long: tuple[NDArray[np.int16], encoding.Encoded]) -> None:
    samples, encoded = long
    assert 14 <= len(encoded.opus) * 8 / (samples.size / RATE) / 1000 <= 24


def test_the_same_samples_are_the_same_bytes() -> None:
    samples = sentences(1, seconds=1)
    assert encoding.encode(samples, lambda: None).opus == encoding.encode(samples, lambda: None).opus


def test_what_the_codec_overshoots_is_softened() -> None:
    loud = to_int16(np.clip(to_float(sentences(1, amplitude=1.5, seconds=1)), -0.75, 0.75))
    encoded = encoding.encode(loud, lambda: None)
    assert true_peak_dbtp(encoded.heard) <= encoding.MAX_TRUE_PEAK_DBTP


def test_bytes_that_are_no_sound_are_refused() -> None:
    with pytest.raises(encoding.EncodingError):
        encoding.decode(b"no sound")
