"""One persistent Blender process that makes scenes, driven by JSON lines.

The parent writes {"index": 17} to its standard input; it answers on standard output with a line that starts with
"@scenegen " followed by {"index": 17, "ok": true, "seconds": {stage: seconds}, "peak_mb": ...} or
{"index": 17, "ok": false, "error": "..."}. Everything else it prints is Blender's own noise. The end of its input
ends it, so that no Blender outlives a killed parent.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import shlex
import subprocess
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Any

from scenegen.core.blender_protocol import MARK
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.import_path import child_environment
from scenegen.core.options import to_argv

LOG_LINES = 30


def generate_script() -> Path:
    """The entry that runs inside Blender, `blender_scripts/generate.py`."""
    spec = importlib.util.find_spec("blender_scripts")
    if spec is None or not spec.submodule_search_locations:
        raise ScenegenError("blender_scripts is not installed beside scenegen; install the package again")
    return Path(next(iter(spec.submodule_search_locations))) / "generate.py"


def serve_command(script: str, request: Request, resources: Resources) -> list[str]:
    """The command line of a Blender that makes the scenes which its standard input asks for."""
    return [*_host(script, request), "--serve", *to_argv(request), *to_argv(resources)]


def warm_up_command(script: str, request: Request) -> list[str]:
    """The command line of a Blender that only has the GPU's kernels compiled."""
    return [*_host(script, request), "--warm-up", *to_argv(request)]


def scene_command(script: str, request: Request, resources: Resources, index: int) -> str:
    """A shell line that makes one scene in the foreground, with all that Blender prints."""
    answer = shlex.join(serve_command(script, request, resources))
    return f"echo '{json.dumps({'index': index})}' | {answer}"


def _host(script: str, request: Request) -> list[str]:
    """The Blender of a request (None: the bpy wheel of this Python) with generate.py, up to the script's arguments."""
    host = [sys.executable, script]
    if request.blender:
        host = [request.blender, "--background", "--python-exit-code", "1", "--python", script]
    return [*host, "--"]


def own_environment() -> dict[str, str]:
    """The environment of a user's own Blender: this process's without its virtual environment.

    Debian's Blender looks for Python on PATH. In an active virtual environment it would find that one's modules, and
    miss them as soon as it is started elsewhere.
    """
    environment = child_environment()
    folders = {environment.pop("VIRTUAL_ENV", None), sys.prefix if sys.prefix != sys.base_prefix else None} - {None}
    hidden = {os.path.realpath(Path(str(folder), sub)) for folder in folders for sub in ("bin", "Scripts")}
    path = environment.get("PATH", "").split(os.pathsep)
    environment["PATH"] = os.pathsep.join(place for place in path if os.path.realpath(place) not in hidden)
    return environment


class HostLostError(Exception):
    """The child died or hung; `log` is the end of what it printed.

    `refused` is its own reason why it cannot start with these arguments: another Blender would give the same.
    """

    def __init__(self, reason: str, log: tuple[str, ...], refused: ScenegenError | None = None) -> None:
        super().__init__(reason)
        self.log = log
        self.refused = refused


class BlenderHost:
    """A running child. After HostLostError it is gone: start another."""

    def __init__(self, script: str, request: Request, resources: Resources) -> None:
        command = serve_command(script, request, resources)
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._answers: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        # A session of its own: Ctrl-C in the terminal is the parent's to handle.
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
                env=own_environment() if request.blender else child_environment(),
            )
        except OSError as error:
            raise HostLostError(f"{command[0]}: cannot be started ({error.strerror})", ()) from error
        if resources.cores and hasattr(os, "sched_setaffinity"):
            with suppress(OSError):  # it has ended already: the first scene reports that
                os.sched_setaffinity(self.pid, resources.cores)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def make(self, index: int, timeout: float) -> dict[str, Any]:
        """Make scene `index`; return the answer. Raises HostLostError when the child dies or takes over `timeout` s."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"index": index}) + "\n")
            self._process.stdin.flush()
            answer = self._answers.get(timeout=timeout)
        except queue.Empty:
            raise self._hung(timeout) from None
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        if answer is None:
            raise self._died()
        return {**answer, "log": tuple(self._log)}

    def close(self) -> None:
        """Close the child's input so that it ends by itself; kill it after two seconds."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
            self._process.wait(timeout=2)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)

    def _hung(self, timeout: float) -> HostLostError:
        self._process.kill()
        self._process.wait()
        self._reader.join(timeout=5)
        return HostLostError(f"Blender hung: no answer in {timeout:.0f} s", tuple(self._log))

    def _died(self) -> HostLostError:
        try:
            status = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:  # it closed its output and still runs
            self._process.kill()
            status = self._process.wait()
        self._reader.join(timeout=5)
        log = tuple(self._log)
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return HostLostError(f"Blender died ({how})", log, _refusal(status, log))

    def _read(self) -> None:
        """Sort the child's lines into answers and log; None marks its end."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # Blender's own prints have no newline at times: the mark may stand behind one.
            noise, mark, body = line.partition(MARK)
            if noise.strip():
                self._log.append(noise.rstrip())
            if mark and body.endswith("}\n"):
                self._answers.put(json.loads(body))
        self._answers.put(None)


def _refusal(status: int, log: tuple[str, ...]) -> ScenegenError | None:
    """The error that generate.py printed at its end, if its exit status says that the request cannot be done."""
    errors = [line.removeprefix("error: ") for line in log if line.startswith("error: ")]
    if not errors or status not in (1, 2):
        return None
    return UsageError(errors[-1]) if status == 2 else ScenegenError(errors[-1])
