"""``loa conform``: proves that a speaker keeps the protocol; the reference speaker unless hardware is named."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from broadcaster.broker import find_nats_server
from broadcaster.conformance import report
from broadcaster.conformance.benches import CHECKS
from broadcaster.conformance.check import Result, Verdict
from broadcaster.conformance.hands import ByHand
from broadcaster.conformance.link import GivenBroker
from broadcaster.conformance.runner import Simulated
from broadcaster.conformance.subjects import HandSpeaker
from broadcaster.settings import Settings
from web.conform_words import PROVES
from web.language import SOURCE
from web.say import Say

_MARKS: Final = {Verdict.PASSED: "✓", Verdict.FAILED: "✗", Verdict.NOT_CHECKED: "–"}
_USAGE: Final = 2
_INTERRUPTED: Final = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command can be told."""
    parser.add_argument("checks", nargs="*", metavar="CHECK", help="chỉ những phép thử này (only these checks)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="ghi báo cáo JSON (write a report)")
    parser.add_argument("--broker", metavar="URL", help="máy chủ MQTT cho loa thật (a broker for hardware)")
    parser.add_argument("--speaker-broker", metavar="URL", help="địa chỉ ghi vào bộ tệp của loa, nếu khác")
    parser.add_argument("--kit-out", type=Path, metavar="FILE", help="nơi ghi bộ tệp của loa (where the kit goes)")
    parser.add_argument("--station", default="thu-nghiem", help="tên đài trên đường truyền")
    parser.add_argument("--speaker", default="loa-thu", help="tên cụm loa trên đường truyền")
    parser.add_argument("--interactive", action="store_true", help="có người đứng cạnh loa (a person helps)")


def run(arguments: argparse.Namespace, settings: Settings, say: Say) -> int:
    """Run the checks; 0 when none failed."""
    unknown = set(arguments.checks) - {one.name for one in CHECKS}
    if unknown:
        print(say("Không có phép thử %(names)s.", names=", ".join(sorted(unknown))), file=sys.stderr)
        return _USAGE
    if bool(arguments.broker) != bool(arguments.kit_out) or (arguments.broker and not arguments.interactive):
        print(say("Thử loa thật cần đủ --broker, --kit-out và --interactive."), file=sys.stderr)
        return _USAGE
    began = time.monotonic()
    try:
        with _unlogged():
            results = (
                asyncio.run(_by_hand(arguments, say)) if arguments.broker else _simulated(arguments, settings, say)
            )
    except KeyboardInterrupt:
        return _INTERRUPTED
    seconds = time.monotonic() - began
    _print_table(results, settings.language, say)
    counts = {verdict: sum(one.verdict is verdict for one in results) for verdict in Verdict}
    print(say("%(passed)s đạt, %(failed)s không đạt, %(other)s chưa kiểm tra, trong %(seconds)s giây.",
              passed=counts[Verdict.PASSED], failed=counts[Verdict.FAILED], other=counts[Verdict.NOT_CHECKED],
              seconds=round(seconds)))  # fmt: skip
    if arguments.json:
        arguments.json.write_bytes(report.as_json(results, seconds))
    return 0 if report.conforms(results) else 1


@contextmanager
def _unlogged() -> Iterator[None]:
    """Brokers that come and go are what the checks are made of, and no news."""
    log = logging.getLogger("broadcaster")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)


def _simulated(arguments: argparse.Namespace, settings: Settings, say: Say) -> list[Result]:
    binary = find_nats_server(settings.nats_server)
    print(say("Đang thử loa mẫu, khoảng một phút…"), file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="loa-conform-") as folder:
        return asyncio.run(Simulated(Path(folder), binary).run(set(arguments.checks), _progress()))


async def _by_hand(arguments: argparse.Namespace, say: Say) -> list[Result]:
    asked = {
        "kit": say("Xóa bộ nhớ của loa, nạp bộ tệp %(path)s rồi bật loa.", path=arguments.kit_out),
        "off": say("Ngắt điện loa ngay (rút phích cắm)."),
        "on": say("Cấp điện lại cho loa."),
    }

    async def ask(what: str) -> bool:
        prompt = asked[what] + " " + say("Xong thì nhấn Enter, không làm được thì gõ k: ")
        return (await asyncio.to_thread(input, prompt)).strip().lower() not in {"k", "n"}

    subject = HandSpeaker(arguments.kit_out, ask)
    broker = GivenBroker(arguments.broker, arguments.speaker_broker or arguments.broker)
    hand = ByHand(subject, broker, arguments.station, arguments.speaker)
    return await hand.run(set(arguments.checks), _progress())


def _progress() -> Any:
    def tell(result: Result) -> None:
        print(f"  {_MARKS[result.verdict]} {result.check.name}", file=sys.stderr, flush=True)

    return tell


def _print_table(results: Sequence[Result], language: str, say: Say) -> None:
    """A line for each check, and what was expected below one that did not pass."""
    names = max(len(one.check.name) for one in results)
    check, section, seen = say("Phép thử"), say("Mục"), say("Đã thấy")
    print(f"  {check:{names}}  {section:20}  {seen}")
    for one in results:
        print(f"{_MARKS[one.verdict]} {one.check.name:{names}}  {one.check.section:20}  {one.seen}")
        if one.verdict is not Verdict.PASSED:
            print("  " + say("Mong đợi: %(what)s", what=expected(one, language)))


def expected(result: Result, language: str) -> str:
    """What a check expects, in the operator's language."""
    return PROVES[result.check.name] if language == SOURCE else result.check.proves
