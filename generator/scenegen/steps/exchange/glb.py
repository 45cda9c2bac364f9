"""glTF binaries: every scene as one file with its room, objects, materials and cameras, for game engines and viewers.

    OUT/scene_000017.glb
    OUT/CREDITS.txt, CREDITS.json   every asset shown, its author, licence and source

Metres; glTF's axes: Y up, and what faces -Y in the data set faces +Z. An object is a node "chair_3" (class and id) with
its asset's mesh, which objects of the same asset share. A node's `extras` hold what glTF has no place for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from numpy.typing import NDArray

from scenegen import __version__
from scenegen.core.asset_library import Asset
from scenegen.core.dataset.credits import Credit
from scenegen.core.dataset.reading import Dataset
from scenegen.core.dataset.stored_scene import StoredScene
from scenegen.core.files import write_bytes
from scenegen.core.scene.scene import Camera, Look, PlacedObject, Scene, SurfaceLook, Vector
from scenegen.steps.exchange.glb_materials import GltfFile, asset_material, file_textures, surface_material
from scenegen.steps.exchange.survey import ExportJob
from scenegen.steps.library import check_sizes, find_library, load_asset

Array = NDArray[np.float64]

TO_GLTF = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""(x, y, z) with Z up to (x, z, -y) with Y up: a turn about X, so no face is mirrored."""
FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
"""A camera of glTF looks along -Z with Y up, one of the data set along +Z with Y down."""
NEAR = 0.01


@dataclass(frozen=True)
class MeshPart:
    """The triangles of a mesh that have one material; `material` makes that material's entry in a file."""

    shape: trimesh.Trimesh
    material: Callable[[GltfFile], dict[str, Any]]


@dataclass(frozen=True)
class GlbWriter:
    """Writes scene_NNNNNN.glb into `folder`; `objects` and `assets` are the counts of the whole data set."""

    folder: Path
    library: Path
    objects: int
    assets: int

    def path_of(self, index: int) -> Path:
        """The file of scene `index`."""
        return self.folder / f"scene_{index:06d}.glb"

    def write_scene(self, stored: StoredScene) -> None:
        """Write a scene's file."""
        scene = stored.scene
        check_sizes(stored, self.library)
        content = scene_to_glb(scene, self.library)
        write_bytes(self.path_of(scene.index), [content])

    def finish(self, _dataset: Dataset, _credits: Sequence[Credit], _workers: int) -> dict[str, int]:
        """Nothing is left to write; the counts."""
        return {"objects": self.objects, "assets": self.assets}


def start_glb(job: ExportJob) -> GlbWriter:
    """Find the library. ScenegenError when it or one of its assets is missing."""
    names = {asset for one in job.surveys for asset, _ in one.assets}
    return GlbWriter(
        job.folder, find_library(job.dataset, job.assets, names), sum(one.objects for one in job.surveys), len(names)
    )


def scene_to_glb(scene: Scene, library: Path) -> bytes:
    """The content of a scene's .glb file, with meshes from an asset library."""
    meshes: dict[str, Sequence[MeshPart]] = {}
    made = trimesh.Scene()
    for name, part in _room_parts(scene):
        meshes[f"room/{name}"] = [part]  # no asset's name has a slash
        made.graph.update(name, matrix=np.eye(4), geometry=f"room/{name}/0", metadata={"surface": name})
    for item in scene.objects:
        meshes[item.asset] = asset_parts(library, item.asset)
        made.graph.update(
            object_name(item),
            matrix=_turned(np.array(item.matrix)),
            geometry=f"{item.asset}/0",
            metadata=_object_extras(item, load_asset(library, item.asset).asset),
        )
    for mesh, parts in meshes.items():
        for number, part in enumerate(parts):
            made.geometry[f"{mesh}/{number}"] = part.shape

    def add_materials(buffers: MutableMapping[Any, bytes], tree: dict[str, Any]) -> None:
        file = GltfFile(tree, buffers)
        tree["materials"] = [part.material(file) for parts in meshes.values() for part in parts]

    content: bytes = trimesh.exchange.gltf.export_glb(
        made,
        include_normals=True,
        buffer_postprocessor=add_materials,
        tree_postprocessor=partial(_complete, scene, {name: len(parts) for name, parts in meshes.items()}),
    )
    return content


def object_name(item: PlacedObject) -> str:
    """An object's node name: its class and its id."""
    return f"{item.class_name}_{item.id}"


@lru_cache(maxsize=256)
def asset_parts(library: Path, name: str) -> tuple[MeshPart, ...]:
    """An asset's mesh in parts of one material each, in glTF's axes."""
    loaded = load_asset(library, name)
    mesh = loaded.mesh
    parts = []
    for number, material in enumerate(loaded.asset.materials):
        chosen = mesh.material_index == number
        if chosen.any():
            columns = [mesh.vertices[mesh.faces[chosen]] @ TO_GLTF.T, mesh.corner_normals[chosen] @ TO_GLTF.T]
            if mesh.uvs is not None and file_textures(material):
                columns.append(mesh.uvs[chosen])
            shape = _shape(np.concatenate(columns, axis=2))
            parts.append(MeshPart(shape, partial(asset_material, material, loaded.asset.folder)))
    return tuple(parts)


def _shape(corners: Array) -> trimesh.Trimesh:
    """Triangles from the place, the normal and, where they are given, the UV of their corners, (F, 3, 6 or 8).

    Corners that are equal in all of it become one vertex.
    """
    rows, faces = np.unique(corners.reshape(-1, corners.shape[2]), axis=0, return_inverse=True)
    material = trimesh.visual.material.PBRMaterial()  # trimesh writes UVs beside one; `scene_to_glb` replaces it
    visual = trimesh.visual.TextureVisuals(uv=rows[:, 6:] if rows.shape[1] > 6 else None, material=material)
    return trimesh.Trimesh(rows[:, :3], faces.reshape(-1, 3), vertex_normals=rows[:, 3:6], visual=visual, process=False)


def _room_parts(scene: Scene) -> Iterator[tuple[str, MeshPart]]:
    """Floor, walls and ceiling, seen from inside; none in the open."""
    if scene.room is None:
        return
    x, y, z = scene.room[0] / 2, scene.room[1] / 2, scene.room[2]
    around = [(-x, -y), (x, -y), (x, y), (-x, y)]
    walls = [[(*b, 0.0), (*a, 0.0), (*a, z), (*b, z)] for a, b in zip(around, around[1:] + around[:1], strict=True)]
    yield from _surface("floor", scene.look, [[(*corner, 0.0) for corner in around]])
    yield from _surface("walls", scene.look, walls)
    yield from _surface("ceiling", scene.look, [[(*corner, z) for corner in reversed(around)]])


def _surface(name: str, look: Look, quads: Sequence[Sequence[Vector]]) -> Iterator[tuple[str, MeshPart]]:
    """One part of a room, from quads whose corners go counterclockwise as seen from inside."""
    surface: SurfaceLook | None = getattr(look, name)
    if surface is None:
        return
    corners = np.array(quads, float) @ TO_GLTF.T
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    both = np.concatenate([corners, np.broadcast_to(normals[:, None], corners.shape)], axis=2)
    shape = _shape(both[:, [[0, 1, 2], [0, 2, 3]]].reshape(-1, 3, 6))
    yield name, MeshPart(shape, lambda _file: surface_material(surface, name))


def _turned(matrix: Array) -> Array:
    """An asset-to-world matrix (4, 4) between the same frames in glTF's axes."""
    turn = np.eye(4)
    turn[:3, :3] = TO_GLTF
    return np.asarray(turn @ matrix @ turn.T)


def _object_extras(item: PlacedObject, asset: Asset) -> dict[str, Any]:
    extras = {
        "id": item.id,
        "class": item.class_name,
        "asset": item.asset,
        "split": asset.split,
        "licence": asset.provenance.licence,
        "title": asset.provenance.title,
        "author": asset.provenance.author,
        "source": asset.provenance.source,
    }
    # Blender's importer takes no null.
    return extras if item.parent is None else {**extras, "parent": item.parent}


def _complete(scene: Scene, parts: dict[str, int], tree: dict[str, Any]) -> None:
    """What trimesh does not write: meshes of several materials, all cameras, and what the scene is."""
    starts = np.cumsum([0, *parts.values()]).tolist()
    primitives = [mesh["primitives"][0] for mesh in tree["meshes"]]
    for number, primitive in enumerate(primitives):
        primitive["material"] = number
    tree["meshes"] = [
        {"name": name, "primitives": primitives[start : start + count]}
        for start, (name, count) in zip(starts, parts.items(), strict=False)
    ]
    number_of = {start: number for number, start in enumerate(starts)}
    for node in tree["nodes"]:
        if "mesh" in node:
            node["mesh"] = number_of[node["mesh"]]
    tree["cameras"] = [_lens(camera) for camera in scene.cameras]
    for number, camera in enumerate(scene.cameras):
        tree["scenes"][0]["nodes"].append(len(tree["nodes"]))
        tree["nodes"].append({**_camera_node(camera), "camera": number})
    tree["scenes"][0]["name"] = f"scene_{scene.index:06d}"
    tree["scenes"][0]["extras"] = {
        "preset": scene.preset,
        "seed": scene.seed,
        "index": scene.index,
        "split": scene.split,
    }
    tree["asset"]["generator"] = f"scenegen {__version__}, trimesh {trimesh.__version__}"


def _lens(camera: Camera) -> dict[str, Any]:
    """glTF's perspective camera; it has no principal point, so an off-centre one is in the node's `extras` only."""
    (fx, _, _), (_, fy, _), _ = camera.K
    yfov = 2 * math.atan(camera.height / (2 * fy))
    aspect = (camera.width / fx) / (camera.height / fy)
    return {
        "name": camera.name,
        "type": "perspective",
        "perspective": {"yfov": yfov, "aspectRatio": aspect, "znear": NEAR},
    }


def _camera_node(camera: Camera) -> dict[str, Any]:
    turn = np.eye(4)
    turn[:3, :3] = TO_GLTF
    matrix = turn @ np.linalg.inv(np.array(camera.world_to_camera)) @ FROM_OPENCV
    extras = {
        "K": np.array(camera.K).reshape(-1).tolist(),
        "world_to_camera": np.array(camera.world_to_camera).reshape(-1).tolist(),
        "width": camera.width,
        "height": camera.height,
    }
    return {"name": camera.name, "matrix": matrix.T.reshape(-1).tolist(), "extras": extras}
