"""The list of speakers as a file, out and in: CSV always, XLSX with the extra ``office`` (openpyxl's only importer).

Every row that can't be used is reported by its number and left out; the others are taken.
"""

import csv
import io
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from broadcaster.enrolment import EnrolmentError, Registrar
from broadcaster.errors import LoaError
from broadcaster.rows import Speaker
from broadcaster.wire.fields import SpeakerRole, Volume

Format = Literal["csv", "xlsx"]

_TITLES: Final = {
    "id": "mã loa",
    "place": "mã địa bàn",
    "name": "tên",
    "role": "loại",
    "horn_count": "số loa nén",
    "horn_watts": "công suất (W)",
    "latitude": "vĩ độ",
    "longitude": "kinh độ",
    "link": "đường truyền",
    "amp_lead_ms": "bật âm ly trước (ms)",
    "delay_ms": "độ trễ (ms)",
    "volume": "âm lượng (%)",
}
"""Column → its heading; a heading may also be the column's own name."""
_BY_HEADING: Final = {title: column for column, title in _TITLES.items()} | {column: column for column in _TITLES}
_MAX_ROWS: Final = 20_000
_MAX_UNPACKED_BYTES: Final = 64 * 2**20
_NEAR_DEG: Final = 1e-6
"""11 cm: spreadsheets keep fewer digits than the database."""
_FORMULA: Final = ("=", "+", "@", "\t", "\r")
"""A cell that begins so is a formula to a spreadsheet."""


class ListFileError(LoaError):
    """The file can't be read as a list at all.

    Attributes:
        code: ``unreadable``, ``no-id-column``, ``too-long`` or ``no-xlsx``.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code, self.detail = code, detail


class _Row(msgspec.Struct, frozen=True):
    """One speaker of the file; what is left empty stays as it is."""

    id: str
    place: str | None = None
    name: str | None = None
    role: SpeakerRole | None = None
    horn_count: Annotated[int, msgspec.Meta(ge=1, le=64)] | None = None
    horn_watts: Annotated[int, msgspec.Meta(ge=1, le=1000)] | None = None
    latitude: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    link: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    amp_lead_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    delay_ms: Annotated[int, msgspec.Meta(ge=0, le=10_000)] | None = None
    volume: Volume | None = None


@dataclass
class Imported:
    """What taking a list in did.

    Attributes:
        problems: (row in the file, its speaker, code, what it is about).
    """

    enrolled: list[str] = field(default_factory=list)
    changed: int = 0
    problems: list[tuple[int, str, str, str]] = field(default_factory=list)


def write(session: Session, kind: Format) -> bytes:
    """Every speaker that is not retired, without its secrets. Errors: ListFileError (no-xlsx)."""
    served = select(Speaker).where(Speaker.retired_at.is_(None)).order_by(Speaker.place_id, Speaker.id)
    rows = [[_value(speaker, column) for column in _TITLES] for speaker in session.scalars(served)]
    table = [list(_TITLES.values()), *rows]
    return _write_csv(table) if kind == "csv" else _write_xlsx(table)


def _value(speaker: Speaker, column: str) -> Any:
    value = speaker.place.code if column == "place" else getattr(speaker, column)
    value = value.value if isinstance(value, SpeakerRole) else value
    return "'" + value if isinstance(value, str) and value.startswith(_FORMULA) else value


def _write_csv(table: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    return text.getvalue().encode("utf-8-sig")  # with its mark, or Excel takes it for another encoding


def _openpyxl() -> Any:
    try:
        import openpyxl  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ListFileError("no-xlsx", "pip install loa-phuong[office]") from error
    return openpyxl


def _write_xlsx(table: Iterable[Sequence[Any]]) -> bytes:
    book = _openpyxl().Workbook()
    sheet = book.active
    sheet.title = "Cụm loa"
    for row in table:
        sheet.append(list(row))
    sheet.freeze_panes = "A2"
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def read_in(registrar: Registrar, data: bytes) -> Imported:
    """Take a list in: unknown speakers are enrolled and wait to be confirmed, known ones are changed or moved.

    Errors: ListFileError.
    """
    table = _read_xlsx(data) if data.startswith(b"PK") else _read_csv(data)
    if len(table) > _MAX_ROWS:
        raise ListFileError("too-long", str(_MAX_ROWS))
    headings = [str(cell or "").strip().lower() for cell in table[0]] if table else []
    columns = [_BY_HEADING.get(heading) for heading in headings]
    if "id" not in columns:
        raise ListFileError("no-id-column")
    done, seen = Imported(), set[str]()
    for number, cells in enumerate(table[1:], 2):
        given = {
            column: text for column, cell in zip(columns, cells, strict=False) if column and (text := _text(cell)) != ""
        }
        if given:
            _take(registrar, number, given, seen, done)
    return done


def _text(cell: Any) -> str:
    """A cell as it was typed: 3.0 of a spreadsheet is 3."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    return text.removeprefix("'")


def _take(registrar: Registrar, number: int, given: Mapping[str, str], seen: set[str], done: Imported) -> None:
    name = given.get("id", "")
    try:
        row = msgspec.convert(given, _Row, strict=False)
        if row.id in seen:
            done.problems.append((number, name, "twice", row.id))
            return
        seen.add(row.id)
        values = {
            key: value for key in _TITLES if key not in {"id", "place"} and (value := getattr(row, key)) is not None
        }
        with registrar.session.begin_nested():  # a row is taken whole or not at all
            known = registrar.session.get(Speaker, row.id) is not None
            if not known:
                registrar.enrol(row.id, row.place or "", row.name or "")
                registrar.change(row.id, values)
                done.enrolled.append(row.id)
            else:
                before = registrar.speaker(row.id).place
                moved = row.place is not None and registrar.move(row.id, row.place).place is not before
                done.changed += registrar.change(row.id, _news(registrar.speaker(row.id), values)) or moved
    except msgspec.ValidationError as error:
        done.problems.append((number, name, "bad-value", str(error)))
    except EnrolmentError as error:
        done.problems.append((number, name, error.code, error.subject))


def _news(speaker: Speaker, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that say something new of a speaker."""

    def is_news(key: str, value: Any) -> bool:
        known = getattr(speaker, key)
        if isinstance(value, float) and known is not None:
            return bool(abs(value - known) > _NEAR_DEG)
        return bool(value != known)

    return {key: value for key, value in values.items() if is_news(key, value)}


def _read_csv(data: bytes) -> list[list[Any]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ListFileError("unreadable", "UTF-8") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)  # Excel in Vietnam writes semicolons
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ListFileError("unreadable", str(error)) from error


def _read_xlsx(data: bytes) -> list[list[Any]]:
    load: Callable[..., Any] = _openpyxl().load_workbook
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            unpacked = sum(entry.file_size for entry in packed.infolist())
        book = load(io.BytesIO(data), read_only=True, data_only=True) if unpacked <= _MAX_UNPACKED_BYTES else None
        if book:
            rows = book.worksheets[0].iter_rows(max_row=_MAX_ROWS + 1, max_col=40, values_only=True)
            table = [list(row) for row in rows]
            book.close()
    except Exception as error:
        raise ListFileError("unreadable", type(error).__name__) from error
    if book is None:
        raise ListFileError("too-long", "XLSX")
    return table
