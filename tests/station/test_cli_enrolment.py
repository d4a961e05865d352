import json
from pathlib import Path

import pytest

from broadcaster.settings import Settings
from device_sim.kit import Kit
from tests.station.elsewhere import relay, wait_until
from web import brokers, cli
from web.initialise import Initialised


@pytest.fixture(autouse=True)
def environment(settings: Settings, station: Initialised, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_HOME", settings.home)


def run(*words: object) -> int:
    return cli.main([str(word) for word in words])


def test_a_kit_is_a_file_for_the_stick_and_a_label_to_print_and_for_the_owner_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = ["speaker", "kit", "loa-9", "--place", "thon-dong", "--name", "Cụm <9>", "--out", out]
    assert run(*made, "--wifi", "UBND:mật:khẩu", "--apn", "v-internet") == 0
    assert {path.name for path in out.iterdir()} == {
        "loa-9.json", "loa-9.label.svg", "loa-9.label.png", "loa-9.label.html",
    }  # fmt: skip
    assert all(path.stat().st_mode & 0o077 == 0 for path in out.iterdir())
    kit = Kit.read(out / "loa-9.json")
    given = json.loads((out / "loa-9.json").read_text())
    assert given["wifi"] == [{"ssid": "UBND", "password": "mật:khẩu"}]
    assert given["apn"] == "v-internet"
    label = (out / "loa-9.label.html").read_text()
    assert "Cụm &lt;9&gt;" in label
    assert kit.claim_code[:4] in label
    assert (out / "loa-9.label.png").read_bytes().startswith(b"\x89PNG")
    assert run(*made) == 0  # the same box once more: the same secrets
    assert Kit.read(out / "loa-9.json").claim_code == kit.claim_code
    assert run("speaker", "replace", "loa-9", "--out", out) == 0
    assert Kit.read(out / "loa-9.json").claim_code != kit.claim_code


def test_what_can_not_be_done_is_said_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, sentence in (
        (("kit", "loa-1", "--place", "tdp-4", "--out", tmp_path), "đã có"),
        (("kit", "loa-9", "--place", "ven-suoi", "--out", tmp_path), "Không có địa bàn"),
        (("confirm", "loa-1"), "đã được xác nhận"),
        (("retire", "nobody"), "Không có cụm loa nobody"),
    ):
        assert run("speaker", *words) == 1
        assert sentence in capsys.readouterr().err


def test_lists_go_out_and_come_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("list.csv", "list.xlsx"):
        assert run("speaker", "export", tmp_path / name) == 0
        assert run("speaker", "import", tmp_path / name) == 0
    (tmp_path / "new.csv").write_text("id,place\nloa-7,thon-dong\nloa-8,nowhere\n")
    assert run("speaker", "import", tmp_path / "new.csv") == 1
    said = capsys.readouterr().out
    assert "1 cụm loa mới chờ xác nhận" in said
    assert "Dòng 3: " in said
    (tmp_path / "bad.csv").write_text("name\nx\n")
    assert run("speaker", "import", tmp_path / "bad.csv") == 1
    assert "mã loa" in capsys.readouterr().err


def test_a_configuration_is_written_whole_and_its_users_are_refreshed_by_a_signal(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("nats", "mosquitto"):
        out = tmp_path / kind
        assert run("broker", "config", kind, "--out", out, "--host", "relay.example", "--at", "/srv/loa") == 0
        assert "/srv/loa" in (out / "README.txt").read_text()
        assert "mqtts://station:" in (settings.home_path / "relay.toml").read_text()
        assert (settings.home_path / "relay.toml").stat().st_mode & 0o077 == 0
    with relay("mosquitto", tmp_path / "live", settings) as broker:
        assert run("speaker", "kit", "loa-9", "--place", "thon-dong", "--out", tmp_path / "kits") == 0
        assert run("broker", "users", "--out", broker.out, "--pid-file", broker.out / "mosquitto.pid") == 0
        assert "loa-9:" in (broker.out / "passwords").read_text()
        assert "user loa-9" in (broker.out / "acl").read_text()
        wait_until(lambda: "Reloading config" in (broker.out / "log").read_text())
        assert (
            run("broker", "province", "quang-ninh", "--out", broker.out, "--pid-file", broker.out / "mosquitto.pid")
            == 0
        )
        token = brokers.province_tokens(settings)["province_quang-ninh"]
        assert f"province_quang-ninh   Mật khẩu: {token}" in capsys.readouterr().out
        assert "province_quang-ninh:" in (broker.out / "passwords").read_text()
        assert run("broker", "users", "--out", broker.out) == 0
        assert "province_quang-ninh:" in (broker.out / "passwords").read_text()
        assert run("broker", "province", "quang-ninh", "--remove", "--out", broker.out) == 0
        assert "quang-ninh" not in (broker.out / "passwords").read_text() + (broker.out / "acl").read_text()
    assert run("broker", "province", "quang-ninh", "--out", tmp_path) == 1
    assert brokers.province_tokens(settings) == {}
    assert run("broker", "users", "--out", tmp_path) == 1
    assert "broker config" in capsys.readouterr().err
