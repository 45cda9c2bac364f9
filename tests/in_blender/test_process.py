"""What a Blender says of its own process."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

ASK = "from blender_scripts.host.process import peak_megabytes; print(peak_megabytes())"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts the memory of a parent")
def test_peak_memory_is_that_of_the_process_alone() -> None:
    """Linux's ru_maxrss of a process begins with what the process that started it has."""
    burden = np.ones(400 * 2**20, np.uint8)
    answer = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True).stdout
    assert burden.all()
    assert 5 < float(answer) < 200
