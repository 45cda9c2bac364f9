"""What a Blender answers, which modules it misses, and what blender-setup installs."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest
from scenegen.blender.setup import check_host, probe, setup
from scenegen.core.blender_protocol import REQUIRED_MODULES, modules_folder
from scenegen.core.errors import ScenegenError

DEBIAN = shutil.which("blender", path="/usr/bin")
needs_debian = pytest.mark.skipif(DEBIAN is None, reason="Debian's blender is not installed")


def test_the_bpy_wheel_has_all_it_needs() -> None:
    info = check_host(None)
    assert info.python[:2] == (3, 11)
    assert set(info.versions) == set(REQUIRED_MODULES)
    assert info.problems == {}


def script(path: Path, text: str) -> str:
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_missing_blender_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match="no such program"):
        probe(str(tmp_path / "blender"))


def test_what_is_no_blender_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(ScenegenError, match=r"is no Blender .*\(unknown option -b\)"):
        probe(script(tmp_path / "mixer", "echo unknown option -b >&2; exit 3"))
    with pytest.raises(ScenegenError, match="is no Blender"):
        probe(shutil.which("true") or "")


def test_an_old_blender_is_refused(tmp_path: Path) -> None:
    answer = '{"python": [3, 10, 2], "machine": "x86_64", "versions": {}, "problems": {}, "blender": "3.3.0"}'
    with pytest.raises(ScenegenError, match=r"Blender 3.3.0 has Python 3.10, 3.11 or newer is needed"):
        probe(script(tmp_path / "blender", f"echo '@scenegen {answer}'"))


def test_a_blender_of_another_kind_of_machine_is_refused(tmp_path: Path) -> None:
    lacks = '"versions": {}, "problems": {"numba": "none"}'
    answer = f'{{"python": [3, 11, 2], "machine": "riscv64", "blender": "4.5.0", {lacks}}}'
    with pytest.raises(ScenegenError, match="runs on riscv64"):
        setup(script(tmp_path / "blender", f"echo '@scenegen {answer}'"))


@pytest.mark.debian_blender
@needs_debian
def test_an_active_virtual_environment_is_not_taken_for_blenders_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's Blender takes the modules of the first Python on PATH, which are gone when it starts elsewhere."""
    monkeypatch.setenv("SCENEGEN_HOME", str(tmp_path))
    monkeypatch.setenv("VIRTUAL_ENV", sys.prefix)
    monkeypatch.setenv("PATH", f"{Path(sys.prefix, 'bin')}{os.pathsep}{os.environ['PATH']}")
    assert "numba" in probe(DEBIAN).problems


@pytest.mark.debian_blender
@needs_debian
def test_debians_blender_is_set_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENEGEN_HOME", str(tmp_path))
    assert DEBIAN
    with pytest.raises(ScenegenError, match=r"misses numpy.*run `scenegen blender-setup --blender /usr/bin/blender`"):
        check_host(DEBIAN)
    info = setup(DEBIAN)
    assert info.problems == {}
    assert info.version.startswith("3.4")
    assert info.versions["numpy"].startswith("1.")
    assert (modules_folder(info.python) / "numba").is_dir()
    assert not (modules_folder(info.python) / "scipy").exists()
    installed = sum(1 for _ in os.scandir(tmp_path / "blender" / "cp311"))
    assert setup(DEBIAN).versions == info.versions
    assert sum(1 for _ in os.scandir(tmp_path / "blender" / "cp311")) == installed


@pytest.mark.debian_blender
@needs_debian
def test_a_setup_that_fails_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENEGEN_HOME", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert DEBIAN
    with pytest.raises(ScenegenError, match="pip could not install") as caught:
        setup(DEBIAN)
    assert "\n" not in str(caught.value)
