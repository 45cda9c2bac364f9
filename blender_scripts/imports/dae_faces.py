"""Faces of a Collada file that name what it does not have: pycollada would lose them, or Blender would die of them.

They are taken out of the XML, and holes are cut, before anything else reads it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from mathutils.geometry import tessellate_polygon
from numpy.typing import NDArray

from blender_scripts.imports.faults import ImportFault
from blender_scripts.imports.xml_numbers import NO_NUMBER, floats_of, whole_numbers

Element = ElementTree.Element
Table = NDArray[np.int64]
_PLAIN = re.compile(r"[0-9eE.+\-\s]*")
_KINDS = ("triangles", "polylist", "polygons", "tristrips", "trifans")
_SAID = {
    "absent": "name vertices that the file does not have: left out",
    "torn": "have not all their corners: left out",
    "NORMAL": "name normals that the file does not have: shown without",
    "TEXCOORD": "name texture coordinates that the file does not have: shown without",
    "COLOR": "name colours that the file does not have: shown without",
}
_HOLES = "holes have not three vertices that the file has: filled"


@dataclass
class _Input:
    """One <input> of the faces of a mesh: `column` of their numbers, and the rows that its source has."""

    element: Element
    semantic: str
    column: int
    rows: int


@dataclass
class _Mesh:
    """A <mesh> and what its ids stand for: rows of each source, arrays of coordinates, the source behind vertices."""

    geometry: str
    body: Element
    name: str
    rows: dict[str, int] = field(default_factory=dict)
    points: dict[str, tuple[Element, int]] = field(default_factory=dict)
    vertices: dict[str, str] = field(default_factory=dict)


def leave_out_faces(root: Element, name: str, warnings: list[str]) -> bool:
    """Take out of a document the faces that cannot be drawn, in place; whether it changed. `name`: "{namespace}".

    Adds to `warnings` how many of how many, and the ids that faces name and that are not there. Holes of polygons
    become triangles. ImportFault where no face is left.
    """
    counts: Counter[str] = Counter()
    said: list[str] = []
    changed = False
    for geometry in root.iter(f"{name}geometry"):
        body = geometry.find(f"{name}mesh")
        if body is not None:
            mesh = _Mesh(geometry.get("id") or geometry.get("name") or "without a name", body, name)
            changed |= _read_sources(mesh, counts)
            for element in list(body):
                if element.tag.removeprefix(name) in _KINDS:
                    changed |= _correct(element, mesh, counts, said)
    faces = counts["faces"]
    left_out = counts["absent"] + counts["torn"] + counts["adrift"]
    if faces and left_out == faces:
        reason = said[0] if said else f"all its {faces:,} faces name vertices that it does not have"
        raise ImportFault(f"{reason.removesuffix(': left out')}; export it again")
    warnings += said
    warnings += [f"{counts[key]:,} of {faces:,} faces {text}" for key, text in _SAID.items() if counts[key]]
    if counts["filled"]:
        warnings.append(f"{counts['filled']:,} of {counts['holes']:,} {_HOLES}")
    if counts["vertices"]:
        warnings.append(f"{counts['vertices']} lists of vertices have fewer normals or UVs than places: shown without")
    if counts["counted"] > counts["there"]:
        warnings.append(f"it counts {counts['counted']:,} faces, and has {counts['there']:,}")
    if counts["behind"]:
        warnings.append(f"{counts['behind']:,} numbers behind its last polygon are not read")
    return changed


def _read_sources(mesh: _Mesh, counts: Counter[str]) -> bool:
    """Note the sources of a mesh; whether one was changed: words and NaN, which would be read as 0, become infinite."""
    changed = False
    links = [
        (element, link)
        for element in mesh.body.iter(f"{mesh.name}vertices")
        for link in element.findall(f"{mesh.name}input")
    ]
    mesh.vertices |= {element.get("id", ""): _id(link) for element, link in links if link.get("semantic") == "POSITION"}
    places = set(mesh.vertices.values())
    for source in mesh.body.iter(f"{mesh.name}source"):
        array = source.find(f"{mesh.name}float_array")
        width = sum(1 for _ in source.iter(f"{mesh.name}param"))
        if array is None or not width:
            continue
        key, text = source.get("id", ""), array.text or ""
        count = len(text.split())
        mesh.rows[key] = count // width
        if count % width or not _PLAIN.fullmatch(text):
            values = floats_of(text)[: count // width * width]
            broken = ~np.isfinite(values)
            values = np.where(broken, np.inf if key in places else 0.0, values)
            array.text = " ".join(f"{value:.9g}" for value in values)
            changed = True
        if key in places:
            mesh.points[key] = array, width
    for element, link in links:
        rows = mesh.rows.get(mesh.vertices.get(element.get("id", ""), ""), 0)
        if link.get("semantic") != "POSITION" and mesh.rows.get(_id(link), 0) < rows:
            counts["vertices"] += 1
            element.remove(link)
            changed = True
    return changed


def _correct(element: Element, mesh: _Mesh, counts: Counter[str], said: list[str]) -> bool:
    """Replace one element with faces by one, or several, that name only what is there; whether it had to be."""
    name = mesh.name
    inputs, stride, reason = _inputs(element, mesh)
    corners, lengths, odd = _faces(element, name, stride or 1, counts)
    has_holes = element.find(f"{name}ph") is not None
    try:
        counts["counted"] += int(element.get("count", ""))
        counts["there"] += len(lengths) + len(element.findall(f"{name}ph"))
    except ValueError:
        pass  # it counts nothing
    counts["faces"] += len(lengths)
    if reason:
        counts["faces"] += len(element.findall(f"{name}ph"))
        counts["adrift"] += len(lengths) + len(element.findall(f"{name}ph"))
        said.append(f"geometry {mesh.geometry}: {reason}: left out")
        mesh.body.remove(element)
        return True
    vertex = next(each for each in inputs if each.semantic == "VERTEX")
    if has_holes:
        array, width = mesh.points[mesh.vertices[_id(vertex.element)]]
        points = floats_of(array.text).reshape(-1, width)[:, :3]
        cut = list(_cut_holes(element, name, stride, vertex, points, counts))
        if cut:
            corners = np.concatenate([corners, *cut])
            lengths = np.concatenate([lengths, np.full(sum(map(len, cut)) // 3, 3)])
    torn = lengths < 3
    absent = _any_of(lengths, _outside(corners, vertex)) & ~torn
    counts["torn"] += np.count_nonzero(torn)
    counts["absent"] += np.count_nonzero(absent)
    kept = ~(torn | absent)
    others = [each for each in inputs if each is not vertex]
    lacks = [_any_of(lengths, _outside(corners, each)) & kept for each in others]
    dead = [each.rows < 0 for each in others]  # its source is not there at all
    said += [
        f"geometry {mesh.geometry}: its {each.semantic} {each.element.get('source')} is not in the file: shown without"
        for each, gone in zip(others, dead, strict=True)
        if gone
    ]
    for each, lack, gone in zip(others, lacks, dead, strict=True):
        if each.semantic in _SAID and not gone:
            counts[each.semantic] += np.count_nonzero(lack)
    if kept.all() and not odd and not has_holes and not any(lack.any() for lack in lacks) and not any(dead):
        return False
    key = sum((lack.astype(np.int64) << number for number, lack in enumerate(lacks)), np.zeros(len(lengths), np.int64))
    place = list(mesh.body).index(element)
    mesh.body.remove(element)
    for lacking in np.unique(key[kept])[::-1].tolist():
        used = [vertex, *(each for number, each in enumerate(others) if not lacking >> number & 1)]
        chosen = kept & (key == lacking)
        mesh.body.insert(place, _polylist(element, name, used, corners[np.repeat(chosen, lengths)], lengths[chosen]))
    return True


def _inputs(element: Element, mesh: _Mesh) -> tuple[list[_Input], int, str]:
    """The inputs of faces, the numbers of each corner, and why the faces cannot be read at all, else ""."""
    found = []
    tag = element.tag.removeprefix(mesh.name)
    for link in element.findall(f"{mesh.name}input"):
        words = whole_numbers(link.get("offset"))
        if len(words) != 1 or words[0] == NO_NUMBER or words[0] > 99:
            return [], 0, f"an input of its <{tag}> has no offset"
        semantic, key = link.get("semantic", ""), _id(link)
        rows = mesh.rows.get(mesh.vertices.get(key, key), -1)
        found.append(_Input(link, semantic, int(words[0]), rows))
    vertex = next((each for each in found if each.semantic == "VERTEX"), None)
    if vertex is None:
        return [], 0, f"its <{tag}> names no vertices"
    if vertex.rows < 0:
        absent = mesh.vertices.get(_id(vertex.element), _id(vertex.element))
        return [], 0, f"its <{tag}> takes vertices from #{absent}, which the file does not have"
    return found, 1 + max(each.column for each in found), ""


def _faces(element: Element, name: str, stride: int, counts: Counter[str]) -> tuple[Table, NDArray[np.int64], bool]:
    """The corners (C, stride) of all faces without holes, the number of each face's, and whether any was not whole.

    A face that is not whole has the length 0.
    """
    tag = element.tag.removeprefix(name)
    texts = [part.text or "" for part in element.findall(f"{name}p")]
    if tag in ("triangles", "polylist"):
        texts = texts[:1] if tag == "polylist" else texts
        corners, over = _table(" ".join(texts), stride)
        if tag == "triangles":
            whole = len(corners) // 3
            torn = len(corners) % 3 > 0 or over > 0
            lengths = np.array([3] * whole + [0] * torn, dtype=np.int64)
            return corners[: 3 * whole], lengths, torn
        counted = element.find(f"{name}vcount")
        lengths = np.maximum(whole_numbers(counted.text if counted is not None else None), 0)
        ends = np.cumsum(lengths)
        lengths = np.where(ends > len(corners), 0, lengths)
        used = int(lengths.sum())
        counts["behind"] += (len(corners) - used) * stride + over if (ends <= len(corners)).all() else 0
        return corners[:used], lengths, bool((lengths < 3).any() or used < len(corners) or over)
    if tag == "polygons":
        words = np.array([len(text.split()) for text in texts], dtype=np.int64)
        if (words % stride).any():  # one that is not whole would shift all that follow
            texts = ["" if count % stride else text for count, text in zip(words.tolist(), texts, strict=True)]
            words = np.where(words % stride, 0, words)
        corners, _ = _table(" ".join(texts), stride)
        return corners, words // stride, bool((words < 3 * stride).any())
    tables = [_table(text, stride) for text in texts]
    whole_strips = [_triangles_of(tag, corners) for corners, _ in tables]
    broken = sum(over > 0 or len(corners) < 3 for corners, over in tables)
    corners = np.concatenate([*whole_strips, np.zeros((0, stride), np.int64)])
    return corners, np.array([3] * (len(corners) // 3) + [0] * broken, dtype=np.int64), broken > 0


def _triangles_of(tag: str, corners: Table) -> Table:
    """The corners (3 T, stride) of the triangles of a strip or fan."""
    number = np.arange(max(len(corners) - 2, 0))
    if tag == "trifans":
        order = np.stack([np.zeros_like(number), number + 1, number + 2], axis=1)
    else:
        order = np.stack([number + number % 2, number + 1 - number % 2, number + 2], axis=1)
    triangles: Table = corners[order.reshape(-1)]
    return triangles


def _cut_holes(
    element: Element, name: str, stride: int, vertex: _Input, points: NDArray[np.float64], counts: Counter[str]
) -> Iterator[Table]:
    """The corners (3 T, stride) of the triangles of each polygon with holes, which pycollada leaves out."""
    for polygon in element.findall(f"{name}ph"):
        outline = polygon.find(f"{name}p")
        outer, over = _table(outline.text or "" if outline is not None else "", stride)
        rings = [_table(hole.text or "", stride)[0] for hole in polygon.findall(f"{name}h")]
        counts["faces"] += 1
        if over or len(outer) < 3 or _outside(outer, vertex).any():
            counts["torn" if over or len(outer) < 3 else "absent"] += 1
            continue
        fine = [ring for ring in rings if len(ring) >= 3 and not _outside(ring, vertex).any()]
        counts["holes"] += len(rings)
        counts["filled"] += len(rings) - len(fine)
        corners = np.concatenate([outer, *fine])
        shape = [[tuple(points[row[vertex.column]].tolist()) for row in ring] for ring in (outer, *fine)]
        triangles = np.array(tessellate_polygon(shape), dtype=np.int64).reshape(-1)
        yield corners[triangles]


def _polylist(
    element: Element, name: str, inputs: Sequence[_Input], corners: Table, lengths: NDArray[np.int64]
) -> Element:
    """Faces with some inputs of an element, whose columns are numbered anew."""
    columns = sorted({each.column for each in inputs})
    made = ElementTree.Element(f"{name}polylist", {**element.attrib, "count": str(len(lengths))})
    for each in inputs:
        ElementTree.SubElement(made, f"{name}input", {**each.element.attrib, "offset": str(columns.index(each.column))})
    ElementTree.SubElement(made, f"{name}vcount").text = " ".join(map(str, lengths.tolist()))
    ElementTree.SubElement(made, f"{name}p").text = " ".join(map(str, corners[:, columns].reshape(-1).tolist()))
    return made


def _table(text: str, stride: int) -> tuple[Table, int]:
    """Numbers as rows of a corner each, and how many are left over."""
    numbers = whole_numbers(text)
    whole = len(numbers) // stride * stride
    return numbers[:whole].reshape(-1, stride), len(numbers) - whole


def _outside(corners: Table, each: _Input) -> NDArray[np.bool_]:
    """Which corners (C,) name a row that a source does not have."""
    column = corners[:, each.column]
    return np.asarray((column < 0) | (column >= max(each.rows, 0)))


def _any_of(lengths: NDArray[np.int64], corners: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which faces have one of the chosen corners."""
    found = np.zeros(len(lengths), dtype=bool)
    found[np.repeat(np.arange(len(lengths)), lengths)[corners]] = True
    return found


def _id(link: Element) -> str:
    return link.get("source", "").removeprefix("#")
