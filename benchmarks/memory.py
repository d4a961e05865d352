"""What a station's process needs with many speakers in service: python -m benchmarks.memory [--json] [--speakers N ...].

`loa serve` in a process of its own with the embedded broker, until every speaker's set-up is with the broker and for as long again.
Beside it stands the same program with a village's ten speakers: what it needs for itself.
"""

import argparse
import os
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Final

from sqlalchemy import func, select

from benchmarks.join import resident_mb
from benchmarks.tables import print_line
from broadcaster.database import Database
from broadcaster.rows import Published
from broadcaster.wire.topics import Kind
from tests.whole.town import wait_until

BUDGET_MB: Final = 250
"""With 10 000 speakers."""
_PATIENCE_S: Final = 600
_AT_LEAST_S: Final = 20.0
_FEW: Final = 10
_LOA: Final = Path(sysconfig.get_path("scripts")) / "loa"
_MAKE: Final = "import sys; from pathlib import Path; from benchmarks.join import make_town; make_town(Path(sys.argv[1]), int(sys.argv[2]))"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line each")
    parser.add_argument("--speakers", type=int, nargs="+", default=[_FEW, 1_000, 10_000])
    arguments = parser.parse_args()
    for speakers in arguments.speakers:
        with tempfile.TemporaryDirectory() as folder:
            print_line(measure(Path(folder), speakers), as_json=arguments.json)


def measure(home: Path, speakers: int) -> dict[str, object]:
    """One station."""
    subprocess.run([sys.executable, "-c", _MAKE, str(home), str(speakers)], check=True)
    database = Database(f"sqlite:///{home / 'loa.db'}")

    def confirmed() -> int:
        with database.read() as session:
            done = select(func.count()).where(
                Published.typ == Kind.CONFIG.value, Published.confirmed_seq == Published.seq
            )
            return session.scalar(done) or 0

    settings = {"LOA_HOME": str(home), "LOA_PORT": "0"}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    serving = subprocess.Popen([_LOA, "serve"], env=os.environ | settings, **quiet)  # noqa: TID251  the child's
    began = time.monotonic()
    try:
        wait_until(lambda: confirmed() >= speakers, _PATIENCE_S)
        told_s = time.monotonic() - began
        time.sleep(max(told_s, _AT_LEAST_S))
        return {
            "speakers": speakers,
            "station_mb": round(resident_mb(serving.pid)),
            "budget_mb": BUDGET_MB,
            "set_up_s": round(told_s, 1),
        }
    finally:
        serving.terminate()
        serving.wait(60)
        database.dispose()


if __name__ == "__main__":
    main()
