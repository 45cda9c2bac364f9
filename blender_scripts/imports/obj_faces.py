"""Faces of an OBJ that Blender's importer leaves out in silence: those that name a vertex not read so far.

So it does with a face whose texture coordinates or normals alone are missing, and with files that list their
vertices behind their faces.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from blender_scripts.imports.faults import ImportFault

_FACE = re.compile(rb"^[ \t]*f[ \t]", re.MULTILINE)
_COUNTED = (b"v", b"vt", b"vn")


def count_faces(file: Path) -> int:
    """The number of faces that an OBJ lists."""
    if not file.stat().st_size:
        return 0
    with file.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sum(1 for _ in _FACE.finditer(content))


def with_all_faces(file: Path, folder: Path, warnings: list[str]) -> Path:
    """A copy of an OBJ in `folder`: vertices first, and faces without what the file does not have.

    A face loses its texture coordinates or its normals where one is missing, and is left out where a vertex is; how
    many becomes a warning. ImportFault when no face is left.
    """
    lines = file.read_bytes().replace(b"\\\r\n", b"  ").replace(b"\\\n", b"  ").splitlines()
    totals = [0, 0, 0]
    kept: list[bytes] = []
    rest: list[bytes] = []
    counts = {"faces": 0, "broken": 0, "without UVs": 0, "without normals": 0}
    for line in lines:
        word = line.split(None, 1)[:1]
        if word and word[0] in _COUNTED:
            totals[_COUNTED.index(word[0])] += 1
            kept.append(line)
    so_far = [0, 0, 0]
    for line in lines:
        words = line.split(b"#", 1)[0].split()
        if not words or words[0] in (b"l", b"p"):
            continue
        if words[0] in _COUNTED:
            so_far[_COUNTED.index(words[0])] += 1
        elif words[0] == b"f":
            rest += _face(words[1:], so_far, totals, counts)
        else:
            rest.append(line)
    if counts["faces"] == counts["broken"] > 0:
        reason = f"all its {counts['faces']:,} faces name vertices that it does not have (it has {totals[0]:,})"
        raise ImportFault(f"{reason}; download or export it again")
    for key, said in (
        ("broken", "name vertices that the file does not have: left out"),
        ("without UVs", "name texture coordinates that the file does not have: shown without"),
        ("without normals", "name normals that the file does not have: shown without"),
    ):
        if counts[key]:
            warnings.append(f"{counts[key]} of {counts['faces']} faces {said}")
    copy = folder / "all_faces.obj"
    copy.write_bytes(b"\n".join([*kept, *rest, b""]))
    return copy


def _face(
    corners: Sequence[bytes], so_far: Sequence[int], totals: Sequence[int], counts: dict[str, int]
) -> Iterator[bytes]:
    """The line of a face, its numbers from 1 on, or none."""
    counts["faces"] += 1
    try:
        table = [[int(part) if part else 0 for part in corner.split(b"/")] + [0, 0] for corner in corners]
    except ValueError:
        table = []
    # Below 0: counted back from the last one so far. 0: none.
    columns = [[row[k] + so_far[k] + 1 if row[k] < 0 else row[k] for row in table] for k in range(3)]
    whole = [
        bool(column) and all(1 <= value <= total for value in column)
        for column, total in zip(columns, totals, strict=True)
    ]
    if not whole[0]:
        counts["broken"] += 1
        return
    for key, column, fine in (("without UVs", columns[1], whole[1]), ("without normals", columns[2], whole[2])):
        counts[key] += not fine and any(column)
    corner_parts = zip(*columns, strict=True)
    yield b"f " + b" ".join(_corner(parts, whole) for parts in corner_parts)


def _corner(parts: Sequence[int], whole: Sequence[bool]) -> bytes:
    vertex, uv, normal = (b"%d" % value if fine else b"" for value, fine in zip(parts, whole, strict=True))
    return b"/".join([vertex, uv, normal]).rstrip(b"/")
