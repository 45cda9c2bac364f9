"""Puts the meshes of a Collada file into the scene with pycollada: Blender has no importer for it since 5.0.

That of 4.5 loses what is used through `instance_node`, and stops at faults of the header. Materials are read from the
XML (dae.py). Skinned meshes have the shape in which they are bound to their skeleton.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.polygons import values_of

# Blender's axes: right, in (away from the viewer) and up, as the three kinds of files give them.
_AXES = {
    "X_UP": ((0.0, -1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
    "Y_UP": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    "Z_UP": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}
_FACES = ("triangles", "polylist", "polygons", "tristrips", "trifans")
_DEEPEST = 100
Floats = NDArray[np.float64]


def reads_collada() -> bool:
    """Whether Collada can be read with pycollada."""
    return importlib.util.find_spec("collada") is not None


def put_meshes(file: Path, material_names: Mapping[str, str], warnings: list[str]) -> None:
    """Make an object of each use of a geometry in the file's scene, in Blender's axes and metres.

    `material_names` gives the name of a material by its id. Adds to `warnings` what is not read.
    """
    import collada

    try:
        document = collada.Collada(str(file), ignore=[collada.common.DaeError])
    except collada.common.DaeError as error:
        raise ImportFault(f"its Collada cannot be read ({error}); export it again") from error
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ImportFault("its Collada is damaged, or not as the format wants it; export it again") from error
    wanted = _geometries(document.xmlnode)
    unread = wanted - {geometry.id for geometry in document.geometries}
    if unread and unread == wanted:
        named = ", ".join(sorted(unread)[:3])
        raise ImportFault(f"its geometries are damaged ({named}); export it again")
    warnings += [f"geometry {name} is damaged: left out" for name in sorted(unread)]
    skins = {each.get("id", "") for each in document.xmlnode.iter() if str(each.tag).endswith("}controller")}
    unread = skins - {each.id for each in document.controllers}
    warnings += [f"controller {name} is damaged: left out" for name in sorted(unread)]
    axes = np.eye(4)
    axes[:3, :3] = np.array(_AXES.get(document.assetInfo.upaxis, _AXES["Y_UP"])) * (document.assetInfo.unitmeter or 1.0)
    materials = {key: bpy.data.materials.new(name) for key, name in material_names.items()}
    meshes: dict[tuple[Any, ...], Any] = {}
    for name, geometry, bound, matrix in _uses(document, axes):
        key = (geometry.id, *sorted((symbol, target) for symbol, target in bound.items()))
        if key not in meshes:
            meshes[key] = _mesh(geometry, bound, materials)
        if meshes[key] is not None:
            made = bpy.data.objects.new(name, meshes[key])
            made.matrix_world = Matrix(matrix.tolist())
            bpy.context.scene.collection.objects.link(made)


def _geometries(xml: Any) -> set[str]:
    """The ids of the geometries that have faces."""
    ids = set()
    for geometry in (each for each in xml.iter() if str(each.tag).endswith("}geometry")):
        if any(str(each.tag).rpartition("}")[2] in _FACES for each in geometry.iter()):
            ids.add(geometry.get("id", ""))
    return ids


def _uses(document: Any, axes: Floats) -> Iterator[tuple[str, Any, dict[str, str], Floats]]:
    """Name of the node, geometry, materials by symbol, and matrix of each use of a geometry."""
    from collada import controller, scene

    waiting = [(node, axes, "", 0) for node in (document.scene.nodes if document.scene else ())]
    while waiting:
        node, matrix, name, depth = waiting.pop(0)
        if isinstance(node, (scene.GeometryNode, scene.ControllerNode)):
            bound = {each.symbol: each.target.id for each in node.materials if each.target is not None}
            if isinstance(node, scene.GeometryNode):
                yield name or node.geometry.id, node.geometry, bound, matrix
            elif isinstance(node.controller, controller.Skin):
                shape = np.array(node.controller.bind_shape_matrix, dtype=np.float64).reshape(4, 4)
                yield name, node.controller.geometry, bound, axes @ shape
            else:
                yield name, node.controller.source_geometry, bound, matrix
        elif depth < _DEEPEST and hasattr(node, "children"):
            own = matrix @ np.array(node.matrix, dtype=np.float64)
            named = getattr(node, "name", None) or getattr(node, "id", None) or name
            waiting += [(child, own, str(named), depth + 1) for child in node.children]


def _mesh(geometry: Any, bound: Mapping[str, str], materials: Mapping[str, Any]) -> Any:
    """A mesh of all faces of a geometry; None when it has none."""
    from collada.lineset import LineSet

    parts = [part for part in geometry.primitives if not isinstance(part, LineSet) and len(part.index)]
    if not parts:
        return None
    mesh = bpy.data.meshes.new(str(geometry.name or geometry.id))
    starts = np.cumsum([0] + [len(part.vertex) for part in parts])
    points = np.concatenate([part.vertex for part in parts])
    corners = np.concatenate([p.vertex_index.reshape(-1) + s for p, s in zip(parts, starts, strict=False)])
    lengths = np.concatenate([_lengths(part) for part in parts])
    mesh.vertices.add(len(points))
    mesh.vertices.foreach_set("co", points.astype(np.float32).reshape(-1))
    mesh.loops.add(len(corners))
    mesh.loops.foreach_set("vertex_index", corners.astype(np.int32))
    mesh.polygons.add(len(lengths))
    mesh.polygons.foreach_set("loop_start", (np.cumsum(lengths) - lengths).astype(np.int32))
    mesh.update(calc_edges=True)
    places = []
    for part in parts:
        material = materials.get(bound.get(part.material or "", ""))
        if material is not None and material.name not in mesh.materials:
            mesh.materials.append(material)
        places.append(mesh.materials.find(material.name) if material is not None else 0)
    number = np.repeat(np.array(places, dtype=np.int32), [len(_lengths(part)) for part in parts])
    mesh.polygons.foreach_set("material_index", number)
    _add_uvs(mesh, parts)
    _add_normals(mesh, parts)
    _add_colors(mesh, parts)
    return mesh


def _add_uvs(mesh: Any, parts: Sequence[Any]) -> None:
    for number in range(max(len(part.texcoordset) for part in parts)):
        uvs = [_corners(part.texcoordset, part.texcoord_indexset, number, part, 2) for part in parts]
        layer = mesh.uv_layers.new(name=f"UVMap{number or ''}")
        layer.uv.foreach_set("vector", np.concatenate(uvs).astype(np.float32).reshape(-1))


def _add_normals(mesh: Any, parts: Sequence[Any]) -> None:
    if all(part.normal is None for part in parts):
        return
    sizes = [len(_lengths(part)) for part in parts]
    flat = np.split(values_of(mesh.polygons, "normal", np.float32, 3), np.cumsum(sizes)[:-1])
    own = [
        np.repeat(side, _lengths(part), axis=0) if part.normal is None else part.normal[part.normal_index.reshape(-1)]
        for part, side in zip(parts, flat, strict=True)
    ]
    normals = np.concatenate(own).astype(np.float32)
    attribute = mesh.attributes.new("custom_normal", "FLOAT_VECTOR", "CORNER")
    attribute.data.foreach_set("vector", normals.reshape(-1))


def _add_colors(mesh: Any, parts: Sequence[Any]) -> None:
    if not any(part.sources.get("COLOR") for part in parts):
        return
    colors = [np.ones((part.vertex_index.size, 4)) for part in parts]
    for part, own in zip(parts, colors, strict=True):
        for offset, *_, source in part.sources.get("COLOR", ())[:1]:
            found = np.asarray(source.data, dtype=np.float64)[part.index.reshape(-1, part.nindices)[:, offset]]
            own[:, : found.shape[1]] = found
    values = np.concatenate(colors)
    low = values[:, :3] <= 0.04045  # as in images
    values[:, :3] = np.where(low, values[:, :3] / 12.92, ((values[:, :3] + 0.055) / 1.055) ** 2.4)
    layer = mesh.color_attributes.new("Color", "FLOAT_COLOR", "CORNER")
    layer.data.foreach_set("color", values.astype(np.float32).reshape(-1))


def _corners(values: Sequence[Any], indices: Sequence[Any], number: int, part: Any, width: int) -> NDArray[np.float64]:
    """What each corner of a part has of a set of values (corners, width); 0 where the part has no such set."""
    if number >= len(values):
        return np.zeros((part.vertex_index.size, width))
    found: NDArray[np.float64] = np.asarray(values[number], dtype=np.float64)[indices[number].reshape(-1)][:, :width]
    return found


def _lengths(part: Any) -> NDArray[np.int64]:
    """The number of corners of each polygon of a part."""
    counts = getattr(part, "vcounts", None)
    return np.full(len(part.vertex_index), 3) if counts is None else np.asarray(counts, dtype=np.int64)
