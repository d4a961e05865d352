import shutil
from collections.abc import Iterator, Mapping
from copy import copy
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web import station
from tests.web.station import PASSWORD, Stage
from tts.pcm import Pcm
from tts.speech import Speech
from tts.voice import Voice
from web.app import all_pages, join


class Humming:
    """An engine that hums each sentence as long as it is."""

    name = "humming"
    version = "1"

    def speak(self, sentence: str, voice: Voice, words_per_minute: int) -> Pcm:
        time = np.arange(22_050 * max(1, len(sentence) // 15)) / 22_050
        return Pcm((8_000 * np.sin(2 * np.pi * 300 * time)).astype(np.int16), 22_050)

    def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def database_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables are made and filled once for all tests."""
    return station.make_database(tmp_path_factory.mktemp("database"))


@pytest.fixture
def stage(tmp_path: Path, database_file: Path) -> Iterator[Stage]:
    shutil.copy(database_file, tmp_path / "loa.db")
    made = station.build(tmp_path, Speech(tmp_path / "speech", Humming()))
    yield made
    made.services.talks.stop()
    made.services.database.dispose()


@pytest.fixture(scope="session")
def pages() -> Flask:
    """Routes and templates are compiled once for all tests."""
    return all_pages()


@pytest.fixture
def app(stage: Stage, pages: Flask) -> Iterator[Flask]:
    made = copy(pages)
    made.config, made.extensions = copy(pages.config), copy(pages.extensions)
    join(made, stage.services)
    yield made
    made.extensions["loa.listening"].close()


class Browser:
    """Flask's client with what a browser does by itself: the hidden field against forged forms."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **kwargs: Any) -> TestResponse:
        return self.client.get(path, **kwargs)

    def token(self) -> str:
        answer = self.client.get("/duty/token").json
        assert answer
        return str(answer["token"])

    def post(self, path: str, data: Mapping[str, Any] | None = None, **kwargs: Any) -> TestResponse:
        return self.client.post(path, data={"csrf_token": self.token(), **(data or {})}, **kwargs)

    def sign_in(self, username: str, password: str = PASSWORD) -> TestResponse:
        return self.post("/sign-in", {"username": username, "password": password})

    def write(self, submission: str = "", **changes: Any) -> TestResponse:
        """Send the form of a bulletin that is right but for ``changes``."""
        form = {
            "title": "Họp thôn",
            "text": "Kính mời bà con họp lúc 19h30 tại nhà văn hóa.",
            "kind": "once",
            "date": "2026-11-22",
            "time": "06:30",
            "places": ["thon-2"],
            "klass": "routine",
            "category": "họp dân",
            "voice": "north",
            "repeats": "1",
            "chime": "1",
        }
        return self.post(f"/write/{submission or uuid4()}", form | changes)


@pytest.fixture
def stranger(app: Flask) -> Browser:
    return Browser(app.test_client())


@pytest.fixture
def editor(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("lan").status_code == 303
    return browser


@pytest.fixture
def viewer(app: Flask) -> Browser:
    browser = Browser(app.test_client())
    assert browser.sign_in("xem").status_code == 303
    return browser
