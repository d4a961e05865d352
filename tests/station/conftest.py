import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broadcaster.settings import Settings
from tests.broadcaster.databases import sqlite_database, sqlite_kept
from tests.clocks import FixedClock
from web import commune
from web.commune import CommuneFile
from web.initialise import Initialised, initialise

__all__ = ["sqlite_database", "sqlite_kept"]

FILE: dict[str, Any] = {
    "station": "an-binh",
    "name": "Đài truyền thanh xã An Bình",
    "zones": [
        {"code": "xa", "name": "Xã An Bình", "kind": "commune"},
        {"code": "thon-dong", "name": "Thôn Đông", "kind": "village", "parent": "xa"},
        {"code": "tdp-4", "name": "Tổ dân phố 4", "kind": "village", "parent": "xa"},
    ],
    "groups": [{"code": "ven-suoi", "name": "Vùng ven suối", "kind": "group", "members": ["thon-dong"]}],
    "speakers": [
        {"id": "loa-1", "zone": "thon-dong", "name": "Thôn Đông - cụm 1", "horn_count": 3, "volume": 80},
        {"id": "loa-2", "zone": "tdp-4", "name": "Tổ 4 - cụm 1", "lat": 20, "lon": 106.04, "link": "4g"},
    ],
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=str(tmp_path / "home"), port=0)


@pytest.fixture
def commune_file(tmp_path: Path) -> Callable[..., CommuneFile]:
    """A commune's file that is right but for the changes."""

    def make(**changes: Any) -> CommuneFile:
        path = tmp_path / "commune.json"
        path.write_text(json.dumps(FILE | changes))
        return commune.read(path)

    return make


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Initialised]:
    """A station's home, made once and copied for every test."""
    folder = tmp_path_factory.mktemp("station")
    (folder / "commune.json").write_text(json.dumps(FILE))
    home = folder / "home"
    return home, initialise(Settings(home=str(home)), commune.read(folder / "commune.json"), FixedClock())


@pytest.fixture
def station(settings: Settings, made_once: tuple[Path, Initialised]) -> Initialised:
    """A station in the home of the settings."""
    home, made = made_once
    shutil.copytree(home, settings.home_path)
    return replace(made, kits=settings.home_path / "kits")
