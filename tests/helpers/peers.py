"""Programs that read the same formats. Their pins are not ours, so each runs in a process that has them as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

HERE = Path(__file__).parent
PEERS = Path(sys.prefix) / "peers"
"""Where `make test` installs requirements/peers.txt."""

needs_peers = pytest.mark.skipif(
    np.__version__ >= "2" or not PEERS.is_dir(),
    reason="requirements/peers.txt: make test installs it; it needs numpy 1",
)


def run_peer(script: str, *arguments: Path) -> str:
    """What a script beside this file prints."""
    environment = {**os.environ, "PYTHONPATH": str(PEERS)}
    command = [sys.executable, HERE / script, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout


def read_with_devkit(exported: Path, folder: Path) -> dict[str, Any]:
    """What nuscenes-devkit finds in an export; images go to folder/images."""
    printed = run_peer("nuscenes_reader.py", exported, folder / "images")
    answer: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return answer
