"""From the stored bulletin to the first sample on every speaker, on the embedded broker: python -m benchmarks.on_air.

Prints, for each of a few bulletins to the whole commune: how long from the commit to the first sample, the start error and
the skew of 24 simulated speakers, and the bytes sent against the bytes of the clip. The physical limit beside it is the time
the pace allows for those bytes.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

from broadcaster.clock import to_ms
from broadcaster.rows import Broadcast, Clip
from tests.whole.town import Town, live, wait_until

SPEAKERS = 24
TEXTS = (
    "Mời bà con họp thôn lúc 19h30 tại nhà văn hóa.",
    "Trạm Y tế xã tổ chức khám sức khỏe miễn phí cho người cao tuổi từ 7h ngày 3/12. " * 3,
    "Từ 6h00 đến 11h30 ngày 2/12 ngừng cấp điện để bảo dưỡng trạm biến áp. " * 6,
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON line a bulletin")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        town = Town.make(Path(folder), SPEAKERS, clip_rate_bps=128_000, now_lead_ms=2_000)
        with live(town) as running:
            wait_until(lambda: town.ready() == SPEAKERS)
            for text in TEXTS:
                sent_before = running.station._distributor.sent_bytes
                began = time.monotonic()
                asked_ms = running.station.core.clock.now_ms()
                broadcast = running.air("an-binh", speakers=SPEAKERS, text=text)
                took_s = time.monotonic() - began
                with town.database.read() as session:
                    row = session.get_one(Broadcast, broadcast.id)
                    clip = session.get_one(Clip, row.clip_sha256)
                    errors = sorted(error_ms(town, row, f"loa-{number:03}") for number in range(1, SPEAKERS + 1))
                if row.start_at is None:
                    raise SystemExit("the broadcast never got a start")
                sent = running.station._distributor.sent_bytes - sent_before
                line = {
                    "clip_s": clip.duration_ms / 1000,
                    "clip_bytes": clip.bytes,
                    "sent_per_clip_byte": round(sent / clip.bytes, 3),
                    "first_sample_s": round((to_ms(row.start_at) - asked_ms) / 1000, 2),
                    "pace_allows_s": round(clip.bytes * 8 / town.settings.clip_rate_bps, 2),
                    "start_error_median_ms": round(statistics.median(errors), 3),
                    "start_error_worst_ms": round(max(map(abs, errors)), 3),
                    "skew_ms": round(errors[-1] - errors[0], 3),
                    "whole_s": round(took_s, 1),
                }
                print(
                    json.dumps(line) if arguments.json else "  ".join(f"{key}={value}" for key, value in line.items())
                )


def error_ms(town: Town, broadcast: Broadcast, speaker: str) -> float:
    """How far from the plan the clip stands in a speaker's recording."""
    heard = town.heard(broadcast, speaker)
    if heard is None or heard.error_ms is None:
        raise SystemExit(f"{speaker} did not play")
    return heard.error_ms


if __name__ == "__main__":
    main()
