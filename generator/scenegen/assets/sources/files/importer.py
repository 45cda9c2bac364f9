"""Turns what Blender finds in model files into meshes, materials and textures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, Refused
from scenegen.assets.sources.files.gltf import count_triangles
from scenegen.assets.sources.files.looks import Painted, paint, read_look
from scenegen.assets.sources.files.reading import ModelReader, model_reader, reading_problem
from scenegen.assets.sources.files.wrapping import wrap_textures
from scenegen.core.asset_library import Material
from scenegen.core.errors import ScenegenError

MAX_FILE_BYTES = 1_000_000_000
FILE_SECONDS = 180.0  # a 4-million-triangle file takes about 60 s


@dataclass(frozen=True)
class Imported:
    """The content of a model file, in Blender's axes (Z up where the format defines an up axis) and the file's units.

    vertices float64 (V, 3), all finite, faces int32 (F, 3), material_index int32 (F,), uvs float32 (F, 3, 2) or None,
    corner_normals float32 (F, 3, 3), NaN where unknown, or None; `textures` by the path in the materials;
    `part_sizes` name and number of faces of each object of the file, in the order of `faces`.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int32]
    material_index: NDArray[np.int32]
    uvs: NDArray[np.float32] | None
    corner_normals: NDArray[np.float32] | None
    materials: tuple[Material, ...]
    textures: dict[str, bytes]
    warnings: tuple[str, ...]
    part_sizes: tuple[tuple[str, int], ...]


def import_files(files: Sequence[Path], seconds: float = FILE_SECONDS) -> Iterator[tuple[int, Imported | Refused]]:
    """The number and content of each file, in order; when Blender crashes or hangs, only that file is refused.

    Blender reads the next file meanwhile. Raises ScenegenError where this Python has no bpy package
    and no other Blender was chosen.
    """
    problem = reading_problem()
    if problem:
        raise ScenegenError(problem)
    with model_reader() as reader:
        why = _begin(reader, files[0]) if files else None
        for number, file in enumerate(files):
            found = Refused(str(file), why) if why else reader.finish(seconds)
            why = _begin(reader, files[number + 1]) if number + 1 < len(files) else None
            if isinstance(found, Path):
                imported = _load(found)
                shutil.rmtree(found)
                yield number, imported
            else:
                yield number, found


def _begin(reader: ModelReader, file: Path) -> str | None:
    """Have Blender read a file; or the reason not to."""
    why = _refuse_unread(file)
    if why is None:
        reader.begin(file)
    return why


def _refuse_unread(file: Path) -> str | None:
    """The reason not to open a file in Blender at all, or None."""
    if not file.is_file():
        return "no such file; check the path"
    size = file.stat().st_size
    if size == 0:
        return "the file is empty; copy or download it again"
    if size > MAX_FILE_BYTES:
        return f"{size / 1e9:.1f} GB is more than {MAX_FILE_BYTES / 1e9:.0f} GB; simplify the model first"
    triangles = _count_triangles(file)
    if triangles > MAX_TRIANGLES:
        return f"{triangles:,} triangles are more than {MAX_TRIANGLES:,}; simplify the model first"
    return None


def _count_triangles(file: Path) -> int:
    """The number of triangles of a file, where it can be counted without loading it; else 0."""
    if file.suffix.lower() in (".gltf", ".glb"):
        return count_triangles(file)
    with file.open("rb") as stream:
        head = stream.read(4096)
        if file.suffix.lower() == ".stl" and len(head) >= 84:
            count = int.from_bytes(head[80:84], "little")
            return count if file.stat().st_size == 84 + 50 * count else 0
        if file.suffix.lower() == ".ply":
            words = head.split(b"element face ", 1)
            return int(words[1].split()[0]) if len(words) == 2 and words[1].split()[0].isdigit() else 0
        if file.suffix.lower() == ".obj":
            stream.seek(0)
            return sum(chunk.count(b"\nf ") for chunk in iter(lambda: stream.read(1 << 24), b""))
    return 0


def _load(folder: Path) -> Imported:
    body = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with np.load(folder / "mesh.npz") as arrays:
        faces, material_index = arrays["faces"], arrays["material_index"]
        vertices, normals, colors = arrays["vertices"], arrays.get("corner_normals"), arrays.get("face_colors")
        uvs = arrays.get("uvs")
    textures: dict[str, bytes] = {}
    warnings = list(body["warnings"])
    materials = [read_look(described, folder, textures, warnings) for described in body["materials"]]
    if uvs is not None:
        slots = [dict(material.textures) for material in materials]
        warnings += wrap_textures(body["materials"], slots, uvs, material_index, textures)
        materials = [replace(material, textures=own) for material, own in zip(materials, slots, strict=True)]
    if colors is not None:
        uvs, material_index = paint(Painted(colors, uvs, material_index), materials, textures, warnings)
    return Imported(
        vertices,
        faces,
        material_index,
        uvs,
        normals,
        tuple(materials),
        textures,
        tuple(dict.fromkeys(warnings)),
        tuple((name, size) for name, size in body["part_sizes"]),
    )
