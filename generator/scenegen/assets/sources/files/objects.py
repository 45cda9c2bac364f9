"""The objects that one file holds: what stands side by side, in one place, on a plate of ground or inside a shell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.triangles import used_vertices
from scenegen.assets.sources.files.foreign import foreign_parts
from scenegen.assets.sources.files.guess import UNITS
from scenegen.assets.sources.files.importer import Imported
from scenegen.assets.sources.files.separate import Separated, pieces, separate, variants
from scenegen.assets.sources.files.shells import enclosing_shell, far_specks
from scenegen.core.scene.classes import object_class

NOT_ENCLOSED = ("building",)  # whose walls are a shell around its furniture
ON_NO_PLATE = ("laptop",)  # whose base is a plate below its screen
MORE_DETAIL = 20
MOST_PAIRS = 2  # of parts in one place that are named; of more the number is said
GROUND_LEFT_OUT = "a plate of ground was left out"


def objects_of(imported: Imported, turn: NDArray[np.float64], class_name: str, *, split: bool) -> list[Imported]:
    """The objects of a file: one with warnings about what else there is, or each, if they are to be `split`.

    `turn` (3, 3) brings the model upright.
    """
    faces = imported.faces
    if class_name == "ground" or not len(faces) or not np.isfinite(imported.vertices[faces]).all():
        return [imported]
    foreign, words = foreign_parts(imported.part_sizes, class_name)
    named = f"parts are called {', '.join(words)}"
    if split and words and len(foreign) == len(faces):
        imported = with_faces(imported, ~foreign, [f"{named}: left out"])
        faces = imported.faces
    elif words:
        advice = "if they are objects of their own, give --split-objects, which leaves them out"
        imported = replace(imported, warnings=(*imported.warnings, f"{named}: {advice}"))
    stood = imported.vertices @ turn.T
    piece = pieces(stood, faces)
    if (specks := far_specks(stood, faces, piece)) is not None:
        imported = with_faces(imported, ~specks, ["specks far from the rest were left out"])
        faces, piece = imported.faces, pieces(stood, imported.faces)
    shell = None if class_name in NOT_ENCLOSED else enclosing_shell(stood, faces, piece)
    if shell is not None and not _is_furniture(stood, faces, shell, class_name):
        names = sorted({imported.materials[number].name for number in imported.material_index[shell]})
        what = f"a shell around it was left out (a room, backdrop or sky: material {', '.join(names)})"
        imported = with_faces(imported, ~shell, [what])
        faces, piece = imported.faces, pieces(stood, imported.faces)
    found = separate(stood, faces, piece)
    if found.has_ground and found.objects == 1 and class_name in ON_NO_PLATE:
        return [imported]
    same_place = variants(stood, faces, imported.part_sizes) if imported.part_sizes else []
    warnings = [GROUND_LEFT_OUT] if found.has_ground and (split or found.objects == 1) else []
    if split and found.objects > 1:
        return [with_faces(imported, found.object_of_face == n, warnings) for n in range(found.objects)]
    if found.has_ground and found.objects == 1:
        imported = with_faces(imported, found.object_of_face == 0, warnings)
    elif found.objects > 1 and not _are_parts(stood, faces, found, class_name):
        beside = f"{found.objects} pieces stand side by side{' on a plate of ground' if found.has_ground else ''}"
        advice = "if they are objects of their own, give --split-objects"
        imported = with_faces(imported, np.ones(len(faces), dtype=bool), [f"{beside}: {advice}"])
    if split and same_place:
        return _variants_alone(imported, {name for pair in same_place for name in pair})
    return [replace(imported, warnings=(*imported.warnings, *_said_of_variants(same_place)))]


def _said_of_variants(pairs: Sequence[tuple[str, str]]) -> list[str]:
    advice = "fill the same place: if they are variants, give --split-objects"
    if len(pairs) <= MOST_PAIRS:
        return [f"{one} and {other} {advice}" for one, other in pairs]
    return [f"{pairs[0][0]} and {len({name for pair in pairs for name in pair}) - 1} other parts {advice}"]


def _variants_alone(imported: Imported, names: Collection[str]) -> list[Imported]:
    """A model for each part called one of `names`, together with the parts that are not."""
    part = np.repeat(np.arange(len(imported.part_sizes)), [size for _, size in imported.part_sizes])
    alone = [number for number, (name, _) in enumerate(imported.part_sizes) if name in names]
    shared = ~np.isin(part, alone)
    return [
        with_faces(imported, shared | (part == number), [f"only its variant {imported.part_sizes[number][0]}"])
        for number in alone
    ]


def _are_parts(vertices: NDArray[np.float64], faces: NDArray[np.int32], found: Separated, class_name: str) -> bool:
    """Whether pieces side by side are parts of one object: with a usual size of its class where none of them has one.

    That is so in some unit, and in no unit in which the whole is usual is one of the pieces.
    """
    usual = object_class(class_name).usual_size
    if usual is None or found.has_ground:
        return False
    x, y, z = np.ptp(vertices[used_vertices(faces)], axis=0)
    fitting = [f for f in UNITS.values() if usual.fits((x * f, y * f, z * f))]
    sizes = [np.ptp(vertices[used_vertices(faces[found.object_of_face == n])], axis=0) for n in range(found.objects)]
    return bool(fitting) and not any(usual.fits((a * f, b * f, c * f)) for a, b, c in sizes for f in fitting)


def _is_furniture(
    vertices: NDArray[np.float64], faces: NDArray[np.int32], shell: NDArray[np.bool_], class_name: str
) -> bool:
    """Whether a shell is the object itself: in some unit it has a usual size of its class, but what it holds has none.

    Not where it is one plain piece around something of far more faces.
    """
    usual = object_class(class_name).usual_size
    if usual is None:
        return False
    if not pieces(vertices, faces[shell]).any() and (~shell).sum() > MORE_DETAIL * shell.sum():
        return False
    x, y, z = np.ptp(vertices[used_vertices(faces)], axis=0)
    a, b, c = np.ptp(vertices[used_vertices(faces[~shell])], axis=0)
    return any(usual.fits((x * f, y * f, z * f)) for f in UNITS.values()) and not any(
        usual.fits((a * f, b * f, c * f)) for f in UNITS.values()
    )


def with_faces(imported: Imported, chosen: NDArray[np.bool_], warnings: Sequence[str]) -> Imported:
    """The part of a model that has the `chosen` faces (F,), with what they use alone, and with more warnings."""
    used, index = np.unique(imported.material_index[chosen], return_inverse=True)
    materials = tuple(imported.materials[number] for number in used)
    paths = {path for material in materials for path in material.textures.values()}
    others = {material.name for material in imported.materials} - {material.name for material in materials}
    said = [text for text in imported.warnings if text.partition(": ")[0] not in others]
    kept = np.concatenate([[0], np.cumsum(chosen)])
    ends = np.cumsum([0, *(size for _, size in imported.part_sizes)])
    sizes = np.diff(kept[np.minimum(ends, len(chosen))])
    return replace(
        imported,
        faces=imported.faces[chosen],
        material_index=index.reshape(-1).astype(np.int32),
        materials=materials,
        textures={path: content for path, content in imported.textures.items() if path in paths},
        uvs=None if imported.uvs is None else imported.uvs[chosen],
        corner_normals=None if imported.corner_normals is None else imported.corner_normals[chosen],
        warnings=(*said, *warnings),
        part_sizes=tuple((name, int(size)) for (name, _), size in zip(imported.part_sizes, sizes, strict=True)),
    )
