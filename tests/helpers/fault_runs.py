"""Runs of `scenegen` as processes that tests may kill; as a program, `scenegen` with the stand-in for Blender.

    python fault_runs.py generate --scenes 8 --out DIR ...

What is slow in the program, timeouts and heartbeats, is quick here: SCENEGEN_TEST_TIMEOUT is the limit for a scene,
SCENEGEN_TEST_SCRIPT another stand-in, which a real Blender runs.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar

import psutil
from PIL import Image

HERE = Path(__file__).parent
TINY = HERE / "presets" / "tiny.toml"
FAULTY = HERE / "faulty_blender.py"


class SystemBlender:
    """What a probe of the stand-in would answer."""

    executable = sys.executable
    version = "0"
    gpus: ClassVar[dict[str, tuple[str, ...]]] = {}


def command(out: Path, library: Path, scenes: int, *more: str, fake: bool = True) -> list[str]:
    """`scenegen generate`, with the stand-in for Blender or the real one."""
    program = [sys.executable, __file__] if fake else [str(Path(sys.executable).parent / "scenegen")]
    return [
        *(*program, "generate", "--preset", str(TINY), "--scenes", str(scenes), "--out", str(out)),
        *("--assets", str(library), "--quality", "draft", "--device", "cpu", *more),
    ]


@contextmanager
def running(arguments: Sequence[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """A run that hears interrupts, even when the tests themselves were started in a shell's background."""
    listening = ["env", "--default-signal=INT", *arguments]
    process = subprocess.Popen(listening, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family(pid: int) -> list[psutil.Process]:
    """All living processes below one."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


@contextmanager
def dask_process(*arguments: str, log: Path, within: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """`dask scheduler ...` or `dask worker ...`; `within` is a command before it. All of its family is ended after."""
    program = [*within, str(Path(sys.executable).parent / "dask"), *arguments, "--no-dashboard"]
    with log.open("ab") as said:
        process = subprocess.Popen(program, stdout=said, stderr=said, start_new_session=True)
        try:
            yield process
        finally:
            for member in family(process.pid):
                shoot(member.pid)
            process.kill()
            process.wait()


@contextmanager
def dask_scheduler(folder: Path, host: str = "127.0.0.1", within: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """A scheduler of its own: its address and process id."""
    file = folder / "scheduler.json"
    file.unlink(missing_ok=True)
    arguments = ("scheduler", "--host", host, "--port", "0", "--scheduler-file", str(file))
    with dask_process(*arguments, log=folder / "scheduler.log", within=within) as process:
        wait_for(lambda: file.exists() and file.read_text().endswith("}"))
        yield json.loads(file.read_text())["address"], process.pid


def dask_worker(address: str, folder: Path, name: str, within: Sequence[str] = ()) -> AbstractContextManager[Any]:
    """A worker of one thread."""
    arguments = ("worker", address, "--nthreads", "1", "--name", name, "--local-directory", str(folder / name))
    return dask_process(*arguments, log=folder / f"{name}.log", within=within)


def is_blender(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return "--serve" in process.cmdline()
    return False


def workers_of(pid: int) -> list[psutil.Process]:
    """The dask workers below a run: those whose command is multiprocessing's, but not its resource tracker."""
    found = []
    for process in family(pid):
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(process.cmdline()):
                found.append(process)
    return found


def blenders(out: Path) -> list[psutil.Process]:
    """The living Blenders that make scenes in `out`, whoever their parent is, oldest first."""
    found = [p for p in psutil.process_iter(["cmdline"]) if {"--serve", str(out)} <= set(p.info["cmdline"] or ())]
    return sorted((p for p in found if alive(p)), key=lambda p: p.pid)


def alive(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def shoot(pid: int) -> bool:
    """Kill a process without warning; False when it was gone before."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def rest(seconds: float) -> None:
    threading.Event().wait(seconds)


def wait_for(condition: Callable[[], object], limit: float = 120.0) -> int:
    """The first true answer of `condition`."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer if isinstance(answer, int) else 1
        rest(0.05)
    raise AssertionError("waited in vain")


def contents(out: Path) -> dict[str, bytes]:
    """Every file of every scene; of images their pixels, since Cycles notes its times beside them.

    Whatever was being written when somebody died is no scene: it goes with the next run.
    """
    files = sorted((out / "scenes").glob("scene_*/*"))
    return {str(p.relative_to(out)): pixels(p) if p.name.startswith("image_") else p.read_bytes() for p in files}


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


def main() -> None:
    from scenegen.cli.main import main as scenegen
    from scenegen.generate import engine, leases
    from scenegen.generate import generate as driver

    script = os.environ.get("SCENEGEN_TEST_SCRIPT")
    driver.generate_script = lambda: Path(script or FAULTY)
    if not script:
        driver.blender_setup.check_host = lambda blender: SystemBlender  # type: ignore[assignment,return-value]
    leases.FIRST_TIMEOUT = leases.LEAST_TIMEOUT = float(os.environ.get("SCENEGEN_TEST_TIMEOUT", "60"))
    leases.LEAST_PATIENCE = 2.0
    engine.WORKERS_GONE_SECONDS = 20.0
    scenegen()


if __name__ == "__main__":
    main()
