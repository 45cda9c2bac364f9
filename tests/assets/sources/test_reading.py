"""One Blender reads all files; one that crashes or hangs it costs that file alone."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil
import pytest
import trimesh
from helpers.assets_command import run
from scenegen.assets.sources.files import reading
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.core.asset_library import list_assets

HELPER = Path(__file__).parents[2] / "helpers" / "faulty_import.py"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Readers that obey the names of files, and where they say which process read which."""
    fake = tmp_path / "python"
    fake.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {HELPER} "$@"\n')  # without `-m module`
    fake.chmod(0o755)
    monkeypatch.setattr(reading.sys, "executable", str(fake))
    monkeypatch.setattr(reading, "_idle", [])
    monkeypatch.setenv("READ", str(tmp_path / "read"))
    return tmp_path / "read"


def models(folder: Path, *names: str) -> list[Path]:
    files = [folder / f"{name}.stl" for name in names]
    for file in files:
        trimesh.creation.box((0.4, 0.5, 0.9)).export(file)
    return files


def readers(log: Path) -> list[list[str]]:
    """The names that each process read, processes in the order in which they started."""
    found: dict[str, list[str]] = {}
    for line in log.read_text().splitlines():
        pid, name = line.split()
        found.setdefault(pid, []).append(name)
    return list(found.values())


def test_a_crash_or_a_hang_costs_one_file(tmp_path: Path, log: Path) -> None:
    files = models(tmp_path, "first", "worn", "crash", "hang", "last")
    results = dict(import_files(files, seconds=10.0))
    assert list(results) == [0, 1, 2, 3, 4]
    assert all(isinstance(results[number], Imported) for number in (0, 1, 4))
    assert str(files[2]) in str(results[2])
    assert "signal 11" in str(results[2])
    assert str(files[3]) in str(results[3])
    assert "no answer in 10 s" in str(results[3])
    # Each of the three is tried again in a Blender that read nothing else, so "worn" is read after all.
    assert readers(log) == [["first", "worn"], ["worn", "crash"], ["crash"], ["hang"], ["last"]]
    reading._idle.pop().close()


def test_one_blender_reads_all_files_of_a_process(tmp_path: Path, log: Path) -> None:
    """Also those of later calls, such as the next library, and with files between them that are not read at all."""
    files = models(tmp_path, *(f"model{number}" for number in range(6)))
    files[1].write_bytes(b"")
    assert len(list(import_files(files[:3]))) == 3
    assert len(list(import_files(files[3:]))) == 3
    assert readers(log) == [["model0", "model2", "model3", "model4", "model5"]]
    (reader,) = reading._idle
    assert isinstance(reader, reading.ModelReader)
    left = [path for path in reader._folder.iterdir() if not path.name.startswith("blender_")]
    assert left == [], "what was read does not stay on the disk"
    reading._idle.pop().close()
    assert not reader._folder.exists()


def test_a_caller_that_stops_leaves_no_blender(tmp_path: Path, log: Path) -> None:
    files = models(tmp_path, "one", "two", "three")
    for _ in import_files(files):
        break
    pid = int(log.read_text().split()[0])
    deadline = time.monotonic() + 10
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    assert reading._idle == []


def test_a_blender_that_has_grown_gives_way(tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_MB", 1.0)
    results = [each for _, each in import_files(models(tmp_path, "one", "two"))]
    assert all(isinstance(each, Imported) for each in results)
    assert readers(log) == [["one"], ["two"]]
    assert os.getpid() not in {int(line.split()[0]) for line in log.read_text().splitlines()}
    reading._idle.pop().close()


_OWN_BLENDER = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
    --python) script=$2; shift 2 ;;
    --python-expr) exec PYTHON -c "$2" ;;
    --) shift; exec PYTHON "$script" -- "$@" ;;
    *) shift ;;
    esac
done
"""


def test_models_are_read_by_a_blender_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bpy package started as a Blender is: this Python looks as if it had none."""
    monkeypatch.setattr(reading, "_idle", [])
    monkeypatch.setattr(reading, "bpy_problem", lambda instead: f"no bpy package: {instead}")
    own = tmp_path / "blender"
    own.write_text(_OWN_BLENDER.replace("PYTHON", sys.executable))
    own.chmod(0o755)
    (chair,) = models(tmp_path, "chair")
    words = ("add", chair, "--class", "chair", "--assets", tmp_path / "library")
    without = run(*words)
    assert without.returncode == 1
    assert "no bpy package: name a Blender with --blender EXE" in without.stderr
    done = run(*words, "--blender", own)
    assert done.returncode == 0, done.stderr
    assert [asset.name for asset in list_assets(tmp_path / "library")] == ["chair"]
    assert run(*words, "--blender", "/bin/true").returncode == 1
    assert run(*words).returncode == 1  # the choice holds for one command


@pytest.mark.debian_blender
@pytest.mark.skipif(not Path("/usr/bin/blender").exists(), reason="Debian's blender is not installed")
def test_an_old_blender_draws_sheets_and_reads_no_models(tmp_path: Path) -> None:
    library = tmp_path / "library"
    (chair,) = models(tmp_path, "chair")
    words = ("add", chair, "--class", "chair", "--assets", library)
    refused = run(*words, "--blender", "/usr/bin/blender")
    assert refused.returncode == 1
    assert "Blender 3.4.1 cannot read model files for this; use 4.2 or newer" in refused.stderr
    assert run(*words).returncode == 0
    sheet = run("sheet", tmp_path / "sheet.png", "--assets", library, "--blender", "/usr/bin/blender", "--size", "32")
    assert sheet.returncode == 0, sheet.stderr
    assert (tmp_path / "sheet.png").is_file()
