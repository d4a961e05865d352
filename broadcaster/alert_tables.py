"""A station's own table: its sirens, and what it changes in the templates of alerts or adds to them.

A table is a TOML file, shipped or the station's; ``docs/alerts.md`` tells its keys.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from broadcaster import alert_templates
from broadcaster.alert_templates import DRILL, FIELD, LONGEST_S, PLACE, Kind, Siren, Template, UnknownTemplateError
from broadcaster.errors import LoaError

T = TypeVar("T")

USUAL: Final = "ngan"
SHIPPED: Final = (USUAL, "hue")
"""Names of the tables that need no file."""
_CODE: Final = re.compile(r"[a-z0-9-]{1,40}")
_MAY_SAY: Final = ("name", "level", "siren", "why", "fields", "sentences", "rises", "repeats", "every_min")
"""Keys of a template in a file; its kind, and whether it is a drill, are not for a table to say."""
_LONGEST_NAME: Final = 100
_LONGEST_SENTENCE: Final = 500
"""Characters."""
_BEFORE: Final = "khac"
"""What a station adds stands before the template for everything else."""


class Fault(NamedTuple):
    """What is wrong with a file: the dotted key, its line if it could be found, a code, and what it is about."""

    key: str
    line: int | None
    code: str
    value: str = ""


class AlertTableError(LoaError):
    """A table can't be used; every fault is told."""

    def __init__(self, name: str, faults: Iterable[Fault]) -> None:
        self.name, self.faults = name, tuple(faults)
        told = (f"{name}:{one.line or ''} {one.key} {one.code} {one.value}".strip() for one in self.faults)
        super().__init__("; ".join(told))


@dataclass(frozen=True)
class AlertTable:
    """What a station raises alerts from.

    Attributes:
        source: how ``LOA_SIRENS`` names it.
        name: for people.
        templates: in the order in which people look for them.
    """

    source: str
    name: str
    sirens: Mapping[str, Siren]
    templates: tuple[Template, ...]

    def template(self, code: str) -> Template:
        """The template of that name. Errors: UnknownTemplateError."""
        for one in self.templates:
            if one.code == code:
                return one
        raise UnknownTemplateError(code)

    def of_kind(self, kind: Kind) -> Template:
        """The template for what is no warning."""
        return next(one for one in self.templates if one.kind == kind)

    def warnings(self) -> list[Template]:
        """What can be raised by hand."""
        return [one for one in self.templates if one.kind == "warning"]

    def using(self, siren: str) -> list[Template]:
        """The templates that begin with a siren."""
        return [one for one in self.templates if one.siren == siren]

    def standing_sentences(self, place: str) -> Iterable[str]:
        """Every sentence that a place may need at once, each one once."""
        return dict.fromkeys(sentence for one in self.templates for sentence in one.standing(place))

    def shared_sentences(self) -> Iterable[str]:
        """The sentences that every place says alike."""
        said = (text for one in self.templates for text in one.sentences if not FIELD.search(text))
        return dict.fromkeys((DRILL, *said))


def text_of(source: str) -> str:
    """The file of a table. Errors: AlertTableError."""
    try:
        if source in SHIPPED:
            return files("broadcaster").joinpath("data", f"sirens_{source}.toml").read_text("utf-8")
        return Path(source).read_text("utf-8-sig")  # some editors begin with a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        raise AlertTableError(source, [Fault("", None, "unreadable", str(error))]) from error


def load(source: str = USUAL) -> AlertTable:
    """The table that a shipped name or the path of a file names. Errors: AlertTableError."""
    text = text_of(source)
    try:
        told = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise AlertTableError(source, [Fault("", int(line[1]) if line else None, "no-toml", str(error))]) from error
    reader = _Reader(text)
    table = reader.table(source, told)
    if reader.faults:
        raise AlertTableError(source, reader.faults)
    return table


class _Reader:
    """Makes a table of what stands in a file, and gathers what is wrong with it."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        self.faults: list[Fault] = []

    def table(self, source: str, told: Mapping[str, Any]) -> AlertTable:
        for key in sorted(told.keys() - {"name", "sirens", "templates"}):
            self._blame((key,), "unknown-key")
        name = told.get("name", source)
        if not isinstance(name, str) or not name.strip():
            self._blame(("name",), "wrong-value", "`str`")
        written = dict(self._tables(told, "sirens"))
        sirens = {code: siren for code, given in written.items() if (siren := self._siren(code, given))}
        if "sirens" not in told:
            sirens = dict(load().sirens)
        templates = self._templates(told)
        for one in templates:
            if one.siren and one.siren not in written.keys() | sirens.keys():
                self._blame(("templates", one.code, "siren"), "no-siren", one.siren)
        return AlertTable(source, str(name), sirens, tuple(templates))

    def _templates(self, told: Mapping[str, Any]) -> list[Template]:
        """The shipped ones as they were changed, and the station's own before the one for everything else."""
        shipped = {one.code: one for one in alert_templates.all_templates()}
        made = [self._template(code, given, shipped.get(code)) for code, given in self._tables(told, "templates")]
        listed = list((shipped | {one.code: one for one in made if one and one.code in shipped}).values())
        at = next((number for number, one in enumerate(listed) if one.code == _BEFORE), len(listed))
        listed[at:at] = [one for one in made if one and one.code not in shipped]
        return listed

    def _tables(self, told: Mapping[str, Any], key: str) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """The entries of a group, but for those that are none."""
        group = told.get(key, {})
        if not isinstance(group, Mapping):
            self._blame((key,), "wrong-value", "`object`")
            return
        for code, given in group.items():
            if not _CODE.fullmatch(code):
                self._blame((key, code), "wrong-code")
            elif not isinstance(given, Mapping):
                self._blame((key, code), "wrong-value", "`object`")
            else:
                yield code, given

    def _siren(self, code: str, given: Mapping[str, Any]) -> Siren | None:
        siren = self._converted(("sirens", code), given, Siren)
        if siren and siren.low_hz > siren.high_hz:
            self._blame(("sirens", code, "low_hz"), "low-above-high")
        if siren and siren.length_s > LONGEST_S:
            self._blame(("sirens", code, "blasts"), "too-long", f"{siren.length_s:g}")
        return siren

    def _template(self, code: str, given: Mapping[str, Any], shipped: Template | None) -> Template | None:
        path = ("templates", code)
        if unknown := sorted(given.keys() - set(_MAY_SAY)):
            for key in unknown:
                self._blame((*path, key), "unknown-key")
            return None
        usual = msgspec.to_builtins(shipped) if shipped else {"siren": "", "why": "", "fields": []}
        made = self._converted(path, {**usual, **given, "code": code}, Template)
        if made:
            self._judge(made)
        return made

    def _judge(self, template: Template) -> None:
        """What no type can say."""
        path = ("templates", template.code)
        names = [one.name for one in template.fields]
        used = {name for sentence in template.sentences for name in FIELD.findall(sentence)}
        for number, sentence in enumerate(template.sentences, 1):
            self._judge_sentence((*path, "sentences", str(number)), sentence, {*names, PLACE})
        for name in dict.fromkeys(names):
            if name not in used:
                self._blame((*path, "fields"), "unused-field", name)
            elif names.count(name) > 1 or name == PLACE:
                self._blame((*path, "fields"), "taken-field", name)
        if not template.name.strip() or len(template.name) > _LONGEST_NAME:
            self._blame((*path, "name"), "text-length", str(_LONGEST_NAME))
        if template.kind != "warning" and (template.siren or template.fields):
            self._blame(path, "no-warning")
        if template.kind == "rehearsal" and template.sentences:
            self._blame((*path, "sentences"), "silent")
        if template.kind != "rehearsal" and not template.standing(""):
            self._blame((*path, "sentences"), "nothing-ready")

    def _judge_sentence(self, path: tuple[str, ...], sentence: str, fields: set[str]) -> None:
        for name in sorted(set(FIELD.findall(sentence)) - fields):
            self._blame(path, "no-field", name)
        if re.search(r"[{}]", FIELD.sub("", sentence)):
            self._blame(path, "stray-brace")
        if not sentence.strip() or len(sentence) > _LONGEST_SENTENCE:
            self._blame(path, "text-length", str(_LONGEST_SENTENCE))

    def _converted(self, path: tuple[str, ...], given: Mapping[str, Any], kind: type[T]) -> T | None:
        try:
            return msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            told, _, at = str(error).partition(" - at `$")
            path += tuple(str(int(part) + 1) if part.isdigit() else part for part in re.findall(r"[a-z_]+|\d+", at))
            if field := re.fullmatch(r"Object contains unknown field `(.+)`", told):
                self._blame((*path, field[1]), "unknown-key")
            elif field := re.fullmatch(r"Object missing required field `(.+)`", told):
                self._blame((*path, field[1]), "missing-key")
            else:
                self._blame(path, "wrong-value", told.removeprefix("Expected ").partition(",")[0])
            return None

    def _blame(self, path: tuple[str, ...], code: str, value: str = "") -> None:
        self.faults.append(Fault(".".join(path), self._line_of(path), code, value))

    def _line_of(self, path: tuple[str, ...]) -> int | None:
        """The line of a key, or of what it would stand in; None where it is written in another way than one line for a key."""
        header = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
        begun: list[str] = []
        best, line = 0, None
        for number, text in enumerate(self._lines, 1):
            if found := header.match(text):
                begun = [part.strip(" \"'") for part in found[1].split(".")]
                key = begun
            elif found := re.match(r"\s*([\w-]+)\s*=", text):
                key = [*begun, found[1]]
            else:
                continue
            if len(key) > best and tuple(key) == path[: len(key)]:
                best, line = len(key), number
        return line
