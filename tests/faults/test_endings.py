"""A step over a data set is killed or interrupted in the middle of its work: none of its processes lives on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest
from helpers.box_scenes import write_box_dataset
from helpers.fault_runs import alive, family, rest, running, shoot, wait_for
from helpers.held_steps import held
from scenegen.core.dataset.reading import Dataset

SCENES = 40
STEPS = {
    "pack": ["pack", "{set}", "{out}", "--workers", "3"],
    "voxelize": ["voxelize", "{set}", "--grid", "20,24,16", "--assets", "{assets}", "--workers", "3"],
    "export": ["export", "{set}", "{out}", "--format", "coco", "--workers", "3"],
    "stats": ["stats", "{set}", "--workers", "3"],
    "verify": ["verify", "{set}", "--workers", "3"],
    "preview": ["preview", "{set}", "--out", "{out}"],
}
KILLS = 50


def arguments(step: str, data: Path, assets: Path, out: Path) -> list[str]:
    return [word.format(set=data, assets=assets, out=out) for word in STEPS[step]]


def in_work(folder: Path, count: int) -> bool:
    return len(list(folder.glob("held_*"))) >= count


@pytest.mark.parametrize("step", STEPS)
def test_no_worker_outlives_a_kill(step: str, box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    words = arguments(step, box_copy, box_assets, tmp_path / "out")
    with running(held(tmp_path, *words)) as process:
        wait_for(lambda: in_work(tmp_path, 1 if step == "preview" else 2))
        below = family(process.pid)
        assert step == "preview" or len(below) > 2
        shoot(process.pid)
        wait_for(lambda: not any(map(alive, below)), 30)


@pytest.mark.parametrize("step", STEPS)
def test_one_interrupt_ends_a_step(step: str, box_copy: Path, box_assets: Path, tmp_path: Path) -> None:
    """As in a terminal, where each process of the command hears it."""
    words = arguments(step, box_copy, box_assets, tmp_path / "out")
    with running(held(tmp_path, *words), start_new_session=True) as process:
        wait_for(lambda: in_work(tmp_path, 1 if step == "preview" else 2))
        below = family(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        told, said = process.communicate(timeout=60)
        assert (process.returncode, told) == (130, "")
        lines = [line for line in said.splitlines() if line and not line.startswith(step)]
        assert lines == ["scenegen: interrupted; what is finished stays; run the same command again"]
        wait_for(lambda: not any(map(alive, below)), 30)
    assert not [path.name for path in box_copy.rglob(".*") if path.name != ".lock"]


def test_a_process_that_does_not_end_is_ended(tmp_path: Path) -> None:
    """Its main thread is in C code, where Python hears nothing."""
    program = (
        "import ctypes, pathlib, sys, threading; from scenegen.core.interrupts import end_promptly; end_promptly();"
        "threading.Timer(3, pathlib.Path(sys.argv[1]).touch).start();"
        "lock, libc = ctypes.create_string_buffer(64), ctypes.CDLL(None);"
        "libc.pthread_mutex_lock(lock); libc.pthread_mutex_lock(lock)"  # its own lock a second time: for ever
    )
    with running([sys.executable, "-c", program, str(tmp_path / "ready")]) as process:
        wait_for((tmp_path / "ready").exists)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said == "scenegen: interrupted; what is finished stays; run the same command again\n"


@pytest.mark.slow
def test_fifty_kills_leave_no_process(tmp_path: Path, box_assets: Path) -> None:
    """Real commands at random moments of their work, by hand: `pytest -m slow tests/faults/test_endings.py`."""
    data = write_box_dataset(tmp_path / "set", SCENES)
    masks = [scene.masks for scene in Dataset(data)]
    rng = random.Random(50)
    left: list[psutil.Process] = []
    below_all = 0
    ended, shot = Counter[str](), Counter[str]()
    scenegen = str(Path(sys.executable).parent / "scenegen")
    while shot.total() < KILLS:
        step = rng.choice(list(STEPS))
        out = tmp_path / f"out_{shot.total()}_{ended.total()}"
        with running([scenegen, *arguments(step, data, box_assets, out)]) as process:
            rest(rng.uniform(0.5, 4.0))
            below = family(process.pid)
            if process.poll() is not None:
                ended[step] += 1
                continue
            below_all += len(below)
            shot[step] += shoot(process.pid)
            process.wait()
            rest(10.0)
            left += [member for member in below if alive(member)]
    print(f"\n{dict(shot)} killed with {below_all} processes below, {dict(ended)} had ended before")
    assert left == []
    subprocess.run([scenegen, "voxelize", str(data), "--grid", "40,48,32", "--assets", str(box_assets)], check=True)
    assert all(np.array_equal(scene.masks, before) for scene, before in zip(Dataset(data), masks, strict=True))


def test_a_command_leaves_ctrl_c_to_the_process_that_called_it(tmp_path: Path) -> None:
    """A notebook that called `main` goes on after Ctrl-C: no thread of the command ends it seconds later."""
    code = (
        "import signal, sys, time\n"
        "from scenegen.cli.main import main\n"
        "from scenegen.core import interrupts\n"
        "interrupts.PATIENCE = 0.5\n"
        "sys.argv = ['scenegen', 'presets']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "try:\n    signal.raise_signal(signal.SIGINT)\n    time.sleep(5)\nexcept KeyboardInterrupt:\n    pass\n"
        "time.sleep(2)\nprint('still here')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "still here"), done.stderr
