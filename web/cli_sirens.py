"""``loa sirens``: the tables of sirens and templates, what is wrong with a file, and how its sirens sound."""

import argparse
import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from broadcaster import alert_tables
from broadcaster.alert_tables import AlertTable
from broadcaster.alert_templates import Template, UnknownTemplateError
from broadcaster.settings import Settings
from tts import encoding, siren, wav
from web.alert_table_words import pattern
from web.say import Say

_LEFT_OUT = ("code", "kind", "drill")
"""What a file can't say of a template."""


def add(commands: Any) -> None:
    """Add ``sirens`` to the commands of ``loa``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "sirens", help="bảng còi và mẫu cảnh báo (sirens and templates of alerts)"
    )
    verbs = parser.add_subparsers(required=True)
    verbs.add_parser("list", help="các bảng có sẵn và bảng đang dùng").set_defaults(run=_list)
    check = verbs.add_parser("check", help="kiểm tra một tệp trước khi dùng")
    show = verbs.add_parser("show", help="in một bảng để sửa thành bảng của mình")
    listen = verbs.add_parser("listen", help="ghi mỗi còi thành một tệp WAV để nghe thử")
    for verb, run in ((check, _check), (show, _show), (listen, _listen)):
        verb.add_argument(
            "table", nargs="?", default="", metavar="BẢNG", help="tên bảng hoặc tệp; mặc định bảng đang dùng"
        )
        verb.set_defaults(run=run)
    show.add_argument("--template", metavar="MÃ", help="in thêm một mẫu cảnh báo")
    listen.add_argument("--out", type=Path, default=Path(), metavar="DIR")


def _list(_arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    for source in dict.fromkeys((*alert_tables.SHIPPED, settings.sirens)):
        table = alert_tables.load(source)
        in_force = say(" (đang dùng)") if source == settings.sirens else ""
        print(f"{source}: {table.name}{in_force}")
        _describe(table, settings, say)
    return 0


def _check(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Errors: AlertTableError."""
    table = alert_tables.load(arguments.table or settings.sirens)
    print(say("%(name)s: dùng được. %(sirens)s còi, %(templates)s mẫu cảnh báo.",
              name=table.name, sirens=len(table.sirens), templates=len(table.warnings())))  # fmt: skip
    _describe(table, settings, say)
    return 0


def _describe(table: AlertTable, settings: Settings, say: Say) -> None:
    for code, one in table.sirens.items():
        used = ", ".join(template.name for template in table.using(code)) or say("chưa mẫu nào dùng")
        print(f"  {code:12} {pattern(one, say, settings.language)}: {used}")


def _show(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Errors: AlertTableError."""
    source, code = arguments.table or settings.sirens, arguments.template
    text, written = alert_tables.text_of(source), ""
    if code:
        try:
            written = f"\n{_written(alert_tables.load(source).template(code))}\n"
        except UnknownTemplateError:
            print(say("Không có mẫu “%(code)s”.", code=code), file=sys.stderr)
            return 1
        if code in tomllib.loads(text).get("templates", {}):
            print(say("Trong tệp đã có mẫu “%(code)s”, hãy sửa ngay ở đó.", code=code), file=sys.stderr)
            return 1
    print(text, written, sep="", end="")
    return 0


def _written(template: Template) -> str:
    """A template as a table writes it."""
    told = msgspec.to_builtins(template)
    lines = [f"[templates.{template.code}]"]
    for key in (key for key in told if key not in _LEFT_OUT):
        if key == "fields":
            fields = ["{" + ", ".join(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in one.items()) + "}"
                      for one in told[key]]  # fmt: skip
            lines.append(_listed(key, fields))
        elif key == "sentences":
            lines.append(_listed(key, [json.dumps(one, ensure_ascii=False) for one in told[key]]))
        else:
            lines.append(f"{key} = {json.dumps(told[key], ensure_ascii=False)}")
    return "\n".join(lines)


def _listed(key: str, items: list[str]) -> str:
    return "\n".join([f"{key} = [", *(f"  {one}," for one in items), "]"])


def _listen(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """What speakers would decode, one file for each siren. Errors: AlertTableError, OSError."""
    table = alert_tables.load(arguments.table or settings.sirens)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for code, one in table.sirens.items():
        clip = siren.siren(one)
        path = arguments.out / f"{code}.wav"
        wav.write(path, *encoding.decode(clip.opus))
        print(say("%(file)s: %(seconds)s giây", file=path, seconds=round(clip.duration_ms / 1000, 1)))
    return 0
