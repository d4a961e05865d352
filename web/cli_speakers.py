"""``loa speaker``: new boxes, other boards, other places, retirements, and the list of speakers in and out."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from broadcaster.clock import SystemClock
from broadcaster.counters import Counters
from broadcaster.enrolment import EnrolmentError, Registrar
from broadcaster.rows import Speaker, Station
from broadcaster.settings import Settings
from broadcaster.wire.fields import SpeakerRole
from broadcaster.wire.topics import Topics
from web import brokers, enrolment_words, speaker_lists
from web.kits import KitMaker, Wifi
from web.opened import opened
from web.say import Say
from web.speaker_lists import ListFileError

_FORMATS: Final[dict[str, speaker_lists.Format]] = {".csv": "csv", ".xlsx": "xlsx"}


@contextmanager
def _registrar(settings: Settings) -> Iterator[tuple[Registrar, Station]]:
    """One transaction in the name of the command line. Errors: NotInitialisedError."""
    with opened(settings) as (database, code), database.write() as session:
        yield Registrar(session, Topics(code), SystemClock()), session.scalars(select(Station)).one()


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Carry out ``loa speaker …``."""
    try:
        with _registrar(settings) as (registrar, station):
            verb: str = arguments.verb
            if verb in {"import", "export"}:
                return _lists(arguments, registrar, say)
            speaker = _act(arguments, registrar)
            if verb in {"kit", "replace"}:
                _write_kit(arguments, settings, station, speaker, say)
            else:
                done = {
                    "confirm": say("Đã xác nhận %(speaker)s."),
                    "move": say("%(speaker)s nay ở %(place)s."),
                    "retire": say("%(speaker)s đã thôi dùng; máy chủ truyền tin từ chối nó từ bây giờ."),
                }
                print(done[verb] % {"speaker": speaker.id, "place": speaker.place.name})
    except EnrolmentError as error:
        print(enrolment_words.refusal(say, error.code, error.subject), file=sys.stderr)
        return 1
    except ListFileError as error:
        print(enrolment_words.list_refusal(say, error.code, error.detail), file=sys.stderr)
        return 1
    return 0


def _act(arguments: argparse.Namespace, registrar: Registrar) -> Speaker:
    speaker: str = arguments.id
    match arguments.verb:
        case "kit":
            known = registrar.session.get(Speaker, speaker)
            if known and not known.retired_at and known.place.code == arguments.place:
                return known  # the same kit once more, with another network perhaps
            role = SpeakerRole.GATEWAY if arguments.gateway else SpeakerRole.SPEAKER
            return registrar.enrol(speaker, arguments.place, arguments.name or "", role)
        case "replace":
            return registrar.replace(speaker)
        case "confirm":
            return registrar.confirm(speaker)
        case "move":
            return registrar.move(speaker, arguments.place)
        case _:
            return registrar.retire(speaker)


def _write_kit(arguments: argparse.Namespace, settings: Settings, station: Station, speaker: Speaker, say: Say) -> None:
    broker = brokers.embedded(settings, station.code, SystemClock(), Counters())
    maker = KitMaker.of(settings, station.code, broker)
    wifi = Wifi.parse(arguments.wifi or "")
    for path in maker.write(arguments.out, station, speaker, say, wifi=wifi, apn=arguments.apn or ""):
        print(f"  {path}")
    print(say("Chép %(id)s.json vào USB, in nhãn, rồi xác nhận trên trang Cụm loa khi loa kết nối.", id=speaker.id))


def _lists(arguments: argparse.Namespace, registrar: Registrar, say: Say) -> int:
    path: Path = arguments.file
    if arguments.verb == "export":
        path.write_bytes(speaker_lists.write(registrar.session, _FORMATS.get(path.suffix.lower(), "csv")))
        return 0
    done = speaker_lists.read_in(registrar, path.read_bytes())
    print(
        say(
            "%(new)s cụm loa mới chờ xác nhận, %(changed)s cụm loa đã sửa.",
            new=len(done.enrolled),
            changed=done.changed,
        )
    )
    for row, _, code, subject in done.problems:
        print(say("  Dòng %(row)s: %(problem)s", row=row, problem=enrolment_words.refusal(say, code, subject)))
    return 1 if done.problems else 0


def add(commands: Any) -> None:
    """Add ``speaker`` to the commands of ``loa``."""
    parser: argparse.ArgumentParser = commands.add_parser("speaker", help="ghi danh cụm loa (enrol speakers)")
    parser.set_defaults(run=run)
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = verbs.add_parser(name, help=text)
        return made

    kit = verb("kit", "nhãn và tệp USB cho loa mới (label and file of a new box)")
    replace = verb("replace", "bo mạch mới, chỗ cũ: mã cũ bị từ chối (a new board)")
    move = verb("move", "chuyển sang địa bàn khác (to another place)")
    for command in (kit, replace, move, verb("retire", "thôi dùng (out of service)"), verb("confirm", "xác nhận")):
        command.add_argument("id")
    for command in (kit, move):
        command.add_argument("--place", required=True, metavar="CODE")
    kit.add_argument("--name")
    kit.add_argument("--gateway", action="store_true", help="bộ chuyển tiếp FM, loa có dây (feeds what it can't hear)")
    for command in (kit, replace):
        command.add_argument("--wifi", metavar="SSID:PASS")
        command.add_argument("--apn")
        command.add_argument("--out", type=Path, required=True, metavar="DIR")
    for name, text in (("import", "nhập danh sách CSV, XLSX"), ("export", "xuất danh sách CSV, XLSX")):
        verb(name, text).add_argument("file", type=Path)
