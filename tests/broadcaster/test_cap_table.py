"""From the words of CAP to templates and risk levels of ours."""

import pytest

from broadcaster import alert_templates
from broadcaster.cap import message, table
from tests import cap

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("changes", "template", "level"),
    [
        ({"event": "Flash Flood Warning"}, "lu-quet", 3),
        ({"event": "LŨ trên sông Bồ", "severity": "Moderate"}, "lu-2", 2),
        ({"event": "River Flood", "severity": "Extreme"}, "lu-3", 4),
        ({"event": "Áp thấp nhiệt đới", "certainty": "Possible"}, "ap-thap", 2),
        ({"event": "Xả lũ hồ chứa", "severity": "Minor", "urgency": "Future"}, "xa-lu", 1),
        ({"event": "Sóng thần"}, "khac", 3),
        ({"event": "Cháy rừng"}, "chay", 3),
        ({"more": "<parameter><valueName>CapDoRuiRo</valueName><value>cấp 5</value></parameter>"}, "bao", 5),
    ],
)
def test_event_and_severity_become_template_and_level(changes: dict[str, str], template: str, level: int) -> None:
    [info] = message.read(cap.alert(infos=[cap.info(**changes)])).infos
    meaning = table.meaning(info)
    assert (meaning.template, meaning.level) == (template, level)


def test_every_template_of_the_table_is_there() -> None:
    rows = table._table().events
    named = {row.template for row in rows if row.template} | {code for row in rows for code in row.levels.values()}
    assert named <= {one.code for one in alert_templates.all_templates()}
    assert all(row.template or set(row.levels) == set("12345") for row in rows)


def test_every_template_calls_its_place() -> None:
    for one in alert_templates.all_templates():
        assert one.kind == "rehearsal" or "Thôn Đông" in one.call("Thôn Đông")[-1]
