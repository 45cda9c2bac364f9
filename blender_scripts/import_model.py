"""Import model files with Blender and write what they hold as plain arrays. Runs in a child process of its own.

    python -m blender_scripts.import_model [--max-triangles N] [--memory-gb G]

Each line of standard input, {"file": FILE, "out": DIR}, names a file and the folder that gets what it holds: mesh.npz
(vertices (V, 3), faces (F, 3), material_index (F,), and, where the file has them, uvs (F, 3, 2), corner_normals
(F, 3, 3), face_colors (F, 3) linear RGB), model.json (materials, warnings, name and number of faces of each object)
and image files. World axes as Blender imports them: Z up where the format says what is up. After each file one line is
printed: `@scenegen {"ok": true}`, or `false` with "error"; all other output is noise. The end of the input ends it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray
from scenegen.core.blender_protocol import MARK
from scenegen.core.parent import die_with_parent

from blender_scripts.imports.blend import all_hidden, refuse_other_files, show_as_rendered
from blender_scripts.imports.collada import corrected
from blender_scripts.imports.corners import corner_uvs, face_colors
from blender_scripts.imports.dae import material_names, read_dae
from blender_scripts.imports.dae_mesh import put_meshes, reads_collada
from blender_scripts.imports.far import FAR_AWAY, FAR_NODES
from blender_scripts.imports.faults import ImportFault, no_numbers, no_numbers_left
from blender_scripts.imports.fbx import keep_finest_levels, sort_objects, validate, without_number
from blender_scripts.imports.fbx_far import near_fbx
from blender_scripts.imports.fbx_looks import followed, read_looks
from blender_scripts.imports.gltf import readable
from blender_scripts.imports.gltf_check import check_gltf, explain
from blender_scripts.imports.kinds import check_kind
from blender_scripts.imports.ledger import file_warnings
from blender_scripts.imports.levels import groups_are_levels, keep_finest_named
from blender_scripts.imports.materials import Images, read_material
from blender_scripts.imports.mtl import describe as describe_mtl
from blender_scripts.imports.mtl import read_mtl
from blender_scripts.imports.obj_faces import count_faces, with_all_faces
from blender_scripts.imports.ply import read_ply
from blender_scripts.imports.polygons import single_polygons, values_of
from blender_scripts.imports.references import USD_SUFFIXES, check_references
from blender_scripts.imports.text_files import far_middle, readable_obj, readable_stl
from blender_scripts.imports.usd import read_usd
from blender_scripts.imports.usd_faults import check_usd

IMPORTERS = {
    ".glb": ("import_scene", "gltf"),
    ".gltf": ("import_scene", "gltf"),
    ".fbx": ("import_scene", "fbx"),
    ".obj": ("wm", "obj_import"),
    ".ply": ("wm", "ply_import"),
    ".stl": ("wm", "stl_import"),
    ".usd": ("wm", "usd_import"),
    ".usda": ("wm", "usd_import"),
    ".usdc": ("wm", "usd_import"),
    ".usdz": ("wm", "usd_import"),
    ".dae": ("wm", "collada_import"),
}
# Validation of an OBJ removes back copies of faces, and the normals of the remaining faces become wrong.
# Validation of any mesh takes coordinates that are no numbers for 0: of an FBX, `validate` does the rest of it.
# Animations of an FBX would show the model as it is in their first frame, not as the file's nodes place it.
OPTIONS: dict[str, dict[str, bool]] = {
    # A pose that Blender guesses tears skins whose joints are scaled; without it each joint stands where its node is.
    "gltf": {"merge_vertices": False, "guess_original_bind_pose": False},
    "obj_import": {"validate_meshes": False},
    "fbx": {"use_anim": False},
    "fbx_import": {"use_anim": False, "validate_meshes": False},
    "stl_import": {"use_mesh_validate": False},
}
# A file that Blender's importer reads wrongly is corrected in a copy first; what is lost becomes a warning.
CORRECTIONS: dict[str, Callable[[Path, Path, list[str]], Path]] = {
    "gltf": readable,
    "collada_import": corrected,
    "fbx": near_fbx,
    "fbx_import": near_fbx,
    "stl_import": readable_stl,
    "obj_import": lambda file, folder, _: readable_obj(file, folder),
}
SOLID_TYPES = {"MESH", "CURVE", "SURFACE", "FONT", "META"}
_PYTHON = re.compile(r"[\w.]*(Error|Exception|Warning)\b")
HELPERS = "glTF_not_exported"  # the glTF importer's bone shapes


def main(arguments: list[str]) -> None:
    """Import the files that standard input names; one that fails does not stop the others."""
    parser = argparse.ArgumentParser(prog="import_model", description=__doc__)
    parser.add_argument("--max-triangles", type=int, default=4_000_000)
    parser.add_argument("--memory-gb", type=float, default=8.0)
    options = parser.parse_args(arguments)
    _limit_memory(options.memory_gb)
    die_with_parent()
    for line in sys.stdin:
        request = json.loads(line)
        folder = Path(request["out"])
        answer: dict[str, Any] = {"ok": True}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            import_model(Path(request["file"]).resolve(), folder, options.max_triangles)
        except ImportFault as error:
            answer.update(ok=False, error=_one_line(error))
        except MemoryError:
            needs = f"it needs more than {options.memory_gb:g} GB of memory"
            answer.update(ok=False, error=f"{needs}; simplify the model first")
        except OSError as error:
            answer.update(ok=False, error=_of_a_file(error))
        except (RuntimeError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError) as error:
            traceback.print_exc()
            answer.update(ok=False, error=_in_own_words(error, request["file"]))
        print("\n" + MARK + json.dumps(answer), flush=True)


def import_model(file: Path, folder: Path, max_triangles: int) -> None:
    """Import one file into `folder`; raises ImportFault, or whatever Blender's importer raises."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    check_kind(file)
    check_references(file)
    check_gltf(file)
    warnings = file_warnings(file)
    _read(file, folder, warnings)
    warnings += keep_finest_named()
    images = Images(folder, file.parent)
    describe = _materials_of(file, images, warnings)
    materials: dict[str, int] = {}
    described: list[dict[str, Any]] = []
    parts: list[dict[str, Any]] = []
    part_sizes: list[tuple[str, int]] = []
    triangles = broken = 0
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for instance in depsgraph.object_instances:
        source = instance.object.original
        if not _is_shown(source, instance):
            continue
        mesh = instance.object.to_mesh()
        if mesh is None:
            continue
        mesh.calc_loop_triangles()
        triangles += len(mesh.loop_triangles)
        if triangles > max_triangles:
            raise ImportFault(f"more than {max_triangles:,} triangles; simplify the model first")
        if len(mesh.loop_triangles):
            slots = []
            for slot in instance.object.material_slots:
                name = slot.material.name if slot.material else ""
                if name not in materials:
                    materials[name] = len(described)
                    described.append(describe(slot.material) if slot.material else {})
                slots.append(materials[name])
            part, of_part = _arrays(mesh, np.array(instance.matrix_world, dtype=np.float64), slots, described)
            broken += of_part
            parts.append(part)
            part_sizes.append((source.name, len(part["faces"])))
        instance.object.to_mesh_clear()
    if not parts:
        if file.suffix.lower() == ".blend" and (hidden := all_hidden()):
            raise ImportFault(hidden)
        raise ImportFault("no mesh in this file; export it again with its surface, not its points or curves alone")
    if broken == triangles:
        raise ImportFault(no_numbers_left(triangles))
    if broken:
        warnings.append(no_numbers(broken, triangles))
    if any((part["material_index"] < 0).any() for part in parts):
        for part in parts:
            part["material_index"][part["material_index"] < 0] = len(described)
        described.append({})
    joined = _joined(parts)
    if far_middle(joined["vertices"], FAR_NODES) is not None:
        warnings.append(FAR_AWAY)
    np.savez(folder / "mesh.npz", **joined)
    for material in described:
        warnings += material.pop("warnings", [])
        for slot, texture in material.get("textures", {}).items():
            if texture["image"] is None and texture["outside"]:
                advice = "lies outside the model's folder and is not read; copy it beside the model"
                warnings.append(f"{slot} texture {texture['file']} {advice}")
            elif texture["image"] is None:
                warnings.append(f"missing {slot} texture {texture['file']}")
    body = {"materials": described, "warnings": sorted(set(warnings)), "part_sizes": part_sizes}
    text = json.dumps(body, indent=1)
    (folder / "model.json").write_text(text, encoding="utf-8")


def _read(file: Path, folder: Path, warnings: list[str]) -> None:
    """Open a file in Blender; a corrected copy of a file that Blender reads wrongly goes to `folder`.

    Adds to `warnings` what is not read.
    """
    if file.suffix.lower() == ".blend":
        bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False, use_scripts=False)
        refuse_other_files(file)
        show_as_rendered()
        return
    if file.suffix.lower() not in IMPORTERS:
        raise ImportFault(f"unknown kind of file {file.suffix!r}; known: .blend {' '.join(IMPORTERS)}")
    if file.suffix.lower() == ".ply" and read_ply(file, warnings):
        return
    space, name = IMPORTERS[file.suffix.lower()]
    if name == "fbx" and "fbx_import" in dir(bpy.ops.wm):
        space, name = "wm", "fbx_import"  # the older importer hands geometric transforms on to the children
    operators = getattr(bpy.ops, space)
    if name == "collada_import" and reads_collada():
        put_meshes(corrected(file, folder, warnings), material_names(file), warnings)
        return
    if name not in dir(operators):
        raise ImportFault(f"Blender {bpy.app.version_string} reads no {file.suffix} files; convert it to plain .glb")
    if name == "usd_import":
        check_usd(file)
    readable_file = CORRECTIONS[name](file, folder, warnings) if name in CORRECTIONS else file
    known = getattr(operators, name).get_rna_type().properties.keys()  # they differ between versions of Blender
    options = {key: value for key, value in OPTIONS.get(name, {}).items() if key in known}
    if name == "obj_import":
        options["use_split_groups"] = groups_are_levels(file)
    try:
        getattr(operators, name)(filepath=str(readable_file), **options)
    except RuntimeError:
        if name == "gltf":
            explain(readable_file)
        raise
    if name == "obj_import" and sum(len(mesh.polygons) for mesh in bpy.data.meshes) < count_faces(readable_file):
        repaired = with_all_faces(readable_file, folder, warnings)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        operators.obj_import(filepath=str(repaired), **options)
    if file.suffix.lower() == ".fbx":
        validate()
        keep_finest_levels(file)
        sort_objects()


def _materials_of(file: Path, images: Images, warnings: list[str]) -> Callable[[Any], dict[str, Any]]:
    """What describes the materials of a file: {} for one that the file names and does not define."""
    suffix = file.suffix.lower()
    if suffix == ".obj":
        defined, missing = read_mtl(file)
        warnings += missing
        return lambda material: describe_mtl(defined[material.name], images) if material.name in defined else {}
    if suffix in (*USD_SUFFIXES, ".dae"):
        looks, lost = (read_dae(file), []) if suffix == ".dae" else read_usd(file)
        warnings += lost
        return lambda material: (
            looks[material.name](images) if material.name in looks else read_material(material, images)
        )
    if suffix == ".fbx":
        named, uv_maps = read_looks(file), {layer.name for mesh in bpy.data.meshes for layer in mesh.uv_layers}
        return lambda material: followed(
            read_material(material, images),
            named.get(material.name) or named.get(without_number(material.name), []),
            uv_maps,
        )
    return lambda material: read_material(material, images, named_by_file=suffix in (".gltf", ".glb"))


def _is_shown(source: Any, instance: Any) -> bool:
    if source.type not in SOLID_TYPES or source.hide_render or not instance.show_self:
        return False
    if source.display_type in ("BOUNDS", "WIRE"):  # cutters of boolean modifiers
        return False
    return not any(collection.name.startswith(HELPERS) for collection in source.users_collection)


def _arrays(
    mesh: Any, matrix: NDArray[np.float64], slots: list[int], materials: list[dict[str, Any]]
) -> tuple[dict[str, Any], int]:
    """The arrays of a mesh in the scene, and how many triangles are left out: a coordinate is NaN or infinite."""
    vertices = values_of(mesh.vertices, "co", np.float32, 3).astype(np.float64)
    faces = values_of(mesh.loop_triangles, "vertices", np.int32, 3)
    corners = values_of(mesh.loop_triangles, "loops", np.int32, 3)
    polygons = values_of(mesh.loop_triangles, "polygon_index", np.int32)
    finite = np.isfinite(vertices).all(axis=1)
    fine = finite[faces].all(axis=1)
    broken = np.count_nonzero(~fine)
    faces, corners, polygons = faces[fine], corners[fine], polygons[fine]
    vertices[~finite] = 0.0
    single = single_polygons(mesh, vertices)[polygons]
    copies = faces[~single]
    faces, corners, polygons = faces[single], corners[single], polygons[single]
    slot = values_of(mesh.polygons, "material_index", np.int32)[polygons]
    table = np.array(slots or [-1], dtype=np.int32)
    part: dict[str, Any] = {"material_index": table[np.clip(slot, 0, len(table) - 1)]}
    part["vertices"] = vertices @ matrix[:3, :3].T + matrix[:3, 3]
    mirrored = np.linalg.det(matrix[:3, :3]) < 0
    if mesh.has_custom_normals or values_of(mesh.polygons, "use_smooth", np.bool_).any():
        normals = values_of(mesh.corner_normals, "vector", np.float32, 3)[corners] @ np.linalg.pinv(matrix[:3, :3])
        if not mesh.has_custom_normals:  # Blender's own, beside a back copy, are the mean of opposites
            normals[np.isin(faces, copies)] = np.nan
        part["corner_normals"] = normals.astype(np.float32)
    uvs = corner_uvs(mesh, corners, part["material_index"], materials)
    if uvs is not None:
        part["uvs"] = uvs
    colors = face_colors(mesh, faces, corners, part["material_index"], materials)
    if colors is not None:
        part["face_colors"] = colors
    part["faces"] = faces
    if mirrored:
        for key in ("faces", "uvs", "corner_normals"):
            if key in part:
                part[key] = part[key][:, ::-1]
    return part, broken


def _joined(parts: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    """All parts as one mesh; a part without UVs, normals or colours gets zeros, NaN and NaN there."""
    offsets = np.cumsum([0] + [len(part["vertices"]) for part in parts])
    joined = {
        "vertices": np.concatenate([part["vertices"] for part in parts]),
        "faces": np.concatenate([p["faces"] + o for p, o in zip(parts, offsets, strict=False)]).astype(np.int32),
        "material_index": np.concatenate([part["material_index"] for part in parts]),
    }
    for key, shape, filler in (("uvs", (3, 2), 0.0), ("corner_normals", (3, 3), np.nan), ("face_colors", (3,), np.nan)):
        if any(key in part for part in parts):
            fill = [part.get(key, np.full((len(part["faces"]), *shape), filler)) for part in parts]
            joined[key] = np.concatenate(fill).astype(np.float32)
    return joined


def _limit_memory(gigabytes: float) -> None:
    """Limit the memory of this process, so that a huge file cannot stop the machine (Linux only)."""
    if sys.platform == "linux":
        import resource

        limit = int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _in_own_words(error: BaseException, file: str) -> str:
    """Why Blender's importer stops at a file; its own message where that says more than that it does."""
    reason = _one_line(error).removeprefix("Error: ")
    # Anything else than what Blender's importers say by themselves is a line of Python.
    of_python = not isinstance(error, RuntimeError) or _PYTHON.match(reason)
    says_nothing = of_python or Path(file).name in reason or "see console" in reason
    return f"it is damaged, or not of its format{'' if says_nothing else f' ({reason})'}; download or export it again"


def _of_a_file(error: OSError) -> str:
    """What cannot be read, by its name alone."""
    named = Path(str(error.filename or "a file that it names")).name
    why = (
        "is missing; copy it beside the model"
        if isinstance(error, FileNotFoundError)
        else f"cannot be read ({error.strerror})"
    )
    return f"{named} {why}"


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    useful = [line for line in lines if not line.startswith(("File ", "Traceback", "Location:", "^", "~"))]
    return (useful[-1] if useful else type(error).__name__)[:300]


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # Blender's own end takes 0.2 s; whoever started this removes its temporary files
