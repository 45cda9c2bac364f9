"""Text files that Blender's importer reads wrongly, corrected in a copy: upper-case STL, OBJ far from the origin."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault

_BINARY_START = 84  # bytes of a title and of the number of triangles
FAR = 10.0  # times its own size from the origin: 32-bit coordinates keep 7 digits, and far away not enough of them
SAMPLED_VERTICES = 1000


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
                "download or export it again"
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
    lines = lower.splitlines()
    found = (line for line in lines if line.lstrip().startswith(b"vertex"))
    if _is_far(_vertices(islice(found, SAMPLED_VERTICES))):
        places = [number for number, line in enumerate(lines) if line.lstrip().startswith(b"vertex")]
        near = moved_near(_vertices(lines[place] for place in places))
        for place, point in zip(places, near, strict=False):
            lines[place] = b"vertex " + b" ".join(f"{value:.9g}".encode() for value in point)
        lower = b"\n".join(lines)
    if lower == content:
        return file
    copy = folder / "readable.stl"
    copy.write_bytes(lower)
    return copy


def near_origin(file: Path, folder: Path) -> Path:
    """The OBJ file itself, or a copy in `folder` whose vertices are moved to the origin before they lose digits.

    Blender keeps 32-bit coordinates: at UTM coordinates (5,000,000 m) they are multiples of 0.5 m.
    """
    with file.open("rb") as stream:
        start = _vertices(islice((line for line in stream if line.startswith(b"v ")), SAMPLED_VERTICES))
    if not _is_far(start):
        return file
    lines = file.read_bytes().replace(b"\\\r\n", b" ").replace(b"\\\n", b" ").splitlines()
    vertices = _vertices(line for line in lines if line.startswith(b"v "))
    if not _is_far(vertices):
        return file
    near = moved_near(vertices)
    with (folder / "near_origin.obj").open("wb") as copy:
        place = 0
        for line in lines:
            if line.startswith(b"v "):
                moved = b" ".join(f"{value:.9g}".encode() for value in near[place])
                line = b" ".join([b"v", moved, *line.split()[4:]])
                place += 1
            copy.write(line + b"\n")
    return folder / "near_origin.obj"


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
