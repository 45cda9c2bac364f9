"""The process around Blender: its output (progress, "Saved: ...") hidden from the terminal, its memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

Notify = Callable[[str], None]


def quiet_stdout() -> Notify:
    """Discard what Blender's C code writes to file descriptor 1; return a function that still prints lines there."""
    sys.stdout.flush()
    terminal = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

    def notify(line: str) -> None:
        terminal.write(line + "\n")
        terminal.flush()

    return notify


def peak_megabytes() -> float:
    """Return the peak memory of this process in MB; 0 where the system does not report it (Windows)."""
    # On Linux, ru_maxrss counts the process that started this one, too: a Blender looked as large as its parent.
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:")), 0.0)
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
