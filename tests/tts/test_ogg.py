import io

import numpy as np
import pytest
import soundfile

from tts import ogg

pytestmark = pytest.mark.unit


def foreign_file() -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(4).standard_normal(24_000 * 3).astype(np.float32) * 0.1
    soundfile.write(file, noise, 24_000, format="OGG", subtype="OPUS", compression_level=0.5)
    return file.getvalue()


def test_a_file_written_again_decodes_to_the_same_samples() -> None:
    data = foreign_file()
    ours = ogg.write(ogg.read(data), 3 * ogg.GRANULES_PER_S)
    expected, _ = soundfile.read(io.BytesIO(data))
    samples, _ = soundfile.read(io.BytesIO(ours))
    np.testing.assert_array_equal(samples, expected)
    assert ogg.read(ours) == ogg.read(data)


def test_equal_streams_make_equal_bytes() -> None:
    stream = ogg.read(foreign_file())
    assert ogg.write(stream, 100) == ogg.write(stream, 100)


def test_pages_are_the_whole_file() -> None:
    data = foreign_file()
    assert sum(ogg.page_sizes(data)) == len(data)


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"OggS", foreign_file()[50:]])
def test_what_is_no_ogg_opus_is_refused(data: bytes) -> None:
    with pytest.raises(ogg.OggError):
        ogg.read(data)
