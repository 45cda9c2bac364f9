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
from scenegen.assets.prepare.triangles import renumbered, used_vertices
from scenegen.assets.sources.files.agreement import may_agree_of
from scenegen.assets.sources.files.facing import arms_stretched_out, find_facing
from scenegen.assets.sources.files.gltf import named_origin
from scenegen.assets.sources.files.guess import SizeGuess, guess_scale, turn_front, turn_upright
from scenegen.assets.sources.files.importer import Imported, import_files
from scenegen.assets.sources.files.normals import MOST_ASTRAY, share_astray
from scenegen.assets.sources.files.objects import objects_of
from scenegen.assets.sources.files.posture import own_height, posture_doubt, set_doubt
from scenegen.assets.sources.files.settle import ReadFile, SizedModel, in_one_scale, notice_of, settle_size, settle_up
from scenegen.assets.sources.files.up_axis import UNDECLARED, UpAxis, find_up
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
_COLLISION = re.compile(r"(?<=.)[-_. ](collisions?|collider|col)$", re.IGNORECASE)
_VISUAL = re.compile(r"(?<=.)[-_. ](visuals?|vis)$", re.IGNORECASE)


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
            unpack = "unpack it first; " if path.suffix.lower() in (".zip", ".7z", ".rar", ".tar", ".gz") else ""
            raise ScenegenError(f"{path}: unknown file type; {unpack}known types: {' '.join(SUFFIXES)}")
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def collision_meshes(files: Iterable[Path]) -> dict[Path, Path]:
    """Files that a simulator's collisions need, such as desk_collision.dae, and the file beside each that shows it."""
    files = tuple(files)
    shown = {
        (file.parent, _VISUAL.sub("", file.stem).lower()): file for file in files if not _COLLISION.search(file.stem)
    }
    return {
        file: shown[key]
        for file in files
        if _COLLISION.search(file.stem) and (key := (file.parent, _COLLISION.sub("", file.stem).lower())) in shown
    }


def read_files(files: Sequence[Path], options: ImportOptions) -> Iterator[RawModel | Refused]:
    """Each file's models or a refusal, in the order given, but at the end what other files of a folder decide."""
    may_agree = may_agree_of(files)
    yield from settle_size(_sized(settle_up(_read(files, options), may_agree), options), may_agree)


def _read(files: Sequence[Path], options: ImportOptions) -> Iterator[ReadFile | Refused]:
    names: dict[str, int] = {}
    for number, imported in import_files(files):
        if isinstance(imported, Refused):
            yield imported
            continue
        try:
            name = slug(find_credit(files[number]).get("name") or _name_of(files[number]))
        except ScenegenError as error:
            yield Refused(str(files[number]), str(error))
            continue
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name}_{names[name]}"
        up, noticed = _find_up(files[number], imported, options)
        yield ReadFile(files[number], name, imported, up, noticed)


def _sized(read: Iterable[ReadFile | Refused], options: ImportOptions) -> Iterator[SizedModel | Refused]:
    for each in read:
        if isinstance(each, Refused):
            yield each
            continue
        turn = turn_upright(each.up.axis)
        objects = objects_of(each.imported, turn, options.class_name, split=options.split_objects)
        sized: list[SizedModel] = []
        for place, part in enumerate(objects, 1):
            own = f"{each.name}_{place}" if len(objects) > 1 else each.name
            try:
                model, size = _placed(each.file, own, part, options, find_credit(each.file), turn)
            except ScenegenError as error:
                yield Refused(str(each.file), str(error))
                continue
            noticed = (each.noticed,) if each.noticed else ()
            model = replace(model, named_by_file=True, warnings=(*noticed, *model.warnings))
            sized.append(SizedModel(each.file, model, size))
        yield from in_one_scale(sized)


def _find_up(file: Path, imported: Imported, options: ImportOptions) -> tuple[UpAxis, str | None]:
    """The up axis of a file, and what a warning says of it."""
    if options.up or object_class(options.class_name).is_ground:
        return UpAxis(options.up or "z", sure=True, shown=True), None
    used = imported.faces
    if not len(used):
        return UpAxis("z", sure=True, shown=True), None
    suffix = file.suffix.lower()
    up = find_up(imported.vertices[used_vertices(used)], renumbered(used), options.class_name, suffix)
    return up, notice_of(up, suffix)


def to_raw_model(file: Path, name: str, imported: Imported, options: ImportOptions, credit: dict[str, Any]) -> RawModel:
    """Turn and scale an imported model into the asset frame: metres, Z up, front toward -Y.

    The model's warnings say what was guessed. Raises ScenegenError when it has no surface.
    """
    up, noticed = _find_up(file, imported, options)
    model, _ = _placed(file, name, imported, options, credit, turn_upright(up.axis))
    return replace(model, warnings=(*([noticed] if noticed else []), *model.warnings))


def _placed(
    file: Path,
    name: str,
    imported: Imported,
    options: ImportOptions,
    credit: dict[str, Any],
    turn: NDArray[np.float64],
) -> tuple[RawModel, SizeGuess]:
    """A model that `turn` (3, 3) brings upright, in the asset frame, and how its scale was found."""
    vertices, used = imported.vertices, imported.faces
    if not len(used) or not np.ptp(vertices[used_vertices(used)], axis=0).any():
        raise ScenegenError("no surface: all its triangles have no area; export it again")
    warnings = list(imported.warnings)
    suffix = file.suffix.lower()
    corners, faces = vertices[used_vertices(used)], renumbered(used)
    if options.front:
        turn = turn_front(options.front) @ turn
    else:
        index = imported.material_index
        sizes = [number for _, number in imported.part_sizes]
        part = np.repeat(np.arange(len(sizes)), sizes)
        named = (part, [each for each, _ in imported.part_sizes]) if len(part) == len(used) else None
        facing = find_facing(corners @ turn.T, faces, index, imported.materials, options.class_name, named)
        turn = facing.turn @ turn
        warnings += facing.warnings
    placed = vertices @ turn.T
    size = np.ptp(placed[used_vertices(used)], axis=0)
    extent = (float(size[0]), float(size[1]), float(size[2]))
    if options.height is not None:
        if size[2] <= 0:
            raise ScenegenError("the model is flat, so --height cannot scale it; give --scale")
        guess = SizeGuess(options.height / float(size[2]), given=True)
    elif options.scale is not None:
        guess = SizeGuess(options.scale, given=True)
    else:
        guess = guess_scale(
            extent,
            options.class_name,
            states_unit=suffix not in UNDECLARED,
            name=f"{name} {_name_of(file)}",
            own_height=own_height(corners @ turn.T, faces, options.class_name),
        )
    warnings += [guess.warning] if guess.warning else []
    if not guess.given and guess.warning is None:
        own = placed[used_vertices(used)] * guess.scale
        warnings += [doubt] if (doubt := posture_doubt(own, faces, options.class_name)) else []
    if not any(text.startswith("parts are called") for text in warnings):
        warnings += [doubt] if (doubt := set_doubt(corners @ turn.T, faces, options.class_name)) else []
    if arms := arms_stretched_out(placed[used_vertices(used)], options.class_name):
        warnings.append(arms)
    placed = placed * guess.scale
    normals = imported.corner_normals
    astray = 0.0 if normals is None else share_astray(imported.vertices, imported.faces, normals)
    if astray > MOST_ASTRAY:
        normals = None
        warnings.append(f"the file's normals shade {astray:.0%} of its surface astray: left out")
    model = RawModel(
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
    return model, guess


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
