"""A station changes its table: what speakers keep changes, and what an alert sounds like."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from broadcaster import alert_tables, alert_templates, standing
from broadcaster.alert_orders import Order
from broadcaster.alert_templates import Siren
from broadcaster.alerting import By
from broadcaster.clock import to_ms
from broadcaster.rows import Clip, Distribution, LedgerEntry, Published, StandingSound
from broadcaster.wire import envelope, strict_json
from broadcaster.wire.documents import Event, Plan
from device_sim.timeline import Samples, read_timeline
from tests.whole.town import LiveTown, Town, live, wait_until

RATE_HZ = 24_000
"""Of a speaker's card."""
pytestmark = [pytest.mark.whole, pytest.mark.timeout(180)]

BEFORE = Siren(1, 2, 0, low_hz=600, high_hz=600)
AFTER = Siren(3, 1, 0.5, low_hz=1_500, high_hz=1_500)
TABLE = """\
[sirens.khan]
blasts = {0.blasts}
blast_s = {0.blast_s}
pause_s = {0.pause_s}
low_hz = {0.low_hz}
high_hz = {0.high_hz}
[templates.vo-de]
name = "Vỡ đê"
level = 5
siren = "khan"
repeats = 1
sentences = ["Đê đã vỡ."]
"""


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    """A station with one speaker and one template of its own: each takes seconds to speak."""
    shipped = alert_tables.load()
    few = (shipped.of_kind("rehearsal"),)
    monkeypatch.setattr(alert_templates, "all_templates", lambda: few)
    return Town.make(tmp_path, 1, keep_sounds=True, clip_rate_bps=20_000_000, sirens=str(tmp_path / "coi.toml"))


def kept(town: Town, siren: Siren) -> bool:
    """Whether speakers keep this siren and no other: made, in the signed plan, and sent."""
    with town.database.read() as session:
        sounds = [one for one in session.scalars(select(StandingSound)) if standing.siren_of(one.text)]
        clips = {session.get_one(Clip, one.clip_sha256).sha256 for one in sounds if one.clip_sha256}
        sent = set(session.scalars(select(Distribution.clip_sha256)))
        row = session.scalar(select(Published).where(Published.topic.endswith("plan/9999-01-01")))
        plan = strict_json.decode(envelope.parse(row.envelope).payload, Plan) if row else None
        planned = {item.clip for item in plan.items} if plan else set()
        texts = {one.text for one in sounds}
        return texts == {standing.siren_text(siren)} and bool(clips) and clips <= sent and clips <= planned


def heard(town: LiveTown, request: str) -> list[tuple[float, float]]:
    """Raise an alert; length and pitch of each blast that left the speaker's card, in seconds and Hz."""
    alert = town.station.raise_alert(Order(request, "vo-de", ("an-binh",)), By()).alert.id
    at: dict[Event, int] = {}

    def over() -> bool:
        with town.town.database.read() as session:
            for row in session.scalars(select(LedgerEntry).where(LedgerEntry.broadcast_id == alert)):
                at[row.event] = to_ms(row.at)
        return Event.FINISHED in at

    wait_until(over, 30)
    town.stop_fleet()
    played = read_timeline(max((town.town.home / "wav").glob("*.wav")))
    begin = (at[Event.STARTED] - played.epoch_ms) * RATE_HZ // 1000
    return blasts(played.samples[max(begin, 0) :])


def blasts(samples: Samples) -> list[tuple[float, float]]:
    """Stretches of one strong tone; words have none."""
    step = RATE_HZ // 20
    frames = samples[: samples.size // step * step].reshape(-1, step).astype(float) * np.hanning(step)
    power = np.abs(np.fft.rfft(frames, RATE_HZ)) ** 2
    pitch = power.argmax(axis=1)
    found: list[list[int]] = [[]]
    for hz, strength in zip(pitch, power, strict=True):
        sounds = strength.max() > 1e9 and any(abs(hz - siren.low_hz) < 30 for siren in (BEFORE, AFTER))
        if sounds:
            found[-1].append(int(hz))
        elif found[-1]:
            found.append([])
    return [(len(one) / 20, float(np.median(one))) for one in found if len(one) > 5]


def test_another_table_changes_what_speakers_keep_and_what_an_alert_sounds_like(town: Town) -> None:
    table = Path(town.settings.sirens)
    for siren in (BEFORE, AFTER):
        table.write_text(TABLE.format(siren), "utf-8")
        with live(town) as running:
            wait_until(lambda: town.ready() == 1)
            wait_until(lambda siren=siren: kept(town, siren), 60)  # type: ignore[misc]
            told = heard(running, siren.name)
        assert [length for length, _ in told] == pytest.approx([siren.blast_s] * siren.blasts, abs=0.16)
        assert [pitch for _, pitch in told] == pytest.approx([siren.low_hz] * siren.blasts, abs=20)
