"""Prepared assets as Blender meshes, loaded once and shared by every scene of the process."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from numpy.typing import NDArray
from scenegen.core.asset_library import Asset, Mesh, read_asset, read_mesh
from scenegen.core.labels.label_meshes import LabelMesh, label_mesh

from blender_scripts.build.materials import make_material
from blender_scripts.host.compat import set_vertex_normals

# Triangles kept between scenes, about 300 bytes each: loading an asset again costs only milliseconds.
CACHED_TRIANGLES = 200_000


@dataclass(frozen=True)
class _Loaded:
    mesh: Any
    materials: tuple[Any, ...]
    asset: Asset
    arrays: Mesh

    @cached_property
    def label_mesh(self) -> LabelMesh:
        return label_mesh(self.asset, self.arrays)


class AssetCache:
    """Meshes of one library by asset name.

    Not functools.lru_cache: an asset may only be dropped between two scenes, its size is counted in triangles, and what
    Blender holds of it has to be removed.
    """

    def __init__(self, library: Path, max_triangles: int = CACHED_TRIANGLES) -> None:
        self.library = library
        self.max_triangles = max_triangles
        self._loaded: OrderedDict[str, _Loaded] = OrderedDict()

    def mesh(self, asset_name: str) -> Any:
        """Return the asset's bpy mesh with its materials. Raises ScenegenError for a broken asset."""
        return self._get(asset_name).mesh

    def label_mesh(self, asset_name: str) -> LabelMesh:
        """Return the same mesh in the asset frame as labels need it."""
        return self._get(asset_name).label_mesh

    def arrays(self, asset_name: str) -> Mesh:
        """Return the same mesh as it lies in the library."""
        return self._get(asset_name).arrays

    def trim(self) -> None:
        """Drop the assets used longest ago until the rest has at most `max_triangles`."""
        total = sum(len(entry.arrays.faces) for entry in self._loaded.values())
        while total > self.max_triangles:
            _, entry = self._loaded.popitem(last=False)
            total -= len(entry.arrays.faces)
            _remove(entry)

    def _get(self, asset_name: str) -> _Loaded:
        entry = self._loaded.get(asset_name)
        if entry is None:
            asset = read_asset(self.library / asset_name)
            entry = self._loaded[asset_name] = _load(asset, read_mesh(asset))
        self._loaded.move_to_end(asset_name)
        return entry


def _load(asset: Asset, arrays: Mesh) -> _Loaded:
    materials = tuple(make_material(f"{asset.name}/{m.name}", m, asset.folder) for m in asset.materials)
    mesh = make_mesh(asset.name, arrays)
    for material in materials:
        mesh.materials.append(material)
    mesh.use_fake_user = True  # so that it stays when its first scene is removed
    return _Loaded(mesh, materials, asset, arrays)


def _remove(entry: _Loaded) -> None:
    nodes = (node for material in entry.materials for node in material.node_tree.nodes)
    images = {node.image for node in nodes if node.bl_idname == "ShaderNodeTexImage"}
    bpy.data.batch_remove([entry.mesh, *entry.materials, *images])


def make_mesh(name: str, arrays: Mesh) -> Any:
    """Make a bpy mesh from arrays, without a loop over its parts.

    A vertex whose corners have several normals becomes several vertices: Cycles smooths over those that stay one.
    """
    corner_vertices, vertices, normals = _split_vertices(arrays)
    face_count = len(arrays.faces)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(len(vertices))
    mesh.vertices.foreach_set("co", vertices.ravel())
    mesh.loops.add(3 * face_count)
    mesh.loops.foreach_set("vertex_index", corner_vertices)
    mesh.polygons.add(face_count)
    mesh.polygons.foreach_set("loop_start", np.arange(0, 3 * face_count, 3, dtype=np.int32))
    mesh.polygons.foreach_set("loop_total", np.full(face_count, 3, dtype=np.int32))
    mesh.polygons.foreach_set("material_index", arrays.material_index.astype(np.int32))
    mesh.polygons.foreach_set("use_smooth", np.ones(face_count, dtype=bool))
    if arrays.uvs is not None:
        layer = mesh.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", arrays.uvs.astype(np.float32).ravel())
    mesh.update(calc_edges=True)
    set_vertex_normals(mesh, normals)
    return mesh


def _split_vertices(arrays: Mesh) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Make one vertex per distinct (vertex, normal).

    Returns the corners' vertices int32 (3 F,), the vertices and their normals float32 (V, 3).
    """
    corners = arrays.faces.ravel()
    normals = arrays.corner_normals.reshape(-1, 3).astype(np.float32)
    steps = np.rint(normals * 1000).astype(np.int64) + 1000
    keys = ((corners * 2001 + steps[:, 0]) * 2001 + steps[:, 1]) * 2001 + steps[:, 2]
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    return inverse.astype(np.int32), arrays.vertices[corners[first]].astype(np.float32), normals[first]
