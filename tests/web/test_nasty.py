"""Every page and form is given what nobody would type: it may refuse it, and must not break (500)."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask

from broadcaster.rows import Place, Power, Role, Switching
from tests.web.station import Stage, account
from tests.web.test_attacks import ORDERS, UUID, Person, furnish

NASTY: Final = (
    "9" * 300, "-1", "0", "²", "٣", "a\0b", "\ud800", "x" * 10_000, "9999-12-31", "0001-01-01", "2026-02-30", "24:00", "%s", "{0}",
    "NaN", "inf", "1e999", "[]", "[" * 10_000, "99999999999999999999", "2147483648", "\u202e", "http://[", "1@99999999999999",
    "999999999999999-z", "ven-suoi", "", "daily", "lunar", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00",
)  # fmt: skip
PARTS: Final[Mapping[str | None, tuple[str, ...]]] = {
    "int": ("1", "99", "2147483648", "9" * 30),
    "uuid": (f"{UUID}1",),
    "any": ("end",),
    None: ("b0", "loa-001", "bao", "none", "%00", "x" * 300, "%ED%A0%80"),
}
WHENS: Final = ("now", "once", "dates", "daily", "weekly", "monthly", "days", "lunar", "every")
LEFT_OUT: Final = {
    "signin.sign_out",
    "signin.check",
    "signin.password",
    "people.password",
    "people.switch",
    "people.revoke",
}
"""They would end the session that tries the others."""
TRIED: Final = 40
"""Of some 450; when all of them were tried, what broke got a test of its own below."""
_PART: Final = re.compile(r"<(?:(\w+)(?:\([^)]*\))?:)?\w+>")


def field_names() -> list[str]:
    """Every field that some form has."""
    pages = (Path(__file__).parents[2] / "web" / "templates").glob("*.html")
    found = {name for page in pages for name in re.findall(r'name="([a-zA-Z0-9_-]+)"', page.read_text("utf-8"))}
    return sorted(found - {"csrf_token", "csrf-token", "viewport"} | {"before", "copy", "edit", "item", "part", "v-so"})


def encoded(fields: Mapping[str, Any]) -> str:
    """As a browser that is not one would send it."""
    return urlencode({name: str(value).encode("utf-8", "surrogatepass") for name, value in fields.items()})


def everywhere(app: Flask, random: Random) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each page and each order, with every field nasty."""
    names = field_names()
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in LEFT_OUT and not rule.endpoint.endswith("static"):
            for method in sorted({"GET", "POST"} & (rule.methods or set())):
                path = _PART.sub(lambda part: random.choice(PARTS[part[1]]), rule.rule)
                yield method, path, {name: random.choice(NASTY) for name in names}


def one_by_one(random: Random) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Forms that are right, but for one field."""
    right = dict.fromkeys(field_names(), "") | {
        "title": "Họp", "text": "Mời bà con.", "date": "2026-11-23", "time": "07:30", "places": "thon-2", "weekdays": "MO",
        "klass": "routine", "category": "họp dân", "voice": "north", "repeats": "1", "schedule": "2", "to": "2026-11-23",
        "occurrence": "2026-11-21T08:00:00+00:00", "from": "2026-11-22", "until": "2026-11-25", "url": "json://localhost",
    }  # fmt: skip
    paths = (
        "/write/{}",
        "/programmes/{}",
        "/write/when",
        "/preview",
        "/week/move",
        "/week/copy",
        "/me/lend",
        "/duty/paste",
    )
    forms = [*ORDERS, *((path.format(f"{UUID}{number}"), right) for number, path in enumerate(paths))]
    for path, form in forms:
        for name in random.sample(sorted(form), min(4, len(form))):
            kind = {"kind": random.choice(WHENS)} if form is right else {}
            yield "POST", path, {**form, **kind, name: random.choice(NASTY)}


def test_nothing_that_is_sent_breaks_a_page(app: Flask, stage: Stage) -> None:
    names = furnish(app, stage)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    boss, random, broken = Person(app, "sep", names), Random(20261122), []
    token = boss.token()
    for method, path, form in random.sample([*everywhere(app, random), *one_by_one(random)], TRIED):
        sent = encoded(form)
        if method == "GET":
            answer = boss.client.get(f"{path}?{sent}")
        else:
            kind = "application/x-www-form-urlencoded"
            filled = path.format(**names)
            answer = boss.client.post(filled, data=f"csrf_token={token}&{sent}", content_type=kind)
        if answer.status_code >= 500 and answer.status_code != 503:
            broken.append((method, path))
    assert broken == []


def test_what_broke_once_is_refused(app: Flask, stage: Stage) -> None:
    boss, huge = Person(app, "sep", furnish(app, stage)), "9" * 300
    for replaces in (huge, "0"):
        assert boss.write(replaces=replaces).status_code == 404
    for path in (f"/library/{huge}", f"/schedules/{huge}", f"/broadcasts/b0/stop/{huge}"):
        assert boss.get(path).status_code in {404, 405}, path
    assert boss.get(f"/write/{UUID}0?edit={huge}").status_code == 200
    assert boss.order("/contacts", {"place": huge, "name": "Mai", "phone": "0912345678"}) == 404
    for address in ("/library?q=%00", "/broadcasts/%00"):
        assert boss.get(address).status_code == 400, address
    assert boss.order("/lexicon", {"written": "a\0b", "spoken": "a"}) == 400
    with stage.rows() as session:
        session.add(account("duyet", Role.APPROVER, stage.clock.now()))
    for day in ("0001-01-01", "9999-12-31"):
        assert Person(app, "duyet", {}).order("/me/lend", {"to": "1", "from": day, "until": day}) == 303


def test_a_switching_whose_rule_can_not_be_read_is_shown_and_can_be_taken_off(app: Flask, stage: Stage) -> None:
    boss, now = Person(app, "sep", furnish(app, stage)), stage.clock.now()
    with stage.rows() as session:
        row = Switching(
            power=Power.OFF,
            start_at=now,
            until=now,
            rrule="RRULE:FREQ=HOURLY",
            reason="Cũ",
            account_id=1,
            created_at=now,
        )
        row.places = [session.get_one(Place, 2)]
        session.add(row)
        session.flush()
        number = row.id
    assert "Không đọc được lịch này" in boss.get("/power").text
    assert boss.order(f"/power/{number}/end", {}) == 303
    assert "Không đọc được lịch này" in boss.get("/power").text  # among what is over
