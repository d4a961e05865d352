"""``loa read``: lines on standard input become the words a loudspeaker says, exactly one line for each.

Begins in a third of a second: it needs neither database nor page, so `web.entry` comes here before they are imported.
"""

import argparse
import sys
from collections.abc import Sequence
from typing import IO, Final

from tts import reading
from tts.reading.order import RULES

_REASONS: Final = {
    reading.UNKNOWN_CAPITALS: "chữ viết tắt chưa biết (unknown capitals)",
    reading.FOREIGN_WORD: "từ nước ngoài (foreign word)",
    reading.DOUBTFUL: "có thể đọc khác (doubtful)",
    reading.UNSPEAKABLE: "không đọc được (left out)",
}
_WHY: Final = {rule.name: rule.why for rule in RULES}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument("--explain", action="store_true", help="cho biết quy tắc nào đã đổi gì (which rule did what)")


def run(arguments: argparse.Namespace) -> int:
    """Read standard input until its end. Bytes that are no UTF-8 are left out and flagged."""
    try:
        for number, line in enumerate(sys.stdin.buffer, start=1):
            _read(number, line.decode("utf-8", "replace"), sys.stdout.buffer, explain=arguments.explain)
    except BrokenPipeError:  # whoever listened has heard enough
        sys.stderr.close()
    except KeyboardInterrupt:
        return 130
    return 0


def main(given: Sequence[str]) -> int:
    """The command on its own, without the rest of ``loa``."""
    parser = argparse.ArgumentParser(prog="loa read", description="đọc từng dòng thành lời (lines into spoken words)")
    add_arguments(parser)
    return run(parser.parse_args(given))


def _read(number: int, line: str, out: IO[bytes], *, explain: bool) -> None:
    read = reading.read(line)
    told = [" ".join(read.spoken.split())]
    if explain:
        told += [f"  {_shown(change.source)} → {change.spoken.strip() or '(không đọc)'}  [{change.rule}: {_WHY[change.rule]}]"
                 for change in read.changes]  # fmt: skip
    out.write("".join(f"{text}\n" for text in told).encode())
    out.flush()
    for flag in read.flags:
        guess = f" → {flag.guess}" if flag.guess else ""
        note = f"dòng {number}, cột {flag.start + 1}: {_shown(flag.source)}: {_REASONS[flag.reason]}{guess}\n"
        sys.stderr.buffer.write(note.encode("utf-8", "replace"))
    sys.stderr.flush()


def _shown(source: str) -> str:
    return " ".join(source.split())
