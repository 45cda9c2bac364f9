"""Keeps the working folder off the import path: a user may stand in a stranger's folder, with an argparse.py in it.

Python puts the working folder first on the path of `python -c` and `python -m`, so of every process that
multiprocessing spawns, and for each empty part of PYTHONPATH (`PYTHONPATH=:/opt/lib`).
"""

from __future__ import annotations

import os
import sys

_WORKING_FOLDER = ("", ".", "./")


def protect_imports() -> None:
    """Take the working folder off the path of this process and of all that it starts. For commands, at their start.

    It stays where the package itself lies in it: a source tree whose root a developer stands in.
    """
    protect_children()
    here = os.path.realpath(os.curdir)
    if here not in (os.path.realpath(f"{__file__}/../../.."), os.path.realpath(f"{__file__}/../../../..")):
        sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.curdir) != here]


def protect_children() -> None:
    """Take the working folder off the path of every Python process that this one will start."""
    os.environ.update(child_environment())


def child_environment() -> dict[str, str]:
    """The environment of this process for a child: PYTHONSAFEPATH, and PYTHONPATH without the working folder."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    if "PYTHONPATH" in environment:
        parts = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(part for part in parts if part not in _WORKING_FOLDER)
    return environment
