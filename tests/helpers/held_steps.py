"""`scenegen` whose steps wait before each scene until they are let go: a test decides what happens meanwhile.

    python held_steps.py FOLDER pack DIR OUT --workers 2

Every process that has come to a scene leaves FOLDER/held_PID; FOLDER/go lets them all go on.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def held(folder: Path, *words: str) -> list[str]:
    """The command line of this program with a command of scenegen."""
    return [sys.executable, __file__, str(folder), *words]


def hold(folder: Path, work: Callable[[Any], Any], item: Any) -> Any:
    pause = threading.Event()
    (folder / f"held_{os.getpid()}").touch()
    while not (folder / "go").exists():
        pause.wait(0.05)
    return work(item)


def main(folder: Path, arguments: Sequence[str]) -> None:
    from scenegen.cli import main as command
    from scenegen.steps import relabel, scene_pool
    from scenegen.steps.preview import sheets
    from scenegen.steps.verify import verify

    through = scene_pool.map_scenes

    def waiting(work: Callable[[Any], Any], *more: Any) -> Any:
        return through(functools.partial(hold, folder, work), *more)

    for module in (scene_pool, relabel, verify):
        module.map_scenes = waiting  # type: ignore[attr-defined]
    sheets._draw_scene = functools.partial(hold, folder, sheets._draw_scene)  # type: ignore[assignment]
    sys.argv[1:] = arguments
    command.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
