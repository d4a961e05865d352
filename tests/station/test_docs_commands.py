"""The commands of docs/running.md and docs/alerts.md, run in the order in which a reader meets them, against a real station.

A command that is neither run nor named in `LEFT_OUT` fails, and so does one with a name that only its author knows.
"""

import json
import logging
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select

from broadcaster import alert_tables, guest_keys, keyring
from broadcaster.core import Core
from broadcaster.rows import Account, Alert, Speaker
from broadcaster.settings import load
from broadcaster.wire import envelope, keys, strict_json
from broadcaster.wire.keys import SigningKey
from broadcaster.wire.topics import Kind
from broadcaster.wire.units import MINUTE, UnixMs
from broadcaster.wire.urgent import Alert as Document
from broadcaster.wire.urgent import AlertPart, Part
from tests import cap
from tests.tts.sound_files import melody
from tests.whole.town import COMMUNE
from tts.encoding import RATE, encode
from web.cli import _parser, main
from web.serve import PageServer
from web.station import RunningStation

pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

DOCS: Final = Path(__file__).parents[2] / "docs"
_CODE: Final = re.compile(
    r"^ *```(?P<kind>\w*)\n(?P<block>.*?)^ *```$|`(?P<inline>openssl [^`]+)`", re.MULTILINE | re.DOTALL
)
_PROGRAMS: Final = re.compile(r"(?:\.venv/bin/)?(?:loa|pip|curl|openssl|script/\w+)\b")

LEFT_OUT: Final = {
    "script/setup": "made what the tests run in",
    ".venv/bin/loa serve --lan": "the same station for other computers: tests/web/test_tls.py",
    ".venv/bin/pip install '.[piper]'": "fetches from the internet",
    ".venv/bin/loa voices install north-piper": "fetches 60 MB; tests/station/test_cli_voices.py takes them from a server here",
    ".venv/bin/loa voices install north-piper --file /media/usb": "needs those 60 MB on a stick; the same tests",
}
"""Commands that can't be run here, with the reason."""
DOORS: Final = {
    "alerts": "alerts:raise",
    "clips": "province:forward",
    "envelopes": "province:forward",
    "cap": "cap:push",
}
"""What a token must be for, by what follows ``/api/v1/``."""


def commands(page: str) -> list[str]:
    """Every command of a page, without what is said about it."""
    found: list[str] = []
    for code in _CODE.finditer((DOCS / page).read_text("utf-8")):
        if code["kind"] not in {None, "", "sh"}:
            continue
        text = (code["inline"] or code["block"]).replace("\\\n", " ")
        lines = [re.sub(r"\s+#\s.*", "", line).strip() for line in text.splitlines()]
        found += [line for line in lines if line and not line.startswith("jsons://")]
    return found


@dataclass
class Reader:
    """Somebody with a commune's file, a stick and a telephone, who types what the guides say."""

    capsys: pytest.CaptureFixture[str]
    station: RunningStation | None = None
    pages: PageServer | None = None
    tokens: dict[str, str] = field(default_factory=dict)
    kid: str = ""
    said: str = ""

    def type(self, command: str) -> None:
        """Carry out one command."""
        assert _PROGRAMS.match(command), f"no program that this test knows: {command}"
        if command == ".venv/bin/loa serve":
            return self._serve()
        self._before(command)
        words, _, target = self._meant(command).partition(" > ")
        code, self.said, wrong = self._loa(words) if words.startswith("loa ") else _shell(words)
        assert code == 0, f"{command}: {self.said}{wrong}"
        if command.startswith("curl"):
            assert re.search(r"^2\d\d$", self.said, re.MULTILINE), f"{command}: {self.said}"
        if target:
            Path(target).write_text(self.said, "utf-8")
        return self._after(command)

    def stop(self) -> None:
        if self.pages:
            self.pages.stop()
        if self.station:
            self.station.stop()

    def _serve(self) -> None:
        self.station = RunningStation(load())
        self.pages = PageServer(self.station, lan=False)
        self.station.start()
        self.pages.start()

    def _loa(self, words: str) -> tuple[int, str, str]:
        code = main(shlex.split(words)[1:])
        told = self.capsys.readouterr()
        return code, told.out, told.err

    def _meant(self, command: str) -> str:
        """What a reader puts in the place of the names in an example."""
        door = re.search(r"/api/v1/(\w+)", command)
        places = {
            ".venv/bin/": "",
            "--host NAME": "--host 127.0.0.1",
            "/media/usb/": "usb/",
            "5dd98ff15a5c0c0c": self.kid,
            "https://loa.example.vn/": self.pages.url if self.pages else "",
            "loa_…": self.tokens[DOORS[door[1]]] if door else "",
            "curl ": r"curl -sS -w '\n%{http_code}' ",
        }
        for written, meant in places.items():
            command = command.replace(written, meant)
        return command

    def _before(self, command: str) -> None:
        """What others have done by then."""
        assert self.station or "init" in command
        if "speaker confirm" in command:  # the box was switched on
            with self._core.database.write() as session:
                session.get_one(Speaker, "loa-025").public_key = keys.public_text(SigningKey.generate().public)
        elif "key sign" in command:  # the stick is brought
            Path("usb").mkdir()
            shutil.move("var/keys/root.pem", "usb/root.pem")
        elif "@loi.opus" in command:
            Path("loi.opus").write_bytes(encode(melody(2.0, RATE), lambda: None).opus)
        elif "@canh-bao.jws" in command:
            Path("canh-bao.jws").write_bytes(self._provinces_alert())
        elif "@canh-bao.xml" in command:
            now = self._core.clock.now()
            moments = {"sent": now, "expires": now + timedelta(hours=1)}
            sent, expires = (f"{at:%Y-%m-%dT%H:%M:%S}-00:00" for at in moments.values())
            Path("canh-bao.xml").write_bytes(cap.alert(infos=[cap.info(expires=expires)], sent=sent))

    def _after(self, command: str) -> None:
        """What the reader does with the output."""
        if "basenc" in command:  # types it into the page
            with self._core.database.write() as session:
                asked: dict[str, Any] = {"name": "Đài tỉnh", "public": self.said.strip(), "max_level": 3, "places": []}
                now, account = self._core.clock.now(), session.scalars(select(Account.id)).one()
                self.kid = guest_keys.ask(session, now, **asked, account_id=account).kid
        elif "sha256sum" in command:  # reads it out on the telephone
            with self._core.database.read() as session:
                [key] = guest_keys.all_keys(session)
                assert guest_keys.fingerprint(key.public_key).replace(" ", "") == self.said[:32]
        elif "token make" in command:
            token = re.findall(r"loa_\S+", self.said)[-1]
            self.tokens |= dict.fromkeys(re.findall(r"--scope (\S+)", command), token)

    def _provinces_alert(self) -> bytes:
        """Signed with the key that openssl made, around the sound that curl has sent."""
        key, now = keyring.load(Path(), "tinh"), self._core.clock.now_ms()
        speech = AlertPart(part=Part.SPEECH, at_ms=0, sent_by=now + 1_000, **json.loads(self.said.splitlines()[0]))
        document = Document(alert=f"{key.kid}-thu", level=3, start_at=UnixMs(now + 400), drill=True, parts=(speech,))
        return envelope.sign(
            key.private,
            key.kid,
            typ=Kind.ALERT.value,
            topic=self._core.topics.alert("an-binh", document.alert),
            seq=now,
            payload=strict_json.encode(document),
            exp=UnixMs(now + 10 * MINUTE),
        )

    @property
    def _core(self) -> Core:
        assert self.station
        return self.station.core


def _shell(words: str) -> tuple[int, str, str]:
    ran = subprocess.run(["bash", "-o", "pipefail", "-c", words], capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Reader]:
    """In a folder with the commune's file; what the command line does to logging is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOA_PORT", "0")
    monkeypatch.setenv("LOA_KEEP_SOUNDS", "false")
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))  # the fingerprint is the one that was read out
    shutil.copy(COMMUNE, tmp_path / "xa.json")
    made = Reader(capsys)
    yield made
    made.stop()
    root.handlers[:], root.level = handlers, level


def test_every_command_of_the_guides_does_what_it_says(reader: Reader) -> None:
    told = [command for page in ("running.md", "alerts.md") for command in commands(page)]
    assert LEFT_OUT.keys() <= set(told)
    for command in told:
        if command not in LEFT_OUT:
            reader.type(command)
    with reader._core.database.read() as session:
        templates = Counter(session.scalars(select(Alert.template)))
    assert templates["bao"] == 2  # by the API, and by CAP
    assert len(list(Path("nghe-thu").glob("*.wav"))) == 3


@pytest.mark.parametrize("page", ["running.md", "alerts.md"])
def test_every_command_that_is_named_in_a_sentence_exists(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    named = set(re.findall(r"`(loa [a-z][^`]*)`", (DOCS / page).read_text("utf-8")))
    assert named
    for command in named:
        with suppress(SystemExit):  # many are named without what they need
            _parser().parse_args(shlex.split(command)[1:])
        wrong = capsys.readouterr().err
        assert not re.search("invalid choice|unrecognized", wrong), f"{command}: {wrong}"


def test_the_table_that_is_shown_can_be_used(tmp_path: Path) -> None:
    [table] = re.findall(r"```toml\n(.*?)```", (DOCS / "alerts.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "coi.toml").write_text(table, "utf-8")
    assert alert_tables.load(str(tmp_path / "coi.toml")).template("vo-de").siren == "khan"
