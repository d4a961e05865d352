import html
import io
import json
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from broadcaster.enrolment import Registrar
from broadcaster.rows import Account, AuditEntry, Grant, Role, Speaker
from broadcaster.wire.fields import SpeakerRole
from broadcaster.wire.topics import Topics
from device_sim.kit import Kit
from tests.web.conftest import Browser
from tests.web.station import Stage
from web import speaker_lists

KEY = "k" * 43
ROOT = "r" * 43


@pytest.fixture
def technician(app: Flask, stage: Stage) -> Browser:
    with stage.rows() as session:
        lan = session.get_one(Account, 1)
        session.add(
            Account(
                username="kt",
                password_hash=lan.password_hash,
                created_at=stage.clock.now(),
                grants=[Grant(role=Role.TECHNICIAN, granted_at=stage.clock.now())],
            )
        )
    keys = stage.services.settings.home_path / "keys"
    keys.mkdir()
    (keys / "root.pub").write_text(ROOT)
    browser = Browser(app.test_client())
    assert browser.sign_in("kt").status_code == 303
    return browser


@pytest.fixture
def registrar(stage: Stage) -> Iterator[Registrar]:
    with stage.rows() as session:
        yield Registrar(session, Topics("an-binh"), stage.clock, 1)


def speaker(stage: Stage, name: str) -> Speaker:
    with stage.rows() as session:
        return session.get_one(Speaker, name)


def actions(stage: Stage) -> list[str]:
    with stage.rows() as session:
        return list(session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def enrol(technician: Browser, **changes: str) -> int:
    form = {"id": "loa-025", "place": "thon-2", "name": "Cụm mới"} | changes
    return technician.post("/enrolment", form).status_code


def test_a_new_speaker_gets_its_label_and_usb_file_and_waits(stage: Stage, technician: Browser, tmp_path: Path) -> None:
    assert enrol(technician) == 303
    made = speaker(stage, "loa-025")
    assert made.pending_since == stage.clock.now()
    assert stage.orders.woken == 1
    page = technician.get("/enrolment/speaker/loa-025").text
    assert made.claim_code[:4] + " " + made.claim_code[4:8] in page
    path = tmp_path / "kit.json"
    networks = {"ssid": "UBND", "wifi-password": "bí mật: x", "apn": "v-internet"}
    path.write_bytes(technician.post("/enrolment/speaker/loa-025/kit", networks).data)
    kit = Kit.read(path)
    assert (kit.station, kit.speaker, kit.root, kit.claim_code) == ("an-binh", "loa-025", ROOT, made.claim_code)
    assert made.broker_token in kit.brokers[0]
    given = json.loads(path.read_text())
    assert (given["wifi"], given["apn"]) == ([{"ssid": "UBND", "password": "bí mật: x"}], "v-internet")
    label = technician.post("/enrolment/speaker/loa-025/label").text
    assert "<svg" in label
    assert "Cụm mới" in label


def test_it_is_confirmed_only_after_it_has_proved_its_claim_code(stage: Stage, technician: Browser) -> None:
    enrol(technician)
    assert "/confirm" not in technician.get("/speakers").text
    technician.post("/enrolment/speaker/loa-025/confirm")
    assert speaker(stage, "loa-025").pending_since
    with stage.rows() as session:
        session.get_one(Speaker, "loa-025").public_key = KEY
    page = html.unescape(technician.get("/speakers").text)
    assert "Đã trình đúng mã nhận loa" in page
    assert 'action="/enrolment/speaker/loa-025/confirm"' in page
    technician.post("/enrolment/speaker/loa-025/confirm", {"key": "x" * 43})  # not the one that has proved it
    assert not speaker(stage, "loa-025").in_service
    technician.post("/enrolment/speaker/loa-025/confirm", {"key": KEY})
    assert speaker(stage, "loa-025").in_service
    assert "/confirm" not in technician.get("/speakers").text
    assert actions(stage)[-1] == "speaker.confirm"


def test_a_claim_code_is_not_shown_once_it_has_done_its_work(stage: Stage, technician: Browser) -> None:
    with stage.rows() as session:
        session.get_one(Speaker, "loa-001").claim_code = "c1a1" * 8
    assert "c1a1" not in technician.get("/enrolment/speaker/loa-001").text
    assert technician.post("/enrolment/speaker/loa-001/kit").status_code == 404
    assert technician.post("/enrolment/speaker/loa-001/label").status_code == 404


def test_another_board_makes_the_old_secrets_worthless(stage: Stage, technician: Browser) -> None:
    enrol(technician)
    with stage.rows() as session:
        session.get_one(Speaker, "loa-025").public_key = KEY
    technician.post("/enrolment/speaker/loa-025/confirm", {"key": KEY})
    before = speaker(stage, "loa-025")
    technician.post("/enrolment/speaker/loa-025/replace")
    after = speaker(stage, "loa-025")
    assert before.claim_code != after.claim_code
    assert before.broker_token != after.broker_token
    assert after.public_key is None
    assert after.pending_since
    assert after.place_id == before.place_id


def test_moving_and_retiring_are_audited_and_history_stays(stage: Stage, technician: Browser) -> None:
    technician.post("/enrolment/speaker/loa-001/move", {"place": "thon-3"})
    assert speaker(stage, "loa-001").place_id == 3
    technician.post("/enrolment/speaker/loa-001/retire")
    assert speaker(stage, "loa-001").retired_at == stage.clock.now()
    assert actions(stage)[-2:] == ["speaker.move", "speaker.retire"]
    assert "Đã thôi dùng" in technician.get("/enrolment/speaker/loa-001").text
    technician.post("/enrolment/speaker/loa-001/move", {"place": "thon-2"})
    assert actions(stage)[-2:] == ["speaker.move", "speaker.retire"]
    assert enrol(technician, id="loa-001") == 422


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"id": "Loa số 9"}, "không đúng"),
        ({"id": "station"}, "không đúng"),
        ({"id": "loa-002"}, "đã có"),
        ({"place": "ven-suoi"}, "Không có địa bàn"),
        ({"name": "x\ty"}, "không hiện được"),
    ],
)
def test_what_can_not_be_enrolled_is_told_and_kept(technician: Browser, changes: dict[str, str], sentence: str) -> None:
    answer = technician.post("/enrolment", {"id": "loa-025", "place": "thon-2", "name": "Cụm"} | changes)
    assert answer.status_code == 422
    assert sentence in html.unescape(answer.text)


@pytest.mark.parametrize("path", ["/enrolment", "/enrolment/speaker/loa-001", "/enrolment/list.csv"])
def test_only_technicians_and_administrators_enrol(editor: Browser, path: str) -> None:
    assert editor.get(path).status_code == 403
    assert editor.post("/enrolment/speaker/loa-001/retire").status_code == 403
    assert "/enrolment" not in editor.get("/speakers").text


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_list_that_went_out_comes_in_unchanged(registrar: Registrar, kind: speaker_lists.Format) -> None:
    registrar.change("loa-002", {"name": "=HYPERLINK(1)", "latitude": -1.5})
    written = speaker_lists.write(registrar.session, kind)
    assert b"broker_token" not in written
    again = speaker_lists.read_in(registrar, written)
    assert (again.enrolled, again.changed, again.problems) == ([], 0, [])


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_a_gateway_is_one_in_the_list_that_goes_out_and_comes_in(
    registrar: Registrar, kind: speaker_lists.Format
) -> None:
    registrar.enrol("fm-1", "thon-2", role=SpeakerRole.GATEWAY)
    written = speaker_lists.write(registrar.session, kind)
    registrar.change("fm-1", {"role": SpeakerRole.SPEAKER})
    assert speaker_lists.read_in(registrar, written).changed == 1
    assert registrar.speaker("fm-1").role is SpeakerRole.GATEWAY
    wrong = "mã loa;loại\nfm-1;radio\n".encode()
    assert [code for _, _, code, _ in speaker_lists.read_in(registrar, wrong).problems] == ["bad-value"]


def test_a_gateway_is_enrolled_as_one_and_its_usb_file_says_so(stage: Stage, technician: Browser) -> None:
    assert enrol(technician, id="fm-1", gateway="yes") == 303
    assert speaker(stage, "fm-1").role is SpeakerRole.GATEWAY
    assert json.loads(technician.post("/enrolment/speaker/fm-1/kit", {}).data)["role"] == "gateway"
    assert "Bộ chuyển tiếp FM, loa có dây" in technician.get("/enrolment/speaker/fm-1").text


def test_each_bad_row_is_told_and_the_others_are_taken(stage: Stage, technician: Browser) -> None:
    rows = [
        "Mã loa;Mã địa bàn;Tên;Âm lượng (%)",
        "loa-030;thon-2;Cụm 30;80",
        "loa-031;nơi khác;Cụm 31;80",
        "loa-032;thon-2;Cụm 32;rất to",
        "loa-030;thon-3;Lần hai;70",
        ";thon-2;Không mã;70",
        "loa-001;thon-3;;",
    ]
    file = {"file": (io.BytesIO("\r\n".join(rows).encode("utf-8-sig")), "loa.csv")}
    page = html.unescape(technician.post("/enrolment/list", file).text)
    assert "1 cụm loa mới chờ xác nhận, 1 cụm loa đã sửa." in page
    for row, words in ((3, "Không có địa bàn"), (4, "Giá trị không dùng được"), (5, "có hai dòng"), (6, "Giá trị")):
        assert f"Dòng {row}: " in page
        assert words in page.split(f"Dòng {row}: ")[1][:120]
    assert speaker(stage, "loa-030").volume == 80
    assert speaker(stage, "loa-001").place_id == 3
    assert speaker(stage, "loa-001").name == "Thôn Đông - cụm 1"


def test_a_spreadsheet_with_numbers_as_spreadsheets_store_them_is_understood(registrar: Registrar) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["id", "place", "volume", "latitude"])
    book.active.append(["loa-040", "thon-2", 75.0, 20.5])
    sent = io.BytesIO()
    book.save(sent)
    assert speaker_lists.read_in(registrar, sent.getvalue()).enrolled == ["loa-040"]
    made = registrar.speaker("loa-040")
    assert (made.volume, made.latitude) == (75, 20.5)


@pytest.mark.parametrize(
    "sent", [b"", b"PK but no zip", b"\xff\xfe\x00", b"name,place\nx,y", b'id\n"' + b"x" * 200_000]
)
def test_a_file_that_is_no_list_is_refused_in_words(technician: Browser, sent: bytes) -> None:
    answer = technician.post("/enrolment/list", {"file": (io.BytesIO(sent), "loa.xlsx")})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
