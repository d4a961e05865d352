from io import BytesIO

import pytest
import soundfile

from broadcaster.rows import AuditEntry
from tests.tts.sound_files import made
from tests.web.conftest import Browser
from tests.web.station import Stage
from tts.engine import EngineUnavailableError
from tts.recorded import RecordedEngine
from tts.voice import VOICES

VOICE = VOICES["recorded"]


def test_a_sentence_is_recorded_heard_replaced_and_removed(stage: Stage, editor: Browser) -> None:
    engine = RecordedEngine(stage.services.settings.home_path / "voices")
    sound = editor.post("/sounds", {"file": (BytesIO(made("bulletin.wav")), "câu.wav")}).json
    assert sound
    form = {"text": "Kính mời bà con họp lúc 7h30!", "sound": sound["sound"], "sound_to": "1"}
    assert editor.post("/recorded", form).status_code == 303
    spoken = "kính mời bà con họp lúc bảy giờ ba mươi phút"
    first = engine.speak(spoken, VOICE, 140)
    assert first.samples.size == first.rate
    assert spoken in editor.get("/recorded").text
    with editor.get("/recorded/sound", query_string={"sentence": f"{spoken}"}) as answer:
        heard, _ = soundfile.read(BytesIO(answer.data))
    assert heard.size == first.samples.size

    version = engine.version
    assert editor.post("/recorded", form | {"sound_to": "1.5"}).status_code == 303
    assert engine.speak(spoken, VOICE, 140).samples.size == 1.5 * first.rate
    assert engine.version != version
    assert len(list((stage.services.settings.home_path / "voices").glob("*.flac"))) == 1

    assert editor.post("/recorded/remove", {"sentence": f"{spoken}"}).status_code == 303
    with pytest.raises(EngineUnavailableError):
        engine.speak(spoken, VOICE, 140)
    assert editor.post("/recorded/remove", {"sentence": spoken}).status_code == 404
    with stage.rows() as session:
        actions = [entry.action for entry in session.query(AuditEntry) if entry.action.startswith("recorded.")]
    assert actions == ["recorded.add", "recorded.replace", "recorded.remove"]


def test_a_browser_without_script_sends_the_file_with_the_sentence(stage: Stage, editor: Browser) -> None:
    form = {"text": "Hết giờ phát thanh.", "file": (BytesIO(made("bulletin.mp3")), "hết giờ.mp3"), "action": "send"}
    assert editor.post("/recorded", form).status_code == 303
    assert RecordedEngine(stage.services.settings.home_path / "voices").speak("hết giờ phát thanh", VOICE, 140)


def test_what_is_missing_is_said_and_what_was_typed_stays(editor: Browser) -> None:
    page = editor.post("/recorded", {"text": "Câu một. Câu hai.", "sound": "f" * 64})
    assert page.status_code == 422
    assert "Hãy viết đúng một câu" in page.text
    assert "Hãy ghi âm hoặc chọn tệp" in page.text
    assert "Câu một. Câu hai." in page.text
