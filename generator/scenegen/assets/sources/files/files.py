"""Models from files of every kind that Blender reads: glb, gltf, obj, fbx, ply, stl, blend, usd, dae where it can."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenegen.assets.prepare.raw_model import RawModel, Refused
from scenegen.assets.sources.files.gltf import named_origin
from scenegen.assets.sources.files.guess import FRONTS, guess_front, guess_scale, turn_front, turn_upright
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.files.normals import MOST_ASTRAY, share_astray
from scenegen.assets.sources.files.separate import separate, variants
from scenegen.assets.sources.files.up_axis import UNDECLARED, UNTURNED, find_up, is_vehicle
from scenegen.assets.sources.files.vehicle_front import vehicle_front
from scenegen.core.asset_library import Provenance
from scenegen.core.errors import ScenegenError, UsageError
from scenegen.core.one_line import one_line
from scenegen.core.scene.classes import object_class

SUFFIXES = (".glb", ".gltf", ".obj", ".fbx", ".ply", ".stl", ".blend", ".usd", ".usda", ".usdc", ".usdz", ".dae")
TEST_SHARE = 0.2
_MEANINGLESS = {"model", "scene", "untitled", "mesh", "object", "source", "index", "main", "default"}
_GENERIC_FOLDERS = {
    "mesh",
    "meshes",
    "model",
    "models",
    "source",
    "visual",
    "scene",
    "files",
    "obj",
    "gltf",
    "glb",
    "dae",
}


@dataclass(frozen=True)
class ImportOptions:
    """What the user knows about files; None means to guess it, or to read it from a CREDITS.json.

    `scale` is metres per file unit, `height` the true height in metres; `up` and `front` are axes of the model as
    Blender imports it ("z", "-y", ...), `front` after `up` has been turned to Z.
    `split_objects` makes a model of each object that stands beside the others in a file.
    """

    class_name: str
    split: str | None = None
    scale: float | None = None
    height: float | None = None
    up: str | None = None
    front: str | None = None
    author: str | None = None
    licence: str | None = None
    source: str | None = None
    title: str | None = None
    split_objects: bool = False


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The model files among `paths` and in folders among them, in a fixed order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
            if not inside:
                raise ScenegenError(f"{path}: no model file in this folder; known types: {' '.join(SUFFIXES)}")
            found += inside
        elif not path.exists():
            raise ScenegenError(f"{path}: no such file or folder; check the path")
        elif path.suffix.lower() not in SUFFIXES:
            raise ScenegenError(f"{path}: unknown file type; known types: {' '.join(SUFFIXES)}")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def read_files(files: Sequence[Path], options: ImportOptions) -> Iterator[RawModel | Refused]:
    """Each file as a raw model or a refusal, in the order given."""
    names: dict[str, int] = {}
    for number, imported in import_files(files):
        if isinstance(imported, Refused):
            yield imported
            continue
        credit = find_credit(files[number])
        name = slug(credit.get("name") or _name_of(files[number]))
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name}_{names[name]}"
        objects = _objects(files[number], imported, options)
        for place, each in enumerate(objects, 1):
            own = f"{name}_{place}" if len(objects) > 1 else name
            try:
                yield replace(to_raw_model(files[number], own, each, options, credit), named_by_file=True)
            except ScenegenError as error:
                yield Refused(str(files[number]), str(error))


def _objects(file: Path, imported: Imported, options: ImportOptions) -> list[Imported]:
    """The objects that a file holds: one with a warning about the others, or each, if they are to be split."""
    faces = imported.faces
    if options.class_name == "ground" or not len(faces) or not np.isfinite(imported.vertices[faces]).all():
        return [imported]
    corners = imported.vertices[np.unique(faces)]
    up = options.up or find_up(corners, _renumbered(faces), options.class_name, file.suffix.lower()).axis
    stood = imported.vertices @ turn_upright(up).T
    found = separate(stood, faces)
    warnings = [
        f"{one} and {other} fill the same place: if they are variants, export them into a file each"
        for one, other in variants(stood, faces, imported.part_sizes)
    ]
    ground = "a plate of ground was left out" if found.has_ground else ""
    if options.split_objects and found.objects > 1:
        warnings += [ground] if ground else []
        return [_with_faces(imported, found.object_of_face == n, warnings) for n in range(found.objects)]
    if found.objects > 1:
        beside = f"{found.objects} objects stand side by side{' on a plate of ground' if ground else ''}"
        return [replace(imported, warnings=(*imported.warnings, *warnings, f"{beside}: give --split-objects"))]
    if ground:
        return [_with_faces(imported, found.object_of_face == 0, [*warnings, ground])]
    return [replace(imported, warnings=(*imported.warnings, *warnings))]


def _with_faces(imported: Imported, chosen: Any, warnings: Sequence[str]) -> Imported:
    """The part of a model that has the `chosen` faces (F,), with more warnings."""
    return replace(
        imported,
        faces=imported.faces[chosen],
        material_index=imported.material_index[chosen],
        uvs=None if imported.uvs is None else imported.uvs[chosen],
        corner_normals=None if imported.corner_normals is None else imported.corner_normals[chosen],
        warnings=(*imported.warnings, *warnings),
    )


def to_raw_model(file: Path, name: str, imported: Imported, options: ImportOptions, credit: dict[str, Any]) -> RawModel:
    """Turn and scale an imported model into the asset frame: metres, Z up, front toward -Y.

    The model's warnings say what was guessed. Raises ScenegenError when it has no surface.
    """
    vertices = imported.vertices
    finite = vertices[np.isfinite(vertices).all(axis=1)]
    kept = np.isfinite(vertices[imported.faces]).all(axis=(1, 2))
    used = imported.faces[kept]
    if not len(finite) or not len(used) or not np.ptp(finite, axis=0).any():
        raise ScenegenError("no surface: all its triangles have broken coordinates or no area; export it again")
    warnings = list(imported.warnings)
    vertices = np.nan_to_num(vertices, posinf=0.0, neginf=0.0)
    suffix = file.suffix.lower()
    corners, faces = vertices[np.unique(used)], _renumbered(used)
    up = options.up or _find_up(corners, faces, options.class_name, suffix, warnings)
    turn = turn_upright(up)
    front = options.front or _find_front(corners @ turn.T, faces, imported, kept, options.class_name, warnings)
    turn = turn_front(front or "-y") @ turn
    placed = vertices @ turn.T
    size = np.ptp(placed[np.unique(used)], axis=0)
    extent = (float(size[0]), float(size[1]), float(size[2]))
    if options.height is not None:
        if size[2] <= 0:
            raise ScenegenError("the model is flat, so --height cannot scale it; give --scale")
        scale = options.height / float(size[2])
    elif options.scale is not None:
        scale = options.scale
    else:
        scale, warning = guess_scale(extent, options.class_name, states_unit=suffix not in UNDECLARED)
        warnings += [warning] if warning else []
    broken = ~np.isfinite(imported.vertices).all(axis=1)
    placed = np.where(broken[:, None], np.nan, placed * scale)
    normals = imported.corner_normals
    astray = 0.0 if normals is None else share_astray(imported.vertices, imported.faces, normals)
    if astray > MOST_ASTRAY:
        normals = None
        warnings.append(f"the file's normals shade {astray:.0%} of its surface astray: left out")
    return RawModel(
        name=name,
        class_name=options.class_name,
        split=options.split or split_of(name),
        family=options.class_name,
        vertices=placed,
        faces=imported.faces,
        material_index=imported.material_index,
        materials=imported.materials,
        provenance=_provenance(file, options, credit),
        uvs=imported.uvs,
        corner_normals=None if normals is None else normals @ turn.T,
        textures=imported.textures,
        warnings=tuple(warnings),
        file_size=extent,
    )


def _find_up(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], class_name: str, suffix: str, warnings: list[str]
) -> str:
    up = find_up(vertices, faces, class_name, suffix)
    if up.axis != "z":
        warnings.append(f"up axis guessed: {up.axis}")
    elif not up.sure:
        other = "y" if suffix in UNTURNED else "-y"
        warnings.append(f"up axis not certain: kept as in the file; if the model lies on its back, give --up {other}")
    return up.axis


def _find_front(
    vertices: NDArray[np.float64],
    faces: NDArray[np.int64],
    imported: Imported,
    kept: NDArray[np.bool_],
    class_name: str,
    warnings: list[str],
) -> str | None:
    """The front of an upright model, of whose faces only the `kept` ones are given; None if it is not known."""
    vehicle = is_vehicle(object_class(class_name))
    if vehicle:
        front = vehicle_front(vertices, faces, imported.material_index[kept], imported.materials, class_name)
    else:
        front = guess_front(vertices, faces, class_name)
    across, along, _ = np.ptp(vertices, axis=0)
    if front is None and vehicle and across > along:
        warnings.append("front not known: its length was laid along Y; if it drives backwards, give --front -x")
        return "x"
    if front is None and (vehicle or class_name in FRONTS):
        other = "y" if vehicle else "x, -x or y"
        warnings.append(f"front not known: kept as in the file; if it is wrong, give --front {other}")
    elif front not in (None, "-y"):
        warnings.append(f"front guessed: {front}")
    return front


def _renumbered(faces: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Faces (F, 3) renumbered to index the vertices that they use alone, in their order."""
    return np.asarray(np.unique(faces, return_inverse=True)[1].reshape(-1, 3), dtype=np.int64)


def split_of(name: str) -> str:
    """The split of a model without an assigned one: a fifth go to test, by the name alone, so that it never changes."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    return "test" if share < TEST_SHARE else "train"


def slug(text: str) -> str:
    """A folder name: lower-case ASCII letters, digits and single underscores."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_") or "model"


def _name_of(file: Path) -> str:
    """The file's name; where it tells nothing, with its folder's, or the nearest telling folder's name."""
    if file.stem.lower() not in _MEANINGLESS:
        return file.stem
    parents = file.resolve().parents
    if parents[0].name.lower() not in _GENERIC_FOLDERS:
        return f"{parents[0].name}_{file.stem}"
    return next((each.name for each in parents if each.name and each.name.lower() not in _GENERIC_FOLDERS), file.stem)


def find_credit(file: Path) -> dict[str, Any]:
    """The entry of `file` in the nearest CREDITS.json beside or above it, or {}.

    CREDITS.json is a list of objects; "file" is a path relative to its folder.
    """
    file = file.resolve()
    for folder in file.parents:
        credits_file = folder / "CREDITS.json"
        if not credits_file.is_file():
            continue
        try:
            entries = json.loads(credits_file.read_text(encoding="utf-8"))
            relative = file.relative_to(folder).as_posix()
            return next((dict(entry) for entry in entries if entry.get("file") == relative), {})
        except (ValueError, AttributeError, TypeError) as error:
            raise UsageError(f'{credits_file}: not a list of objects with a "file" each ({error}); fix it') from error
    return {}


def _provenance(file: Path, options: ImportOptions, credit: dict[str, Any]) -> Provenance:
    credit = {**named_origin(file), **credit}
    return Provenance(
        title=one_line(options.title or credit.get("title") or credit.get("name") or _name_of(file)),
        author=one_line(options.author or credit.get("author") or "unknown"),
        licence=one_line(options.licence or credit.get("licence") or credit.get("license") or "unknown"),
        source=one_line(options.source or credit.get("original") or credit.get("source") or file.name),
        checksum=hashlib.sha256(file.read_bytes()).hexdigest(),
    )
