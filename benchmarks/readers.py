"""Our reading rules beside the normalisers a Python user could install, on the same lines: how many are read right, and how fast.

Run `python -m benchmarks.readers --python OTHER/bin/python`. OTHER is a throw-away environment, made once:

    python3 -m venv OTHER && OTHER/bin/pip install sea-g2p vietnormalizer vinormx pyyaml

Two sets: the gold lines of the project's specification, and our own corpus, whose readings are ours, so that it favours us (it shows which kinds the
others lack, not who is better). A reading is right when it is one of the accepted ones after lower case, without marks, tone marks in one place.
"""

import argparse
import json
import re
import subprocess
import time
import unicodedata
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.tables import print_table
from tts.reading import read
from tts.reading.letters import house_orthography

LINES = Path(__file__).parents[1] / "tests" / "tts" / "reading"
OTHERS = {
    "sea-g2p": "from sea_g2p import Normalizer; say = Normalizer().normalize",
    "vietnormalizer": "from vietnormalizer import VietnameseNormalizer; say = VietnameseNormalizer().normalize",
    "vinormx": "import vinormx; say = vinormx.TTSnorm",
}
LOOP = """
import json, sys, time
{load}
def tried(line):
    try:
        return str(say(line))
    except Exception as error:
        return f"! {{error}}"
lines = json.load(sys.stdin)
tried(lines[0])
began = time.process_time()
said = [tried(line) for line in lines]
print(json.dumps([time.process_time() - began, said]))
"""

Rows = list[tuple[str, list[str]]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", type=Path, help="of an environment with the other packages")
    options = parser.parse_args()
    for name in ("gold", "corpus"):
        rows = lines_of(name)
        table = [measured("ours", rows, ours)]
        if options.python:
            table += [measured(other, rows, partial(asked, options.python, load)) for other, load in OTHERS.items()]
        print(f"\n{name}: {len(rows)} lines")
        print_table(["", "right", "of 100", "processor ms a line"], table)


def lines_of(name: str) -> Rows:
    rows = map(json.loads, (LINES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [(row["in"], row["out"]) for row in rows]


def measured(name: str, rows: Rows, reader: Callable[[Sequence[str]], tuple[float, list[str]]]) -> list[object]:
    seconds, said = reader([written for written, _ in rows])
    right = sum(heard(text) in map(heard, accepted) for text, (_, accepted) in zip(said, rows, strict=True))
    return [name, right, f"{100 * right / len(rows):.0f}", f"{1000 * seconds / len(rows):.2f}"]


def ours(lines: Sequence[str]) -> tuple[float, list[str]]:
    read(lines[0])
    began = time.process_time()
    said = [read(line).spoken for line in lines]
    return time.process_time() - began, said


def asked(python: Path, load: str, lines: Sequence[str]) -> tuple[float, list[str]]:
    done = subprocess.run(
        [python, "-c", LOOP.format(load=load)], input=json.dumps(lines), capture_output=True, text=True, check=True
    )
    seconds, said = json.loads(done.stdout.splitlines()[-1])
    return seconds, said


def heard(text: str) -> str:
    plain = unicodedata.normalize("NFC", text).lower()
    return house_orthography(" ".join(re.sub(r"[^\w\s]", " ", plain).split()))


if __name__ == "__main__":
    main()
