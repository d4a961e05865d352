import io
import json
import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from broadcaster import guest_keys, keyring, setup_documents
from broadcaster.clock import SystemClock
from broadcaster.database import Database
from broadcaster.rows import Account, Place
from broadcaster.wire import keys
from broadcaster.wire.keys import SigningKey
from tests.station.conftest import FILE
from web.cli import main
from web.initialise import FIRST_ACCOUNT


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of its own in the environment; what the command line does to logging is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    monkeypatch.setenv("LOA_HOME", str(tmp_path / "home"))
    yield tmp_path / "home"
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "commune.json"
    path.write_text(json.dumps(FILE))
    return path


Capture = pytest.CaptureFixture[str]


def init(file: Path) -> int:
    return main(["init", "--commune", str(file)])


def test_init_shows_the_password_once(file: Path, capsys: Capture) -> None:
    assert init(file) == 0
    told = capsys.readouterr().out
    assert "4 địa bàn, 2 cụm loa" in told
    assert f"{FIRST_ACCOUNT}   Mật khẩu (chỉ hiện một lần): " in told
    assert init(file) == 0
    assert "Mật khẩu" not in capsys.readouterr().out


def test_init_names_what_it_left_out_and_says_so_in_its_exit_code(file: Path, capsys: Capture) -> None:
    file.write_text(json.dumps(FILE | {"speakers": [{"id": "loa-1", "zone": "nowhere", "name": "x"}]}))
    assert init(file) == 1
    assert "Bỏ qua loa-1" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["{", "[]", '{"station": "X"}'])
def test_a_file_that_is_no_commune_is_told_without_a_traceback(file: Path, capsys: Capture, content: str) -> None:
    file.write_text(content)
    assert init(file) == 1
    told = capsys.readouterr().err
    assert told.startswith("loa: ")
    assert "commune.json" in told
    assert len(told.splitlines()) == 1


def test_the_ledger_is_proved_and_a_change_is_found(file: Path, home: Path, capsys: Capture) -> None:
    init(file)
    assert main(["ledger", "verify"]) == 0
    assert capsys.readouterr().out.count("nguyên vẹn") == 2
    database = Database(f"sqlite:///{home / 'loa.db'}")
    with database.write() as session:
        session.execute(text("UPDATE audit_entry SET subject = 'x' WHERE id = 1"))
    database.dispose()
    assert main(["ledger", "verify"]) == 1
    assert "Nhật ký thao tác: sai từ dòng 1" in capsys.readouterr().out


def test_a_password_can_be_set_anew(file: Path, home: Path, capsys: Capture) -> None:
    init(file)
    database = Database(f"sqlite:///{home / 'loa.db'}")
    with database.read() as session:
        before = session.scalars(select(Account.password_hash)).one()
    assert main(["password", FIRST_ACCOUNT]) == 0
    assert "Mật khẩu mới của quantri" in capsys.readouterr().out
    with database.read() as session:
        assert session.scalars(select(Account.password_hash)).one() != before
    database.dispose()
    assert main(["password", "nobody"]) == 1
    assert "Không có tài khoản nobody" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["serve"], ["ledger", "verify"], ["password", "quantri"]])
def test_without_a_station_it_says_how_to_make_one(capsys: Capture, command: list[str]) -> None:
    assert main(command) == 1
    assert "loa init --commune" in capsys.readouterr().err


def test_a_setting_nobody_knows_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("LOA_PROT", "1")
    assert main(["doctor"]) == 1
    assert "prot" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["nonsense", "postgresql+psycopg://loa@127.0.0.1:1/loa"])
def test_a_database_that_can_not_be_reached_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture, url: str
) -> None:
    monkeypatch.setenv("LOA_DATABASE_URL", url)
    assert main(["ledger", "verify"]) == 1
    told = capsys.readouterr().err
    assert "LOA_DATABASE_URL" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("command", [[], ["fly"], ["serve", "--port", "70000"], ["serve", "--port", "x"], ["init"]])
def test_a_command_nobody_knows_is_explained(capsys: Capture, command: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command)
    assert ended.value.code == 2
    assert "usage: loa" in capsys.readouterr().err


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # cheroot 11 forgets a socket it can't bind
def test_a_page_port_that_is_taken_is_told_and_nothing_is_left_running(file: Path, capsys: Capture) -> None:
    init(file)
    with socket.socket() as thief:
        thief.bind(("127.0.0.1", 0))
        thief.listen()
        assert main(["serve", "--port", str(thief.getsockname()[1])]) == 1
    told = capsys.readouterr().err
    assert told.splitlines()[-1].startswith("loa: ")
    assert "Traceback" not in told


def test_texts_are_english_where_the_operator_wants_them(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setenv("LOA_LANGUAGE", "en")
    assert init(file) == 0
    assert "an-binh" not in capsys.readouterr().err


def test_a_token_is_shown_once_listed_by_name_and_revoked(file: Path, capsys: Capture) -> None:
    init(file)
    assert main(["token", "make", "Đài tỉnh", "--scope", "alerts:raise"]) == 0
    told = capsys.readouterr().out
    assert "Mã truy cập của Đài tỉnh (chỉ hiện một lần): loa_" in told
    assert main(["token", "make", "Đài tỉnh", "--scope", "alerts:read"]) == 1
    assert main(["token", "make"]) == 2
    assert main(["token", "make", "Thôn", "--scope", "cap:push", "--place", "mars"]) == 1
    assert main(["token", "make", "Thôn"]) == 2
    assert "--scope alerts:raise" in capsys.readouterr().err
    assert main(["token", "make", "Trạm", "--scope", "cap:push", "--place", "thon-dong"]) == 0
    capsys.readouterr()
    assert main(["token", "list"]) == 0
    assert capsys.readouterr().out == "Đài tỉnh: alerts:raise · Toàn đài\nTrạm: cap:push · thon-dong\n"
    main(["token", "revoke", "Trạm"])
    assert main(["token", "revoke", "Đài tỉnh"]) == 0
    assert main(["token", "revoke", "Đài tỉnh"]) == 1
    capsys.readouterr()
    main(["token", "list"])
    assert capsys.readouterr().out == "Đài tỉnh: đã thu hồi\nTrạm: đã thu hồi\n"


def test_the_root_key_signs_what_the_page_asked_for_and_nothing_else(
    file: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    init(file)
    province = SigningKey.generate()
    database = Database(f"sqlite:///{home / 'loa.db'}")
    with database.write() as session:
        now, text_of = SystemClock().now(), keys.public_text(province.public)
        commune = session.scalars(select(Place).where(Place.code == "xa")).all()
        guest_keys.ask(session, now, name="Đài tỉnh", public=text_of, max_level=3, places=commune, account_id=1)
    capsys.readouterr()
    assert main(["key", "list"]) == 0
    assert f"{province.kid}  Đài tỉnh: chờ khóa gốc ký" in capsys.readouterr().out
    root = (home / "keys" / "root.pem").rename(tmp_path / "root.pem")
    assert main(["key", "sign", province.kid]) == 1  # it was put away
    keyring.create(tmp_path, "stranger")
    assert main(["key", "sign", province.kid, "--root", str(tmp_path / "stranger.pem")]) == 1
    assert main(["key", "sign", "0" * 16, "--root", str(root)]) == 1
    capsys.readouterr()
    for answer, done in (("", 1), ("n\n", 1), ("c\n", 0)):  # nobody there, no, yes
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        assert main(["key", "sign", province.kid, "--root", str(root)]) == done
        told = capsys.readouterr().out
        assert told.index(guest_keys.fingerprint(text_of)) < told.index("[y/N]")
        assert ("Chưa ký gì" in told) is bool(done)
    assert "cả đài" not in told
    assert main(["key", "sign", province.kid, "--root", str(root), "--yes"]) == 0
    told = capsys.readouterr().out
    assert guest_keys.fingerprint(text_of) in told
    assert "đang được tin" in told
    with database.write() as session:
        trust = setup_documents.signed_trust(session, keyring.load(tmp_path, "root"))
        (guest,) = [key for key in trust.keys if key.max_level]
        assert (guest.kid, guest.zones) == (province.kid, ("xa", "thon-dong", "tdp-4"))
        guest_keys.ask_revocation(session, SystemClock().now(), province.kid, 1)
    assert main(["key", "sign", province.kid, "--root", str(root), "--yes"]) == 0
    assert "đã thu hồi" in capsys.readouterr().out
    with database.read() as session:
        assert setup_documents.signed_trust(session, keyring.load(tmp_path, "root")).revoked == (province.kid,)
    database.dispose()


def test_a_stolen_key_is_replaced_by_the_root_key_alone_and_after_a_yes(
    file: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    init(file)
    folder = home / "keys"
    old = {name: keyring.load(folder, name).kid for name in keyring.OWN}
    root = (folder / "root.pem").rename(tmp_path / "root.pem")
    assert main(["key", "replace", "station"]) == 1  # it was put away
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert main(["key", "replace", "station", "--root", str(root)]) == 1
    assert "Chưa thay gì" in capsys.readouterr().out
    assert {name: keyring.load(folder, name).kid for name in keyring.OWN} == old
    for name in keyring.OWN:
        assert main(["key", "replace", name, "--root", str(root), "--yes"]) == 0
        told = capsys.readouterr().out
        assert guest_keys.fingerprint(keys.public_text(keyring.load(folder, name).public)) in told
        assert "Đài đang chạy tự chuyển sang khóa mới" in told
        assert (folder / f"{name}.pem").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["emergency.pem", "root.pub", "station.pem"]
    new = {name: keyring.load(folder, name).kid for name in keyring.OWN}
    database = Database(f"sqlite:///{home / 'loa.db'}")
    with database.read() as session:
        trust = setup_documents.signed_trust(session, keyring.load(tmp_path, "root"))
    database.dispose()
    assert set(trust.revoked) == set(old.values())
    assert {key.kid for key in trust.keys} == set(new.values())
    assert main(["key", "list"]) == 0
    states = [(line[:16], line.rpartition(": ")[2]) for line in capsys.readouterr().out.splitlines() if line[0] != " "]
    assert dict(states) == dict.fromkeys(new.values(), "đang dùng") | dict.fromkeys(old.values(), "đã thu hồi")
    assert init(file) == 0  # which needs no root key, and goes on with the new ones
    assert {name: keyring.load(folder, name).kid for name in keyring.OWN} == new
