"""Has Blender read model files, in one process for all files, so that a file that crashes it costs that file alone."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, Refused
from scenegen.blender.process import BlenderProcess, HostLostError
from scenegen.core.bpy_package import bpy_problem
from scenegen.core.errors import ScenegenError
from scenegen.core.import_path import child_environment

OLDEST_READER = (4, 2)
MOST_MB = 2000.0  # resident memory: a Blender that kept more than this of the files it read gives way to a new one


class ModelReader:
    """A Blender that reads one file after the other; another takes its place when it crashes, hangs or has grown."""

    def __init__(self, program: str | None = None) -> None:
        self.program = program  # a Blender of the user's own; None is the bpy package
        self._folder = Path(tempfile.mkdtemp(prefix="scenegen-import-"))
        self._blender: BlenderProcess | None = None
        self._asked = 0  # files that this Blender was given
        self._number = 0
        self._pending: tuple[Path, Path] | None = None  # the file that was begun, and the folder for what is found

    @property
    def busy(self) -> bool:
        """Whether a file was begun and its answer was not taken."""
        return self._pending is not None

    def begin(self, file: Path) -> None:
        """Have Blender start to read a file; `finish` gives what it found."""
        folder = self._folder / str(self._number)
        self._number += 1
        self._pending = file, folder
        if self._blender and _megabytes(self._blender.pid) > MOST_MB:
            self._end_blender()
        self._ask(file, folder)

    def finish(self, seconds: float) -> Path | Refused:
        """The folder with what Blender found in the file that was begun, which the caller removes, or a refusal.

        A file at which Blender dies or takes over `seconds` is tried once more, in a Blender that has read no other.
        """
        assert self._pending is not None
        file, folder = self._pending
        self._pending = None
        try:
            answer = self._answer(seconds)
        except HostLostError as error:
            first = self._asked == 1
            self._end_blender()
            if first:
                return _refusal(file, error)
            self._ask(file, folder)
            try:
                answer = self._answer(seconds)
            except HostLostError as again:
                self._end_blender()
                return _refusal(file, again)
        return folder if answer["ok"] else Refused(str(file), answer["error"])

    def close(self) -> None:
        """End Blender and remove all that it wrote."""
        self._end_blender()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, file: Path, folder: Path) -> None:
        if self._blender is None:
            command = [sys.executable, "-m", "blender_scripts.import_model"]
            environment = child_environment()
            if self.program:
                from scenegen.blender.host import generate_script, own_environment
                from scenegen.blender.setup import BACKGROUND

                script = generate_script().parent / "read_models.py"
                command = [self.program, *BACKGROUND, "--python", str(script), "--"]
                environment = own_environment()
            command += ["--max-triangles", str(MAX_TRIANGLES)]
            # Blender's own temporary files lie there too, so that nothing is left of one that crashes.
            self._blender = BlenderProcess(command, {**environment, "TMPDIR": str(self._folder)})
            self._asked = 0
        self._asked += 1
        self._blender.send({"file": str(file.absolute()), "out": str(folder)})

    def _answer(self, seconds: float) -> dict[str, Any]:
        assert self._blender is not None
        return self._blender.receive(seconds)

    def _end_blender(self) -> None:
        if self._blender:
            self._blender.close()
            self._blender = None


_idle: list[ModelReader] = []
_chosen: list[str] = []


def choose_blender(program: str | None) -> None:
    """Have a Blender of the user's own read the model files of this process; None is the bpy package.

    Raises ScenegenError when it is no Blender, or one that is too old for it.
    """
    _chosen.clear()
    if program is None:
        return
    from scenegen.blender.setup import probe

    info = probe(program)
    if tuple(int(part) for part in info.version.split(".")[:2] if part.isdigit()) < OLDEST_READER:
        oldest = ".".join(map(str, OLDEST_READER))
        raise ScenegenError(
            f"{program}: Blender {info.version} cannot read model files for this; use {oldest} or newer"
        )
    _chosen.append(info.executable)


def reading_problem() -> str | None:
    """Why no model file can be read here, in one line with what to do; None when it can."""
    return None if _chosen else bpy_problem("name a Blender with --blender EXE")


@contextmanager
def model_reader() -> Iterator[ModelReader]:
    """A reader, whose Blender stays open for the next call in this process; the end of the process ends it."""
    program = _chosen[0] if _chosen else None
    if _idle and _idle[0].program != program:
        _idle.pop().close()
    reader = _idle.pop() if _idle else ModelReader(program)
    atexit.register(reader.close)
    try:
        yield reader
    finally:
        if reader.busy or _idle:
            reader.close()
        else:
            _idle.append(reader)


def _refusal(file: Path, error: HostLostError) -> Refused:
    last_line = error.log[-1][:200] if error.log else "no output"
    return Refused(str(file), f"{error} while reading it ({last_line}); simplify the model or export it again")


def _megabytes(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).memory_info().rss / 2**20)
    except psutil.Error:  # it has ended: the answer says so
        return 0.0
