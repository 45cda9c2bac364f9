"""Text files that Blender's importer reads wrongly, corrected in a copy: STL in capitals, OBJ far from the origin.

What has words where numbers belong, or is cut off, loses these triangles alone, and a warning counts them.
"""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.kinds import AGAIN

_BINARY_START = 84  # bytes of a title and of the number of triangles
FAR = 10.0  # times its own size from the origin: 32-bit coordinates keep 7 digits, and far away not enough of them
SAMPLED_VERTICES = 1000
_LAST_LINE = 200  # bytes
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_ODD_VERTEX = re.compile(rb"^[ \t]*v[ \t]+(?!(?:" + _NUMBER + rb"[ \t]+){2}" + _NUMBER + rb"[ \t\r\n#])", re.MULTILINE)
_FACET = re.compile(rb"^[ \t]*facet\b", re.MULTILINE)
_VERTEX = re.compile(rb"^[ \t]*vertex[ \t].*$", re.MULTILINE)
_LINE_OF_VERTEX = rb"vertex(?:[ \t]+" + _NUMBER + rb"){3}\s+"
_WHOLE_FACET = re.compile(
    rb"^[ \t]*facet\b.*\s+outer\s+loop\s+(?:" + _LINE_OF_VERTEX + rb"){3}endloop\s+endfacet", re.MULTILINE
)


def readable_stl(file: Path, folder: Path, warnings: list[str]) -> Path:
    """The file itself, or a copy in `folder` in lower case, which is all that Blender's importer reads of text.

    A text far from the origin is moved near it. A binary file is found by its size, because its title may also begin
    with "solid"; Blender reads none that has anything behind its triangles. Adds to `warnings` what is not read.
    ImportFault: the file is cut off, or of another format.
    """
    with file.open("rb") as stream:
        head = stream.read(_BINARY_START)
    size, count = file.stat().st_size, int.from_bytes(head[80:84], "little")
    end = _BINARY_START + 50 * count
    if len(head) == _BINARY_START and size == end:
        return file
    content = file.read_bytes()
    lower = content.lstrip().lower()
    if not lower.startswith(b"solid") or b"vertex" not in lower:
        if lower.startswith(b"solid") and b"endsolid" in lower:
            raise ImportFault("it is text without any triangle; export it again")
        if size < end:
            has = max(size - _BINARY_START, 0) // 50
            raise ImportFault(
                f"it is no STL, or cut off: it has room for {has:,} of the {count:,} triangles that its header counts; "
                f"{AGAIN}"
            )
        if (size - _BINARY_START) % 50 == 0:  # as exporters do that write the number first, and then more
            has = (size - _BINARY_START) // 50
            warnings.append(f"its header counts {count:,} triangles; all {has:,} are read")
            content = content[:80] + has.to_bytes(4, "little") + content[_BINARY_START:]
        else:
            warnings.append(f"{size - end:,} bytes behind its {count:,} triangles are not read")
            content = content[:end]
        (folder / "readable.stl").write_bytes(content)
        return folder / "readable.stl"
    return _readable_text(file, content, lower, folder, warnings)


def _readable_text(file: Path, content: bytes, lower: bytes, folder: Path, warnings: list[str]) -> Path:
    """An STL file of text, or its whole facets near the origin as a binary copy."""
    pieces = len(_FACET.findall(lower))
    ended = b"endsolid" in lower[-_LAST_LINE:]
    if pieces == len(_WHOLE_FACET.findall(lower)):
        triangles = np.array([line.split()[1:] for line in _VERTEX.findall(lower)], dtype=np.float64).reshape(-1, 9)
        if not ended and lower.rpartition(b"endfacet")[2].strip():
            warnings.append(f"it is cut off after {pieces:,} facets; {AGAIN}")
        elif not ended:
            warnings.append(f"it ends without `endsolid`: it may be cut off after its {pieces:,} facets")
        if lower == content and not _is_far(triangles.reshape(-1, 3)):
            return file
    else:
        triangles = _whole_facets(lower, warnings, ended=ended)
    near = moved_near(triangles.reshape(-1, 3)).reshape(-1, 9)
    facets = np.zeros(len(near), dtype=[("normal", "<f4", 3), ("corners", "<f4", 9), ("attribute", "<u2")])
    facets["corners"] = near
    copy = folder / "readable.stl"
    copy.write_bytes(bytes(80) + len(facets).to_bytes(4, "little") + facets.tobytes())
    return copy


def _whole_facets(lower: bytes, warnings: list[str], *, ended: bool) -> NDArray[np.float64]:
    """The facets (N, 9) of a text that have three vertices of three numbers; `warnings` counts the others."""
    pieces = _FACET.split(lower)[1:]
    found: list[list[float]] = []
    for number, piece in enumerate(pieces):
        corners = [_three(line.split()[1:]) for line in _VERTEX.findall(piece)]
        if len(corners) == 3 and not any(corner is None for corner in corners):
            found.append([value for corner in corners for value in corner or ()])
        elif number == len(pieces) - 1 and not ended and b"endfacet" not in piece:
            warnings.append(f"it is cut off after {number:,} facets; {AGAIN}")
            pieces.pop()
    if torn := len(pieces) - len(found):
        warnings.append(f"{torn:,} of {len(pieces):,} facets have not three vertices of three numbers: left out")
    if not found:
        raise ImportFault(f"none of its facets has three vertices of three numbers; {AGAIN}")
    return np.array(found, dtype=np.float64)


def readable_obj(file: Path, folder: Path) -> Path:
    """The OBJ file itself, or a copy in `folder` whose vertices are near the origin and none of them a word.

    Blender keeps 32-bit coordinates: at UTM coordinates (5,000,000 m) they are multiples of 0.5 m. A word it takes for
    0, which moves the vertex to the origin: here it becomes NaN, and the triangles with it are left out.
    """
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        odd = _ODD_VERTEX.search(content) is not None
        start = _vertices(
            islice((line for line in iter(content.readline, b"") if line.startswith(b"v ")), SAMPLED_VERTICES)
        )
    if not odd and not _is_far(start):
        return file
    lines = file.read_bytes().replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines()
    places = [number for number, line in enumerate(lines) if line.lstrip()[:2] in (b"v ", b"v\t")]
    rows = [_three(lines[place].split()[1:4]) or (math.nan,) * 3 for place in places]
    vertices = np.array(rows, dtype=np.float64).reshape(-1, 3)
    broken = ~np.isfinite(vertices).all(axis=1)
    far = _is_far(vertices[~broken])
    if not far and not broken.any():
        return file
    near = moved_near(vertices)
    with (folder / "readable.obj").open("wb") as copy:
        following = iter(zip(places, near if far else [None] * len(places), broken, strict=True))
        at, moved, is_broken = next(following)
        for number, line in enumerate(lines):
            if number == at:
                if is_broken:
                    line = b"v nan nan nan"
                elif moved is not None:
                    place = b" ".join(f"{value:.9g}".encode() for value in moved)
                    line = b" ".join([b"v", place, *line.split()[4:]])
                at, moved, is_broken = next(following, (-1, None, False))
            copy.write(line + b"\n")
    return folder / "readable.obj"


def _three(words: Sequence[bytes]) -> tuple[float, float, float] | None:
    """Three coordinates; None where they are not three numbers."""
    try:
        x, y, z = (float(word) for word in words)
    except ValueError:
        return None
    return x, y, z


def moved_near(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (N, 3), moved to the origin along the axes where they are far from it."""
    middle = far_middle(points)
    return points if middle is None else points - middle


def far_middle(points: NDArray[np.float64], far: float = FAR) -> NDArray[np.float64] | None:
    """The middle (3,) of points (N, 3) along the axes where they are far from the origin, else None.

    Along the other axes it is 0. Far is more than `far` times their size.
    """
    finite = points[np.isfinite(points).all(axis=1)]
    if not len(finite) or not _far_axes(finite, far).any():
        return None
    return np.where(_far_axes(finite, far), (finite.min(axis=0) + finite.max(axis=0)) / 2, 0.0)


def _vertices(lines: object) -> NDArray[np.float64]:
    """Coordinates (N, 3) of lines "v x y z" or "vertex x y z"; an empty array when one is no number."""
    try:
        rows = [[float(word) for word in line.split()[1:4]] for line in lines]  # type: ignore[attr-defined]
        return np.array(rows, dtype=np.float64).reshape(-1, 3)
    except ValueError:
        return np.zeros((0, 3))


def _is_far(vertices: NDArray[np.float64]) -> bool:
    return len(vertices) > 0 and bool(np.isfinite(vertices).all()) and bool(_far_axes(vertices).any())


def _far_axes(vertices: NDArray[np.float64], times: float = FAR) -> NDArray[np.bool_]:
    """Along which of the three axes coordinates are far: the others keep theirs, so that a floor stays at 0."""
    far: NDArray[np.bool_] = np.abs(vertices).max(axis=0) > times * max(np.ptp(vertices, axis=0).max(), 1e-9)
    return far
