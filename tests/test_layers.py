"""The packages and their one strict line (docs/architecture.md), checked on the imports themselves."""

import importlib
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).parents[1]
PACKAGES = ("broadcaster", "scheduler", "tts", "web", "device_sim")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)


def importers(graph: grimp.ImportGraph, library: str) -> list[str]:
    return sorted(graph.find_modules_that_directly_import(library)) if library in graph.modules else []


def test_every_contract_of_pyproject_is_kept() -> None:
    # A process of its own: import-linter switches off the loggers of the one it runs in.
    linter = Path(sysconfig.get_path("scripts")) / "lint-imports"
    ran = subprocess.run([linter, "--no-cache"], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_the_one_of_this_tree(name: str) -> None:
    file = importlib.import_module(name).__file__
    assert file
    assert Path(file).parent == PROJECT / name


def station_imports(graph: grimp.ImportGraph) -> Iterator[tuple[str, str]]:
    for module in {"device_sim"} | graph.find_descendants("device_sim"):
        for imported in graph.find_modules_directly_imported_by(module):
            if imported.partition(".")[0] in {"broadcaster", "scheduler", "tts", "web"}:
                yield module, imported


def test_the_speaker_imports_the_wire_and_nothing_else_of_the_station(graph: grimp.ImportGraph) -> None:
    allowed = ("broadcaster.wire", "broadcaster.errors")
    found = list(station_imports(graph))
    assert found
    assert [pair for pair in found if not f"{pair[1]}.".startswith(tuple(f"{name}." for name in allowed))] == []


def test_the_wire_imports_nothing_of_the_station_but_the_root_of_its_errors(graph: grimp.ImportGraph) -> None:
    own = {"broadcaster.wire"} | graph.find_descendants("broadcaster.wire")
    imported = {one for module in own for one in graph.find_modules_directly_imported_by(module)}
    assert {one for one in imported - own if one.startswith("broadcaster")} == {"broadcaster.errors"}


@pytest.mark.parametrize(
    ("library", "expected"),
    [
        ("paho", ["broadcaster.transport"]),
        ("pydub", ["tts.assembly"]),
        ("espeakng_loader", ["tts.espeak"]),
        ("argon2", ["web.passwords"]),
        ("apscheduler", ["scheduler.runner"]),
        ("segno", ["web.qr"]),
        ("shapely", ["broadcaster.cap.area", "broadcaster.outlines"]),
        ("dateutil", ["scheduler.recurrence"]),
        ("soundfile", ["device_sim.opus", "tts.encoding", "tts.flac", "tts.google_worker", "tts.recorded"]),
        ("av", ["tts.decoding_worker", "tts.live_encoding", "tts.relay_worker"]),
        ("pypdfium2", ["tts.documents_worker"]),
        ("piper", ["tts.piper_worker"]),
        ("onnxruntime", ["tts.piper_worker"]),
        ("gtts", ["tts.google_worker"]),
        ("opuslib_next", ["tts.opus"]),
        ("alembic", ["broadcaster.database", "broadcaster.migrations.env"]),
        ("nats", []),
        ("sounddevice", ["device_sim.hardware"]),
        ("gpiozero", ["device_sim.hardware"]),
        ("lxml", ["broadcaster.cap.safe_xml"]),
    ],
)
def test_each_library_has_one_door(graph: grimp.ImportGraph, library: str, expected: list[str]) -> None:
    found = [name for name in importers(graph, library) if ".migrations.versions." not in name]
    assert found == expected


def test_rates_are_limited_where_strangers_come_in(graph: grimp.ImportGraph) -> None:
    assert set(importers(graph, "limits")) == {"broadcaster.uplink", "web.signin", "web.api_envelopes"}


@pytest.mark.parametrize(
    "module", ["broadcaster.wire", "broadcaster.cap", "broadcaster.geography", "scheduler.recurrence", "tts.reading"]
)
def test_the_pure_part_touches_neither_network_nor_sound(graph: grimp.ImportGraph, module: str) -> None:
    own = {module} | graph.find_descendants(module)
    imported = {one.partition(".")[0] for name in own for one in graph.find_modules_directly_imported_by(name)}
    assert imported.isdisjoint({"paho", "flask", "socket", "subprocess", "soundfile", "apscheduler", "requests"})
