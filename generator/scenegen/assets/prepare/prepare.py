"""Turns a RawModel into an asset: clean mesh, triangle and texture budgets, centred base, supports."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scenegen.assets.prepare import clean
from scenegen.assets.prepare.coincident import notice_of
from scenegen.assets.prepare.decimate import decimate
from scenegen.assets.prepare.library_lock import library_lock
from scenegen.assets.prepare.orient import leaky_columns
from scenegen.assets.prepare.raw_model import MAX_TRIANGLES, RawModel
from scenegen.assets.prepare.supports import find_supports
from scenegen.assets.prepare.textures import NEUTRAL_GREY, fit_textures
from scenegen.core.asset_library import Asset, Material, Mesh, read_asset, write_asset
from scenegen.core.errors import ScenegenError
from scenegen.core.fingerprint import Fingerprint, fingerprint, to_text
from scenegen.core.scene.classes import UsualSize, carriers, object_class
from scenegen.core.scene.scene import Vector

LEAST_SIZE = 0.005  # metres: a smaller object is lost in one voxel
IMPLAUSIBLE = 3.0  # a size outside the usual range widened by this factor is a mistake


@dataclass(frozen=True)
class Budget:
    """The most triangles, and the longest texture edge in pixels, that an asset may have.

    30,000 triangles: in an image of 224 x 224 pixels an object covers fewer pixels than that, and ten such objects are
    voxelized in well under a second. 1,024 pixels: no object is more than 224 pixels wide in an image.
    """

    triangles: int = 30_000
    texture_edge: int = 1024


@dataclass(frozen=True)
class Place:
    """The name and the split of a model in a library; `twin_of` is a model there of the same shape, or None."""

    name: str
    split: str
    twin_of: str | None = None


def prepare(
    raw: RawModel,
    library: Path,
    budget: Budget = Budget(),
    place: Callable[[RawModel, Fingerprint], Place] | None = None,
) -> Asset:
    """Clean a model, measure it and write it into the library; ScenegenError says why it cannot be used.

    `place` chooses the model's name and split; it is called just before the asset is written, while the library is
    locked, so that it sees the assets of all other processes.
    """
    if not len(raw.faces) or not len(raw.vertices):
        raise ScenegenError(f"{raw.name}: the model has no triangles; export its mesh again")
    if len(raw.faces) > MAX_TRIANGLES:
        raise ScenegenError(
            f"{raw.name}: {len(raw.faces):,} triangles are more than {MAX_TRIANGLES:,}; simplify the model first"
        )
    mesh, shape, findings = _repair(raw, budget)
    vertices = mesh.vertices.astype(np.float32)
    size = (float(np.ptp(vertices[:, 0])), float(np.ptp(vertices[:, 1])), float(np.ptp(vertices[:, 2])))
    _check_size(raw, size)
    supports = find_supports(vertices, mesh.faces)
    warnings = [*raw.warnings, *findings["warnings"]]
    if raw.named_by_file and (notice := notice_of(mesh, raw.materials)):  # built-in models are what they are
        warnings.append(notice)
    materials, textures = _materials(raw, budget, warnings)
    if raw.shelf_height is not None:
        findings["shelf_height"] = raw.shelf_height
        if raw.class_name in carriers() and all(abs(s.height - raw.shelf_height) > 0.02 for s in supports):
            warnings.append(
                f"the catalogue lets objects stand at {raw.shelf_height:.3f} m, but the model has no flat surface there"
            )
    findings["warnings"] = warnings
    findings["look_checksum"] = look_checksum(raw)
    asset = Asset(
        name=raw.name,
        class_name=raw.class_name,
        split=raw.split,
        family=raw.family,
        size=size,
        triangles=len(mesh.faces),
        materials=materials,
        supports=supports,
        provenance=raw.provenance,
        findings=findings,
        folder=library / raw.name,
        fingerprint=to_text(shape),
    )
    prepared = Mesh(
        vertices=vertices,
        faces=mesh.faces.astype(np.int32),
        corner_normals=clean.corner_normals(mesh, raw.smooth_angle_deg),
        uvs=None if mesh.uvs is None else mesh.uvs.astype(np.float32),
        material_index=mesh.material_index.astype(np.int32),
    )
    with library_lock(library):
        placed = place(raw, shape) if place else Place(raw.name, raw.split)
        if placed.twin_of:
            findings["twin_of"] = placed.twin_of
        asset = replace(asset, name=placed.name, split=placed.split)
        return read_asset(write_asset(library, asset, prepared, textures))


def look_checksum(raw: RawModel) -> str:
    """sha256 over a model's materials and textures: copies in other colours may share the file of their mesh."""
    used = [raw.materials[number] for number in np.unique(raw.material_index)]
    named = {path for material in used for path in material.textures.values()}
    contents = {path: hashlib.sha256(raw.textures[path]).hexdigest() for path in named if path in raw.textures}
    looks = [
        repr(replace(m, name="", textures=sorted((slot, contents.get(path)) for slot, path in m.textures.items())))
        for m in used
    ]
    return hashlib.sha256("\n".join(looks).encode()).hexdigest()


def _repair(raw: RawModel, budget: Budget) -> tuple[clean.Triangles, Fingerprint, dict[str, Any]]:
    """The clean mesh within the budget, the fingerprint of the mesh before triangles were removed, and findings."""
    mesh = clean.drop_non_finite(
        clean.Triangles(
            np.asarray(raw.vertices, dtype=np.float64),
            np.asarray(raw.faces, dtype=np.int64),
            np.asarray(raw.material_index, dtype=np.int64),
            None if raw.uvs is None else np.asarray(raw.uvs, dtype=np.float64),
            None if raw.corner_normals is None else np.asarray(raw.corner_normals, dtype=np.float64),
        )
    )
    if not len(mesh.faces):
        raise ScenegenError(f"{raw.name}: no triangle has finite coordinates; export the model again")
    mesh, merged = clean.merge_vertices(mesh)
    mesh = clean.drop_bad_faces(mesh)
    if not len(mesh.faces):
        raise ScenegenError(f"{raw.name}: all triangles have zero area; export the model again")
    shape = fingerprint(mesh.vertices, mesh.faces)
    kept = len(mesh.faces)
    kept_larger: str | None = None
    if kept > budget.triangles:
        mesh, kept_larger = decimate(mesh, budget.triangles)
        mesh = clean.drop_bad_faces(clean.merge_vertices(mesh)[0])
    mesh, agreement = clean.orient(mesh)
    mesh, _ = clean.merge_vertices(mesh)  # drops the vertices that no face uses any more
    low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
    base = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]])
    mesh = replace(mesh, vertices=mesh.vertices - base)
    findings: dict[str, Any] = {
        "original_triangles": len(raw.faces),
        "merged_vertices": merged,
        "dropped_faces": len(raw.faces) - kept,
        "orientation_agreement": round(agreement, 4),
        "leaky_columns": round(float(leaky_columns(mesh.vertices, mesh.faces)), 4),
        "warnings": [kept_larger] if kept_larger else [],
    }
    return mesh, shape, findings


def _check_size(raw: RawModel, size: Vector) -> None:
    shown = " x ".join(f"{value:.3g}" for value in size)
    if max(size) < LEAST_SIZE:
        raise ScenegenError(f"{raw.name}: its size is {shown} m, which is too small; give --scale or --height")
    usual = object_class(raw.class_name).usual_size
    if usual and not usual.fits(size, IMPLAUSIBLE):
        in_file = ""
        if raw.file_size is not None:
            in_file = f" ({' x '.join(f'{value:.4g}' for value in raw.file_size)} in the file's own numbers)"
        advice = _size_advice(usual, size, raw.class_name)
        raise ScenegenError(f"{raw.name}: its size is {shown} m{in_file}, which no {raw.class_name} has; {advice}")


def _size_advice(usual: UsualSize, size: Vector, class_name: str) -> str:
    """The option that makes a size plausible, found by trying it."""

    def height_that_fits(size: Vector) -> float | None:
        factor = usual.scale_to_usual(size)
        scaled = (size[0] * factor, size[1] * factor, size[2] * factor)
        return scaled[2] if usual.fits(scaled, IMPLAUSIBLE) else None

    x, y, z = size
    if height := height_that_fits(size):
        return f"give its true height: --height {height:.3g} is usual"
    if height := height_that_fits((x, z, y)):
        return f"if it lies on its back, give --up -y (or --up y) and its true height: --height {height:.3g} is usual"
    if height := height_that_fits((z, y, x)):
        return f"if it lies on its side, give --up x (or --up -x) and its true height: --height {height:.3g} is usual"
    return f"no scale gives it the shape of a {class_name}: check --class, and whether the file holds one object alone"


def _materials(raw: RawModel, budget: Budget, warnings: list[str]) -> tuple[tuple[Material, ...], dict[str, bytes]]:
    """Materials with the paths of usable textures, and the files; a base colour without its image becomes grey."""
    exact = {path for m in raw.materials for slot, path in m.textures.items() if slot in ("normal", "alpha")}
    files, paths, broken = fit_textures(raw.textures, exact, budget.texture_edge)
    used = np.unique(raw.material_index)
    materials = []
    for number, material in enumerate(raw.materials):
        slots = {slot: paths[path] for slot, path in material.textures.items() if path in paths}
        colour = material.base_color
        for slot, path in material.textures.items():
            if path not in paths and number in used:
                warnings.append(f"no {slot} texture for {material.name}: {broken.get(path, 'missing')}")
                colour = NEUTRAL_GREY if slot == "base_color" else colour
        materials.append(replace(material, base_color=colour, textures=slots))
    named = {path for material in materials for path in material.textures.values()}
    return tuple(materials), {path: content for path, content in files.items() if path in named}
