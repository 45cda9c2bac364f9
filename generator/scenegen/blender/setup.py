"""Ask a Blender for its versions, and install the modules that the labels need (`scenegen blender-setup`).

A user's own Blender brings numpy at most. The missing modules go to one folder per Python version below
~/.scenegen/blender, which blender_scripts/generate.py appends to that Blender's path: nothing is written into Blender
itself, and modules that it brings come first.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scenegen.blender.host import generate_script, own_environment
from scenegen.core.blender_protocol import MARK, OLDEST_PYTHON, REQUIRED_MODULES, modules_folder
from scenegen.core.bpy_package import bpy_problem
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.import_path import child_environment

# Runs in a Python that may be too old for scenegen, or in a program that is no Blender.
_PROBE = """
import importlib, json, platform, sys
answer = {"python": list(sys.version_info[:3]), "machine": platform.machine(), "versions": {}, "problems": {}}
try:
    import bpy
    answer["blender"] = bpy.app.version_string
except ImportError as error:
    answer["problems"]["bpy"] = str(error)
if sys.version_info[:2] >= OLDEST_PYTHON:
    sys.path.append(ROOT)
    from blender_scripts.generate import prepare_path
    prepare_path()
    for name in MODULES:
        try:
            answer["versions"][name] = importlib.import_module(name).__version__
        except Exception as error:
            answer["problems"][name] = "%s: %s" % (type(error).__name__, error)
    if "blender" in answer:
        from blender_scripts.host.compat import list_gpus, missing_features
        answer["gpus"] = list_gpus()
        answer["missing"] = missing_features()
print("MARK" + json.dumps(answer))
"""
BACKGROUND = ("--background", "--factory-startup", "--python-exit-code", "1")
"""How a Blender of the user's own starts to run a script."""


@dataclass(frozen=True)
class BlenderInfo:
    """What a Blender answered: `versions` of the modules it can import, and why it cannot import the others.

    `gpus` are the names of those that Cycles can render on, by kind ("optix", "cuda", ...); `missing` is what other
    Blenders can do and this one cannot ("Draco", "OpenImageDenoise", ...), with what that means for the user.
    """

    executable: str
    version: str
    python: tuple[int, int, int]
    machine: str
    versions: Mapping[str, str]
    problems: Mapping[str, str]
    gpus: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)


def probe(blender: str | None) -> BlenderInfo:
    """Start a Blender (None: the bpy wheel of this Python) and ask for its versions and modules.

    Raises ScenegenError when there is none, it is no Blender, or its Python is older than 3.11.
    """
    if blender is None and (problem := bpy_problem("name a Blender with --blender EXE")):
        raise ScenegenError(problem)
    executable = sys.executable if blender is None else _find(blender)
    root = str(generate_script().parent.parent)
    names = {"MODULES": list(REQUIRED_MODULES), "OLDEST_PYTHON": OLDEST_PYTHON, "ROOT": root}
    code = _PROBE.replace("MARK", MARK)
    for name, value in names.items():
        code = code.replace(name, repr(value))
    command = [executable, "-c", code] if blender is None else [*_background(executable), "--python-expr", code]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
            check=False,
            env=own_environment() if blender else child_environment(),
        )
    except OSError as error:
        raise ScenegenError(
            f"{executable}: cannot be started ({error.strerror}); name a Blender, such as /usr/bin/blender"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ScenegenError(f"{executable}: no answer in 300 s; is it a Blender?") from error
    answers = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not answers:
        last_line = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        raise ScenegenError(
            f"{executable}: is no Blender that runs Python 3 ({last_line}); name a Blender, such as /usr/bin/blender"
        )
    body = json.loads(answers[-1].removeprefix(MARK))
    problems = dict(body["problems"])
    if "bpy" in problems:
        raise ScenegenError(
            f"{executable}: cannot import bpy ({problems['bpy']}); "
            + (
                "name a Blender, such as /usr/bin/blender"
                if blender
                else "install the package again, or name a Blender: --blender EXE"
            )
        )
    python = (body["python"][0], body["python"][1], body["python"][2])
    if python < OLDEST_PYTHON:
        raise ScenegenError(
            f"{executable}: Blender {body['blender']} has Python {python[0]}.{python[1]}, 3.11 or newer is needed; "
            "use Blender 4.1 or newer, or Debian's 3.4"
        )
    missing = body.get("missing", {})
    gpus = {kind: tuple(names) for kind, names in body.get("gpus", {}).items()}
    return BlenderInfo(executable, body["blender"], python, body["machine"], body["versions"], problems, gpus, missing)


def check_host(blender: str | None) -> BlenderInfo:
    """`probe` a Blender, and raise ScenegenError with the fix when modules are missing."""
    info = probe(blender)
    require_modules(info, blender)
    return info


def require_modules(info: BlenderInfo, blender: str | None) -> None:
    """Raise ScenegenError with the fix when modules of the probed Blender (None: the bpy wheel) are missing."""
    if info.problems:
        name, why = next(iter(info.problems.items()))
        fix = (
            f"scenegen blender-setup --blender {info.executable}"
            if blender
            else "pip install --force-reinstall scenegen"
        )
        raise ScenegenError(f"{info.executable}: misses {', '.join(info.problems)} ({name}: {why}); run `{fix}`")


def setup(blender: str) -> BlenderInfo:
    """Install the modules that a Blender misses, import them in it, and return what it answers afterwards.

    Raises ScenegenError when pip fails or the modules do not import after all.
    """
    before = probe(blender)
    if not before.problems:
        return before
    if before.machine.lower() != platform.machine().lower():
        raise ScenegenError(
            f"{before.executable}: runs on {before.machine} and this Python on {platform.machine()}; "
            "run blender-setup from a Python of the same kind"
        )
    folder = modules_folder(before.python)
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-warn-conflicts"),
        *("--upgrade", "--target", str(folder), "--only-binary=:all:"),
        *("--python-version", ".".join(map(str, before.python[:2]))),
        *_requirements(before),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=child_environment())
    if done.returncode:
        last_line = (done.stderr.strip() or done.stdout.strip() or "it printed nothing").splitlines()[-1]
        raise ScenegenError(
            f"{folder}: pip could not install {', '.join(REQUIRED_MODULES.values())} ({last_line}); "
            "fix that and run it again"
        )
    return check_host(blender)


def _requirements(info: BlenderInfo) -> list[str]:
    """The packages to install; numpy as that Blender has it, because what it brings comes first on its path."""
    folder = modules_folder(info.python)
    own_numpy = info.versions.get("numpy")
    brought = own_numpy is not None and not (folder / "numpy").exists()
    numpy = f"numpy=={own_numpy}" if brought else "numpy<2" if info.python < (3, 13) else "numpy"
    return [numpy, *(package for package in REQUIRED_MODULES.values() if package != "numpy")]


def _find(blender: str) -> str:
    if not blender:
        raise UsageError("--blender: an empty name; name a Blender, such as /usr/bin/blender")
    found = shutil.which(blender)
    if found is None:
        raise ScenegenError(
            f"{blender}: no such program; name a Blender, or leave --blender out to use the bpy package"
        )
    return str(Path(found).absolute())


def _background(executable: str) -> list[str]:
    return [executable, *BACKGROUND]
