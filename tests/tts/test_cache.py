import errno
import os
from pathlib import Path

import numpy as np
import pytest

from tests.tts.conftest import ToneEngine
from tts.cache import SentenceCache, sentence_key
from tts.pcm import Pcm
from tts.voice import VOICES

pytestmark = pytest.mark.unit

KEY = "ab" * 32


def sound(size: int = 1000) -> Pcm:
    return Pcm(np.arange(size, dtype=np.int16), 22_050)


def key(number: int) -> str:
    return f"{number:064x}"


def only_file(folder: Path) -> Path:
    (path,) = folder.glob("*/*")
    return path


def test_what_was_put_is_got_also_by_another_process(tmp_path: Path) -> None:
    SentenceCache(tmp_path).put(KEY, sound())
    found = SentenceCache(tmp_path).get(KEY)
    assert found is not None
    assert found.rate == 22_050
    np.testing.assert_array_equal(found.samples, sound().samples)


def test_an_unknown_key_is_a_miss(tmp_path: Path) -> None:
    assert SentenceCache(tmp_path / "missing").get(KEY) is None


@pytest.mark.parametrize("kept_bytes", [0, 10, 44, 200])
def test_a_truncated_entry_is_a_miss(tmp_path: Path, kept_bytes: int) -> None:
    cache = SentenceCache(tmp_path)
    cache.put(KEY, sound())
    os.truncate(only_file(tmp_path), kept_bytes)
    assert cache.get(KEY) is None


@pytest.mark.parametrize("position", [0, 10, 500])
def test_an_altered_entry_is_a_miss_and_can_be_replaced(tmp_path: Path, position: int) -> None:
    cache = SentenceCache(tmp_path)
    cache.put(KEY, sound())
    data = bytearray(only_file(tmp_path).read_bytes())
    data[position] ^= 1
    only_file(tmp_path).write_bytes(data)
    assert cache.get(KEY) is None
    cache.put(KEY, sound())
    assert cache.get(KEY) is not None


def test_the_least_recently_used_go_first(tmp_path: Path) -> None:
    cache = SentenceCache(tmp_path, max_bytes=21_000)
    for number in range(10):
        cache.put(key(number), sound())
        os.utime(cache._path(key(number)), (number, number))
    assert cache.get(key(0)) is not None
    cache.put(key(10), sound())
    assert cache.get(key(0)) is not None
    assert cache.get(key(1)) is None
    assert cache.get(key(10)) is not None
    assert sum(path.stat().st_size for path in tmp_path.glob("*/*")) <= 21_000


def test_a_full_disk_means_no_caching_and_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    cache = SentenceCache(tmp_path)
    monkeypatch.setattr(Path, "replace", full)
    cache.put(KEY, sound())
    assert cache.get(KEY) is None
    assert list(tmp_path.glob("*/*")) == []


def test_everything_that_changes_the_sound_changes_the_key() -> None:
    engine, newer = ToneEngine(), ToneEngine()
    newer.version = "2"
    keys = {
        sentence_key(engine, VOICES["north"], 140, "xin chào"),
        sentence_key(engine, VOICES["south"], 140, "xin chào"),
        sentence_key(engine, VOICES["north"], 141, "xin chào"),
        sentence_key(engine, VOICES["north"], 140, "xin chào bà con"),
        sentence_key(newer, VOICES["north"], 140, "xin chào"),
    }
    assert len(keys) == 5
