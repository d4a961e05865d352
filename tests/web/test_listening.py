import time
from pathlib import Path
from typing import Any

import pytest

from tests.web.conftest import Browser, Humming
from tests.web.station import Stage
from tts.engine import EngineUnavailableError
from tts.speech import Speech, SpeechSettings
from web.listening import Studio

FORM = {"text": "Mời bà con họp lúc 7h30.", "voice": "north", "repeats": "1"}


def wait(browser: Browser, path: str) -> Any:
    """The answer once the sound is no longer being made."""
    for _ in range(200):
        answer = browser.get(path)
        if answer.status_code != 200 or (answer.json or {})["ready"]:
            return answer
        time.sleep(0.02)
    raise TimeoutError(path)


def ordered(browser: Browser, form: dict[str, str]) -> dict[str, str]:
    answer = browser.post("/listen", form)
    assert answer.status_code == 200
    return dict(answer.json or {})


def test_listening_makes_the_sound_in_the_background_and_serves_it(editor: Browser) -> None:
    order = ordered(editor, FORM)
    assert wait(editor, order["state"]).json["ready"]
    with editor.get(order["sound"]) as sound:
        assert sound.mimetype == "audio/mpeg"
        assert len(sound.data) > 1000


def test_the_same_content_is_made_once_and_other_content_again(editor: Browser) -> None:
    first = ordered(editor, FORM)
    assert ordered(editor, FORM) == first
    assert ordered(editor, FORM | {"chime": "1"}) != first
    assert ordered(editor, FORM | {"spoken": "Mời bà con họp lúc bảy rưỡi."}) != first


def test_nothing_to_read_is_told_in_words(editor: Browser) -> None:
    answer = editor.post("/listen", FORM | {"text": " … "})
    assert answer.status_code == 422
    assert answer.json == {"problem": "Chưa có gì để đọc. Hãy viết bản tin trước."}


@pytest.mark.parametrize("wrong", [{"voice": "robot"}, {"repeats": "0"}, {"repeats": "x"}])
def test_settings_that_do_not_exist_are_refused(editor: Browser, wrong: dict[str, str]) -> None:
    assert editor.post("/listen", FORM | wrong).status_code == 400


def test_a_broken_voice_is_told_and_can_be_asked_again(
    stage: Stage, editor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise EngineUnavailableError("humming", "gone")

    with monkeypatch.context() as broken:
        broken.setattr(Humming, "speak", fail)
        order = ordered(editor, FORM)
        answer = wait(editor, order["state"])
        assert answer.status_code == 503
        assert "Chưa tạo được giọng đọc" in answer.json["problem"]
    assert wait(editor, ordered(editor, FORM)["state"]).json["ready"]


def test_a_studio_refuses_more_than_it_can_make_and_keeps_only_the_latest(tmp_path: Path) -> None:
    class Slow(Speech):
        def prepare(self, *_: Any, **__: Any) -> Any:
            time.sleep(0.05)
            raise EngineUnavailableError("slow", "too slow")

    studio = Studio(tmp_path, Slow(tmp_path, Humming()))
    orders = [studio.order((f"câu {number}",), SpeechSettings()) for number in range(12)]
    assert None in orders
    assert orders[0] is not None
    studio.close()
