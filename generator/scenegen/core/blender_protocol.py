"""What scenegen and the Blenders that it starts agree on: answers, GPU kinds, required modules and where they lie.

Standard library only, and syntax that a Python older than 3.11 reads: an old Blender has to say that it is too old.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

MARK = "@scenegen "
"""What an answer in JSON starts with, on a line of standard output that may hold other text before it."""

GPU_KINDS = ("optix", "cuda", "hip", "metal", "oneapi")
"""The kinds of GPU that Cycles renders on, in the order in which `--device auto` tries them."""

OLDEST_PYTHON = (3, 11)

REQUIRED_MODULES = {"numpy": "numpy", "numba": "numba", "PIL": "pillow"}
"""The modules that run inside Blender and do not come with Python, and the packages that contain them."""


def modules_folder(python: tuple[int, ...] = sys.version_info[:2]) -> Path:
    """Where `scenegen blender-setup` installs modules for Blenders of this Python: $SCENEGEN_HOME/blender/cp311.

    Without SCENEGEN_HOME it is ~/.scenegen.
    """
    home = Path(os.environ.get("SCENEGEN_HOME") or Path.home() / ".scenegen")
    return home / "blender" / f"cp{python[0]}{python[1]}"
