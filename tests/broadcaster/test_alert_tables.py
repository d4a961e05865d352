"""A station's own table of sirens and templates: what it changes, and how its mistakes are told."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from broadcaster import alert_tables, alert_templates, alerting, standing
from broadcaster.alert_orders import Order, OrderError
from broadcaster.alert_tables import SHIPPED, AlertTable, AlertTableError
from broadcaster.alert_templates import Siren, UnknownTemplateError
from broadcaster.alerting import By
from broadcaster.core import Core
from broadcaster.rows import Alert

SIRENS = """\
[sirens.bao]
blasts = 3
blast_s = 6
pause_s = 2
[sirens.lu]
blasts = 1
blast_s = 10
pause_s = 0
[sirens.khan]
blasts = 2
blast_s = 5
pause_s = 1
series = 2
low_hz = 700
high_hz = 700
"""
OWN = f"""\
name = "Bảng còi của tỉnh"
{SIRENS}
[templates.bao]
level = 4
siren = "khan"
[templates.vo-de]
name = "Vỡ đê"
level = 5
siren = "khan"
rises = true
fields = [{{name = "doan", label = "Đoạn đê"}}]
sentences = ["Đê đã vỡ.", "Bà con {{place}} lên chỗ cao.", "Đoạn vỡ: {{doan}}."]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "coi.toml"
    path.write_text(OWN, "utf-8")
    return path


@pytest.fixture
def own(file: Path) -> AlertTable:
    return alert_tables.load(str(file))


def faults(file: Path, text: str) -> dict[str, tuple[int | None, str, str]]:
    file.write_text(text, "utf-8")
    with pytest.raises(AlertTableError) as caught:
        alert_tables.load(str(file))
    return {one.key: one[1:] for one in caught.value.faults}


@pytest.mark.parametrize("source", SHIPPED)
def test_a_shipped_table_has_every_siren_that_its_templates_begin_with(source: str) -> None:
    table = alert_tables.load(source)
    assert {one.siren for one in table.templates if one.siren} == set(table.sirens)
    assert table.templates == alert_templates.all_templates()


def test_hue_is_as_the_press_printed_it() -> None:
    told = {
        code: (one.blasts, one.blast_s, one.pause_s, one.length_s)
        for code, one in alert_tables.load("hue").sirens.items()
    }
    assert told == {"bao": (3, 20, 10, 80), "lu": (2, 10, 10, 30), "khan": (5, 30, 5, 170)}


def test_a_file_brings_sirens_changes_templates_and_adds_some_before_the_one_for_everything_else(
    own: AlertTable,
) -> None:
    assert own.name == "Bảng còi của tỉnh"
    assert own.sirens["khan"] == Siren(2, 5, 1, 2, low_hz=700, high_hz=700)
    usual = alert_tables.load().template("bao")
    storm = own.template("bao")
    assert (storm.level, storm.siren) == (4, "khan")
    assert (storm.name, storm.sentences, storm.fields) == (usual.name, usual.sentences, usual.fields)
    codes = [one.code for one in own.warnings()]
    assert codes.index("vo-de") == codes.index("khac") - 1
    assert own.template("vo-de").say("Thôn Đông", {"doan": "K3"})[1:] == [
        "Bà con Thôn Đông lên chỗ cao.",
        "Đoạn vỡ: K3.",
    ]
    assert "vo-de" in [one.code for one in own.using("khan")]


def test_what_an_officer_would_fill_in_is_never_part_of_the_call(file: Path) -> None:
    file.write_text(OWN.replace('["Đê đã vỡ.", ', '["Đoạn {doan} đã vỡ.", "Đê đã vỡ.", '), "utf-8")
    told = alert_tables.load(str(file)).template("vo-de").call("Thôn Đông")
    assert told == ["Đê đã vỡ.", "Bà con Thôn Đông lên chỗ cao."]


def test_a_file_that_an_editor_began_with_a_byte_order_mark_is_read(file: Path) -> None:
    file.write_text(OWN, "utf-8-sig")
    assert alert_tables.load(str(file)).sirens


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
def test_no_siren_is_endless_or_without_a_length(file: Path, wrong: str) -> None:
    told = faults(file, SIRENS.replace("blast_s = 6", f"blast_s = {wrong}", 1))
    assert told["sirens.bao.blast_s"][:2] == (3, "wrong-value")


@pytest.mark.parametrize("wrong", ['"ba"', "0", "3.5", "99", "true", "[3]"])
def test_the_line_of_a_wrong_value_is_told(file: Path, wrong: str) -> None:
    told = faults(file, SIRENS.replace("blasts = 3", f"blasts = {wrong}", 1))
    assert told["sirens.bao.blasts"][:2] == (2, "wrong-value")


def test_a_file_without_sirens_has_the_short_ones(file: Path) -> None:
    file.write_text("[templates.chay]\nlevel = 4\n")
    table = alert_tables.load(str(file))
    assert table.sirens == alert_tables.load().sirens
    assert table.template("chay").level == 4


def test_every_fault_of_a_file_is_told_at_once(file: Path) -> None:
    text = f"""\
nane = "x"
{SIRENS}[sirens."Còi"]
blasts = 1
[sirens.dai]
blasts = 10
blast_s = 60
pause_s = 0
[sirens.thieu]
blasts = 1
pause_s = 0
[sirens.cao]
blasts = 1
blast_s = 3
pause_s = 1
low_hz = 900
high_hz = 800
[templates.bao]
siren = "bom"
[templates.chay]
kind = "end"
[templates.lu-1]
sentences = ["Lũ ở {{be}}.", "Nước {{ lên", " ", "Lũ đang lên."]
[templates.ket-thuc]
siren = "khan"
[templates.thu]
sentences = ["Thử."]
[templates.moi]
name = "Mới"
level = 6
sentences = ["Chú ý."]
[templates.cam]
name = " "
level = 1
fields = [{{name = "place", label = "Nơi"}}, {{name = "gi", label = "Gì"}}]
sentences = ["Ở {{place}}: {{noi}}."]
""".replace("{{", "{").replace("}}", "}")  # fmt: skip
    told = faults(file, text)
    lines = {text: number for number, text in enumerate(text.splitlines(), 1)}
    assert told["nane"] == (1, "unknown-key", "")
    assert told["sirens.Còi"] == (lines['[sirens."Còi"]'], "wrong-code", "")
    assert told["sirens.dai.blasts"] == (lines["blasts = 10"], "too-long", "600")
    assert told["sirens.thieu.blast_s"] == (lines["[sirens.thieu]"], "missing-key", "")
    assert told["sirens.cao.low_hz"] == (lines["low_hz = 900"], "low-above-high", "")
    assert told["templates.bao.siren"] == (lines['siren = "bom"'], "no-siren", "bom")
    assert told["templates.chay.kind"] == (lines['kind = "end"'], "unknown-key", "")
    flood = next(number for line, number in lines.items() if line.startswith('sentences = ["Lũ'))
    assert told["templates.lu-1.sentences.1"] == (flood, "no-field", "be")
    assert told["templates.lu-1.sentences.2"] == (flood, "stray-brace", "")
    assert told["templates.lu-1.sentences.3"] == (flood, "text-length", "500")
    assert "templates.lu-1.sentences.4" not in told
    assert told["templates.ket-thuc"] == (lines["[templates.ket-thuc]"], "no-warning", "")
    assert told["templates.thu.sentences"] == (lines['sentences = ["Thử."]'], "silent", "")
    assert told["templates.moi.level"] == (lines["level = 6"], "wrong-value", "`int` <= 5")
    assert told["templates.cam.name"] == (lines['name = " "'], "text-length", "100")
    assert told["templates.cam.sentences.1"][1:] == ("no-field", "noi")
    assert told["templates.cam.fields"][1] == "unused-field"


def test_a_template_that_says_nothing_before_it_is_filled_in_is_refused(file: Path) -> None:
    told = faults(file, SIRENS + '[templates.lu-1]\nsentences = ["{loi}"]\nfields = [{name = "loi", label = "Lời"}]\n')
    assert told == {"templates.lu-1.sentences": (17, "nothing-ready", "")}


def test_what_is_no_toml_or_no_file_is_told(file: Path, tmp_path: Path) -> None:
    assert faults(file, "[sirens.bao]\nblasts = \n")[""][:2] == (2, "no-toml")
    assert faults(file, "sirens = 5")["sirens"][1] == "wrong-value"
    for path in (tmp_path / "nowhere.toml", tmp_path):
        with pytest.raises(AlertTableError, match="unreadable"):
            alert_tables.load(str(path))
    file.write_bytes(b"name = '\xff'")
    with pytest.raises(AlertTableError, match="unreadable"):
        alert_tables.load(str(file))


def raised(core: Core, template: str, **changes: str) -> Alert:
    with core.database.write() as session:
        order = Order(f"form {template}", template, ("xa",), changes)
        return alerting.raise_alert(session, core, order, By()).alert


def sirens_kept(core: Core) -> set[str]:
    with core.database.read() as session:
        lacking, surplus = standing.changes(session, core.alert_table)
        assert not surplus
        return {str(row["text"]) for row in lacking if str(row["text"]).startswith(standing.SIREN)}


def test_an_alert_is_raised_and_kept_for_from_the_table_of_the_station(core: Core, own: AlertTable) -> None:
    changed = Core(core.database, core.keyring, core.topics, core.clock, core.counters, own)
    assert sirens_kept(core) == {f"còi báo động {name}" for name in ("2x3s/1s x1", "3x2.5s/0.5s x1")}
    assert sirens_kept(changed) == {
        f"còi báo động {name}" for name in ("3x6s/2s x1", "1x10s/0s x1", "2x5s/1s x2 700-700Hz/2.5s")
    }
    with pytest.raises(OrderError):
        raised(core, "vo-de")
    alert = raised(changed, "vo-de", doan="K3")
    assert alert.sounds[0].text == "còi báo động 2x5s/1s x2 700-700Hz/2.5s"
    assert alert.level == 5
    assert raised(changed, "bao").level == 4


def test_an_alert_of_a_template_that_its_table_has_no_more_goes_on_and_is_ended(core: Core, own: AlertTable) -> None:
    changed = Core(core.database, core.keyring, core.topics, core.clock, core.counters, own)
    alert = raised(changed, "vo-de")
    with pytest.raises(UnknownTemplateError):
        core.alert_table.template("vo-de")
    with core.database.write() as session:
        assert [one.id for one in alerting.in_force(session, core.clock.now() + timedelta(minutes=1))] == [alert.id]
        assert alerting.is_warning(session.scalars(select(Alert)).one())
        alerting.end_alert(session, core, alert.id, By(), words=True)
