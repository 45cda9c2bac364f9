"""The first Ctrl-C ends every host of generate.py in seconds, in one line, and leaves nothing temporary."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest
from helpers.fault_runs import TINY, alive, command, family, running, wait_for
from scenegen.core.dataset.folders import finished_indices, leftovers

pytest.importorskip("bpy", reason="needs the bpy wheel")

SCRIPT = str(Path(__file__).parents[2] / "blender_scripts" / "generate.py")
SAID = "interrupted; what is finished stays; run the same command again"


def options(out: Path, library: Path, scenes: int = 25000) -> list[str]:
    return [
        *("--preset", str(TINY), "--scenes", str(scenes), "--out", str(out), "--assets", str(library)),
        *("--quality", "draft", "--device", "cpu"),
    ]


@pytest.mark.parametrize(
    "host",
    [
        pytest.param([sys.executable, SCRIPT], id="wheel"),
        pytest.param(["blender", "-b", "-P", SCRIPT], id="debian", marks=pytest.mark.debian_blender),
    ],
)
def test_a_blender_ends(host: list[str], tmp_path: Path, box_library: Path) -> None:
    if not shutil.which(host[0]):
        pytest.skip("no blender on PATH")
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    words = [*host, "--", *options(out, box_library)]
    with running(words, env=environment, start_new_session=True) as process:
        wait_for(lambda: process.poll() is not None or len(finished_indices(out)) > 2)
        if process.poll() is not None and "scenegen blender-setup" in process.communicate()[1]:
            pytest.skip("this blender lacks modules: run `scenegen blender-setup --blender blender`")
        assert any(temporary.iterdir())
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.splitlines()[-1] == SAID
    assert "Traceback" not in said
    assert leftovers(out) == list(temporary.iterdir()) == []
    made = finished_indices(out)
    again = [*host, "--", *options(out, box_library, max(made) + 2)]
    with running(again) as process:
        told, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert f"{len(made)} of {max(made) + 2} scenes exist, 1 to make" in told


def test_a_run_ends_with_its_workers_and_blenders(tmp_path: Path, box_library: Path) -> None:
    """Each process of the terminal hears it: dask's workers printed tracebacks."""
    out, temporary = tmp_path / "out", tmp_path / "temporary"
    temporary.mkdir()
    words = command(out, box_library, 25000, "--workers", "2", fake=False)
    with running(words, env={**os.environ, "TMPDIR": str(temporary)}, start_new_session=True) as process:
        wait_for(lambda: len(finished_indices(out)) > 2)
        below = family(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        told, said = process.communicate(timeout=60)
        assert (process.returncode, told) == (130, "")
        assert said.splitlines()[-1] == f"scenegen: {SAID}"
        assert "Traceback" not in said
        wait_for(lambda: not any(map(alive, below)), 30)
    assert leftovers(out) == []
    assert not [path.name for path in temporary.iterdir() if path.name.startswith(("blender", "scenegen-import"))]
    assert {path.name for path in temporary.iterdir()} <= {"dask-scratch-space", f"scenegen-slots-{user()}"}


def user() -> str:
    import getpass

    return getpass.getuser()
