"""The systemd unit and the command line it uses."""

import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from device_sim import cli

pytestmark = pytest.mark.unit

PROJECT = Path(__file__).parents[2]
UNIT = PROJECT / "packaging" / "loa-speaker.service"


@pytest.fixture
def service() -> dict[str, str]:
    lines = [line for line in UNIT.read_text().splitlines() if not line.startswith("DeviceAllow")]  # named twice
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string("\n".join(lines))
    return dict(parser["Service"])


def test_the_unit_starts_what_the_command_line_understands(service: dict[str, str]) -> None:
    _, *words = shlex.split(service["ExecStart"])
    assert words.pop() == "$SPEAKER_OPTIONS"
    documented = (PROJECT / "docs" / "raspberry-pi.md").read_text()
    (options,) = [line for line in documented.splitlines() if line.startswith("SPEAKER_OPTIONS=")]
    arguments = cli._arguments([*words, *shlex.split(options.partition("=")[2])])
    assert (arguments.command, arguments.output, arguments.wav) == ("run", "device", None)
    assert (arguments.relay_pin, arguments.relay_active_low, arguments.button_pin) == (17, True, 27)


def test_the_unit_restarts_for_ever_and_may_do_little_else(service: dict[str, str]) -> None:
    assert service["Restart"] == "always"
    assert service["StateDirectory"] == "loa-speaker"
    assert service["User"] != "root"
    for wall in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "ProtectKernelModules", "RestrictSUIDSGID"):
        assert service[wall] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert "StartLimitIntervalSec=0" in UNIT.read_text()


@pytest.mark.whole
def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd is not installed")
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/loa/.venv/bin/loa-speaker", "/bin/true"))
    ran = subprocess.run([analyze, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert [line for line in ran.stderr.splitlines() if "loa-speaker" in line and "Documentation" not in line] == []


def test_a_wav_speaker_needs_a_folder_and_a_device_needs_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli._arguments(["run", "kit.json", "--state", "s"])
    assert "--wav" in capsys.readouterr().err
    assert cli._arguments(["run", "kit.json", "--state", "s", "--output", "device"]).wav is None
