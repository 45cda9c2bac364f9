"""One persistent Blender process that makes scenes.

It is asked {"index": 17} and answers {"index": 17, "ok": true, "seconds": {stage: seconds}, "peak_mb": ...} or
{"index": 17, "ok": false, "error": "..."}.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from scenegen.blender.process import BlenderProcess
from scenegen.core.dataset.request import Request, Resources
from scenegen.core.errors import ScenegenError
from scenegen.core.import_path import child_environment
from scenegen.core.options import to_argv


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


class BlenderHost:
    """A Blender that makes the scenes of a request. After HostLostError it is gone: start another."""

    def __init__(self, script: str, request: Request, resources: Resources) -> None:
        environment = own_environment() if request.blender else child_environment()
        self._process = BlenderProcess(serve_command(script, request, resources), environment, resources.cores)

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._process.pid

    def make(self, index: int, timeout: float) -> dict[str, Any]:
        """Make scene `index`; return the answer. Raises HostLostError when the child dies or takes over `timeout` s."""
        self._process.send({"index": index})
        return self._process.receive(timeout)

    def close(self) -> None:
        """Have the child end by itself; kill it after two seconds."""
        self._process.close()
