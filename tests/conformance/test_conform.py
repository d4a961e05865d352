import json
import re
from pathlib import Path

import pytest

from broadcaster.conformance import report
from broadcaster.conformance.benches import BENCHES, CHECKS
from broadcaster.conformance.check import Result, Verdict
from broadcaster.conformance.sounds import READY
from broadcaster.wire import clips, ogg
from broadcaster.wire.clips import sha256
from tests.conformance.mutants import FAULTS
from web.cli import main
from web.conform_words import PROVES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOA_HOME", str(tmp_path / "home"))


def headings() -> set[str]:
    page = (DOCS / "protocol.md").read_text("utf-8")
    return set(re.findall(r"^#+ (.+)$", page, re.MULTILINE))


def table() -> list[str]:
    """The checks as docs/conformance.md lists them."""
    return [f"| `{one.name}` | {one.section} | {one.proves} |" for one in CHECKS]


def test_every_check_names_a_section_of_the_protocol_page() -> None:
    assert {one.section for one in CHECKS} <= headings()


def test_every_check_has_a_name_of_its_own_a_bench_and_its_vietnamese() -> None:
    names = [one.name for one in CHECKS]
    assert len(names) == len(set(names))
    assert {one.bench for one in CHECKS} == {bench.name for bench in BENCHES}
    assert set(PROVES) == set(names)


def test_the_page_lists_the_checks_as_they_are() -> None:
    page = (DOCS / "conformance.md").read_text("utf-8").splitlines()
    assert [line for line in page if line.startswith("| `") and line.count("|") == 4] == table()


def test_the_page_names_every_mutant() -> None:
    page = (DOCS / "conformance.md").read_text("utf-8")
    assert [name for name in FAULTS if f"`{name}`" not in page] == []


def test_one_failure_is_enough_to_fail_and_what_was_not_checked_never_passes() -> None:
    passed, failed, skipped = (Result(CHECKS[0], verdict, "") for verdict in Verdict)
    assert report.conforms([passed, skipped])
    assert not report.conforms([skipped])
    assert not report.conforms([passed, failed])


def test_a_sound_is_its_segments_joined() -> None:
    for sound in READY:
        manifest = clips.read_manifest(sound.manifest, sound.clip, sha256(sound.manifest))
        assert clips.join(manifest, dict(enumerate(sound.segments))) == sound.data
        assert len(sound.segments) > 2
        assert max(map(len, sound.segments)) <= ogg.MAX_SEGMENT_BYTES


def test_an_unknown_check_and_half_of_the_hardware_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["conform", "no-such-check"]) == 2
    assert "no-such-check" in capsys.readouterr().err
    assert main(["conform", "--broker", "mqtt://a:b@127.0.0.1:1"]) == 2
    assert "--kit-out" in capsys.readouterr().err


@pytest.mark.whole
@pytest.mark.xdist_group("crowd")
@pytest.mark.timeout(300)
def test_the_reference_speaker_passes_every_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    code = main(["conform", "--json", str(path)])
    told = json.loads(path.read_bytes())
    assert [one for one in told["checks"] if one["verdict"] == "failed"] == []
    assert code == 0
    assert told["counts"] == {"passed": len(CHECKS), "failed": 0, "not-checked": 0}
    assert "✓ on-time" in capsys.readouterr().out
