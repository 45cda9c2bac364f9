"""Collada files far from the origin, moved near it in 64 bits before Blender's importer cuts them to 32."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
from numpy.typing import NDArray

from blender_scripts.imports.far import FAR_NODES, near_locals
from blender_scripts.imports.text_files import far_middle

Element = ElementTree.Element
Matrix = NDArray[np.float64]


def bring_near(root: Element, name: str) -> bool:
    """Move the meshes of a scene near the origin, in place; whether they were far.

    `name` is the namespace in braces. Files with skins or with nodes that are used several times stay as they are.
    """
    if next(root.iter(f"{name}instance_controller"), None) is not None:
        return False
    if next(root.iter(f"{name}instance_node"), None) is not None:
        return False
    try:
        return _bring_near(root, name)
    except (ValueError, TypeError, LookupError):
        return False  # the importer reports what is wrong


def _bring_near(root: Element, name: str) -> bool:
    arrays = {each.get("id", ""): _positions(each, name) for each in root.iter(f"{name}geometry")}
    points = {key: _numbers(array).reshape(-1, 3) for key, array in arrays.items() if array is not None}
    middles = {key: far_middle(each, FAR_NODES) for key, each in points.items()}
    middle = next((each for each in middles.values() if each is not None), np.zeros(3))
    moved = {key for key, each in middles.items() if each is not None}
    nodes: list[Element] = []
    parents: list[int] = []
    locals_: list[Matrix] = []
    corners: list[NDArray[np.float64] | None] = []
    shifts: list[NDArray[np.float64]] = []
    waiting = [(node, -1) for scene in root.iter(f"{name}visual_scene") for node in scene.findall(f"{name}node")]
    while waiting:
        node, parent = waiting.pop(0)
        uses = [each.get("url", "").lstrip("#") for each in node.findall(f"{name}instance_geometry")]
        uses = [key for key in uses if key in points]
        if len({key in moved for key in uses}) > 1:
            return False  # near and far meshes in one node
        shift = middle if uses and uses[0] in moved else np.zeros(3)
        local = _local(node, name) @ _translation(shift)
        if parent >= 0:
            local = _translation(-shifts[parent]) @ local
        ends = [np.array([points[key].min(axis=0), points[key].max(axis=0)]) - shift for key in uses]
        nodes.append(node)
        parents.append(parent)
        locals_.append(local)
        shifts.append(shift)
        corners.append(np.concatenate(ends) if ends else None)
        waiting += [(child, len(nodes) - 1) for child in node.findall(f"{name}node")]
    matrices = near_locals(parents, locals_, corners)
    if matrices is None:
        return False
    for key in moved:
        array = arrays[key]
        if array is not None:
            array.text = " ".join(f"{value:.9g}" for value in (points[key] - middle).reshape(-1))
    for node, matrix in zip(nodes, matrices, strict=True):
        for each in [each for each in node if each.tag.removeprefix(name) in _STEPS]:
            node.remove(each)
        step = ElementTree.Element(f"{name}matrix", {"sid": "transform"})
        step.text = " ".join(repr(float(value)) for value in matrix.reshape(-1))
        node.insert(0, step)
    return True


def _positions(geometry: Element, name: str) -> Element | None:
    """The numbers of a geometry's vertices; None when they are not simply x, y and z."""
    link = geometry.find(f".//{name}vertices/{name}input[@semantic='POSITION']")
    wanted = link.get("source", "").lstrip("#") if link is not None else None
    source = next((each for each in geometry.iter(f"{name}source") if each.get("id") == wanted), None)
    array = source.find(f"{name}float_array") if source is not None else None
    accessor = source.find(f".//{name}accessor") if source is not None else None
    plain = accessor is not None and accessor.get("stride") == "3" and accessor.get("offset", "0") == "0"
    return array if plain else None


def _numbers(element: Element) -> NDArray[np.float64]:
    return np.array((element.text or "").split(), dtype=np.float64)


def _translation(offset: NDArray[np.float64]) -> Matrix:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return matrix


_STEPS = ("translate", "rotate", "scale", "matrix", "lookat", "skew")


def _local(node: Element, name: str) -> Matrix:
    """The matrix of a node's own transforms; ValueError for those that are not computed here."""
    result = np.eye(4)
    for element in node:
        kind = element.tag.removeprefix(name)
        if kind not in _STEPS:
            continue
        values = _numbers(element)
        step = np.eye(4)
        if kind == "translate":
            step = _translation(values)
        elif kind == "scale":
            step = np.diag([*values, 1.0])
        elif kind == "matrix":
            step = values.reshape(4, 4)
        elif kind == "rotate":
            x, y, z = values[:3] / np.linalg.norm(values[:3])
            turn = np.radians(values[3])
            cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
            step[:3, :3] = np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * cross @ cross
        else:
            raise ValueError(f"{kind} is not computed")
        result = result @ step
    return result
