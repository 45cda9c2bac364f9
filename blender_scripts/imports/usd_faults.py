"""Why a USD file cannot be read, in words that help: what the library `pxr` says of it, and faces that are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from blender_scripts.imports.faults import ImportFault

_PLACE = re.compile(r"[^\n]*?:(\d+):\d+: (.*)", re.DOTALL)
_CUT = re.compile(r"possibly truncated.* offset (\d+) but file size is (\d+)")
_VERSION = re.compile(r"file is ([\d.]+), software supports ([\d.]+)")
_NOISE = re.compile(r"pxr\w*__::|Sdf_TextFileFormatParser::|Encountered: |,? (while|when) (reading|opening) @.*@")


def check_usd(file: Path) -> None:
    """Raise ImportFault where the library that reads USD, or a mesh in the file, tells what is wrong with it."""
    try:
        bpy.utils.expose_bundled_modules()
        from pxr import Tf, Usd
    except (AttributeError, ImportError):  # Blender 4.3 and older
        return
    try:
        stage = Usd.Stage.Open(str(file))
    except Tf.ErrorException as error:
        raise ImportFault(in_plain_words([str(each.commentary) for each in error.args])) from error
    for wrong in wrong_faces(stage):  # Blender's importer checks none of it, and may end at it
        raise ImportFault(f"{wrong}; export it again")


def in_plain_words(said: list[str]) -> str:
    """One line about what `pxr` says, in its order, of a file that it does not open."""
    for text in said:
        if found := _PLACE.match(text):
            reason = " ".join(_NOISE.sub("", found[2]).split())
            return f"line {found[1]} cannot be read ({reason[:120]}); correct it, or export the file again"
        if found := _CUT.search(text):
            return f"it is cut off: of at least {found[1]} bytes {found[2]} are there; copy or download it again"
        if found := _VERSION.search(text):
            return f"its version {found[1]} is newer than the {found[2]} of this Blender; convert it to .usda"
    if all(text.startswith("Failed to open layer") for text in said):
        return "its first file is no USD layer, as an archive .usdz has it; export it again"
    return f"it is damaged ({' '.join(_NOISE.sub('', said[0]).split())[:120]}); download or export it again"


def wrong_faces(stage: Any) -> Iterator[str]:
    """One line about each mesh whose faces do not fit its corners and points."""
    from pxr import Usd, UsdGeom

    for prim in Usd.PrimRange(stage.GetPseudoRoot(), Usd.TraverseInstanceProxies()):
        if not prim.IsA(UsdGeom.Mesh):
            continue
        mesh = UsdGeom.Mesh(prim)
        attributes = (mesh.GetFaceVertexCountsAttr(), mesh.GetFaceVertexIndicesAttr(), mesh.GetPointsAttr())
        counts, corners, points = (np.asarray(each.Get(Usd.TimeCode.EarliestTime()) or ()) for each in attributes)
        if min(counts.ndim, corners.ndim, points.ndim) == 0:
            yield f"mesh {prim.GetName()}: its points or faces are of a type that USD does not know"
        elif counts.sum() != len(corners):
            yield f"mesh {prim.GetName()}: its faces have {counts.sum():,} corners, and {len(corners):,} are given"
        elif len(corners) and (corners.min() < 0 or corners.max() >= len(points)):
            strange = np.count_nonzero((corners < 0) | (corners >= len(points)))
            yield f"mesh {prim.GetName()}: {strange:,} corners of its faces are at points that are not there"
