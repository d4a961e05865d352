import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from broadcaster.settings import Settings
from tests.clocks import FixedClock
from web import commune
from web.commune import CommuneFile
from web.initialise import Initialised, initialise

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


@pytest.fixture
def station(settings: Settings, commune_file: Callable[..., CommuneFile]) -> Initialised:
    return initialise(settings, commune_file(), FixedClock())
