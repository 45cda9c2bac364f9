"""Blender as a Python package: which Pythons have one, and what to say where there is none."""

from __future__ import annotations

import importlib.util
import sys

LONG_TERM_BLENDERS = {"3.11": "4.5", "3.13": "5.2"}
"""The long-term Blender whose bpy package is built for a Python; other Pythons have no bpy package."""


def bpy_problem(instead: str) -> str | None:
    """Why this Python cannot import bpy, in one line that ends in `instead`, what to do; None when bpy is installed."""
    if importlib.util.find_spec("bpy"):
        return None
    python = "{}.{}".format(*sys.version_info[:2])
    if python in LONG_TERM_BLENDERS:
        return (
            f"the bpy package is not installed: run `pip install 'bpy=={LONG_TERM_BLENDERS[python]}.*'`, or {instead}"
        )
    return f"there is no bpy package for Python {python}, only for {' and '.join(LONG_TERM_BLENDERS)}: {instead}"
