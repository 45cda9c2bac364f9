"""A Python with nuscenes-devkit, whose pins are not ours, and what it reads in an export."""

from __future__ import annotations

import json
import os
import subprocess
import venv
from pathlib import Path
from typing import Any

READER = Path(__file__).parent / "nuscenes_reader.py"
PACKAGES = ("nuscenes-devkit==1.2.0", "opencv-python<4.12")


def read_with_devkit(exported: Path, folder: Path) -> dict[str, Any]:
    """What `nuscenes_reader.py` finds; images go to folder/images.

    NUSCENES_PYTHON names a Python that has the devkit already; else it is installed (650 MB) into an environment in
    `folder`.
    """
    python = Path(os.environ.get("NUSCENES_PYTHON") or folder / "env/bin/python")
    if not python.exists():
        venv.create(folder / "env", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    done = subprocess.run([python, READER, exported, folder / "images"], check=True, stdout=subprocess.PIPE)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
