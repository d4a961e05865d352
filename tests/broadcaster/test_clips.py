from pathlib import Path

import pytest

from broadcaster.clips import ClipGoneError, ClipStore, write_aside
from broadcaster.wire import clips, ogg, strict_json
from tests.broadcaster.town import opus

pytestmark = pytest.mark.unit


def test_a_stored_clip_comes_back_bit_for_bit_and_is_described_by_its_manifest(tmp_path: Path) -> None:
    store, clip = ClipStore(tmp_path), opus()
    manifest, manifest_sha256 = store.put(clip, b"mp3")
    assert store.opus(manifest.clip) == clip
    assert store.mp3_path(manifest.clip).read_bytes() == b"mp3"
    assert manifest.clip == clips.sha256(clip)
    assert manifest_sha256 == clips.sha256(strict_json.encode(manifest))
    assert store.has(manifest.clip)


def test_a_damaged_clip_is_gone_so_that_it_is_made_again(tmp_path: Path) -> None:
    store = ClipStore(tmp_path)
    sha256 = store.put(opus(), b"")[0].clip
    next(tmp_path.rglob("*.opus")).write_bytes(b"torn")
    with pytest.raises(ClipGoneError):
        store.opus(sha256)
    assert not store.has(sha256)


def test_a_clip_that_was_never_there_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ClipGoneError):
        ClipStore(tmp_path).opus("0" * 64)


def test_what_is_no_clip_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(ogg.NotOggError):
        ClipStore(tmp_path).put(b"no clip", b"")
    assert list(tmp_path.rglob("*.*")) == []


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "file"
    write_aside(path, b"one")
    write_aside(path, b"two")
    assert path.read_bytes() == b"two"
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(TypeError):
        write_aside(path, "text")  # type: ignore[arg-type]  # that is the failure
    assert [found.name for found in path.parent.iterdir()] == ["file"]
    assert path.read_bytes() == b"two"
